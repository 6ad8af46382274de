/* Keeping the order of boards. Who is noted, and when, is decided by those who mark: eval_view.c, evaluator.c, eval_erased.c. */
#include "board_order.h"

#include <math.h>
#include <stdlib.h>

#include "kpi_read.h"

enum { SEARCH_LIMIT = 64 }; /* up to so many entries, previous ranks are searched for one by one */

/* A subject that was evaluated anew. */
struct order_change {
    struct ranked *at, fresh;
    bool *in; /* whether it is in the order; `is`: whether it belongs there now */
    bool is;
    uint32_t from; /* where it stands, UINT32_MAX: nowhere */
};

/* ---- subjects -------------------------------------------------------------------------------------------------------------------------------------- */

struct stand *stand_of(const struct evaluator *e, enum view_id v, struct subject *s, uint32_t board)
{
    size_t n = e->defs->n_boards;
    if (!s->stand)
        s->stand = calloc(VIEW_COUNT * n, sizeof *s->stand);
    struct stand **at = s->stand ? &s->stand[(size_t)v * n + board] : NULL;
    if (at && !*at) {
        *at = calloc(1, sizeof **at);
        for (int w = 0; *at && w < BOARD_WAITS; w++)
            (*at)->wait_ms[w] = INT64_MAX;
    }
    return at ? *at : NULL;
}

void stand_release(struct subject *s, uint32_t n_boards)
{
    for (size_t i = 0; s->stand && i < (size_t)VIEW_COUNT * n_boards; i++)
        free(s->stand[i]);
    free(s->stand);
}

void board_orders_release(struct board_order *order, uint32_t n_boards)
{
    for (uint32_t b = 0; order && b < n_boards; b++) {
        free(order[b].now.v);
        free(order[b].before.v);
        free(order[b].stale.v);
        free(order[b].shown.v);
        for (int w = 0; w < BOARD_WAITS; w++)
            agenda_release(&order[b].wait[w]);
    }
    free(order);
}

/* ---- what is noted --------------------------------------------------------------------------------------------------------------------------------- */

static void note(struct evaluator *e, enum view_id v, struct subject *s, uint32_t board)
{
    struct board_order *order = &s->org->view[v].order[board];
    if (!order->valid)
        return;
    struct stand *stand = stand_of(e, v, s, board);
    if (stand && stand->stale)
        return;
    if (!stand || subject_set_add(&order->stale, s) < 0)
        e->out_of_memory = true;
    else
        stand->stale = true;
}

void board_order_note_dirty(struct evaluator *e, enum view_id v, struct subject *s)
{
    for (uint32_t b = 0; b < e->defs->n_boards; b++)
        if (e->defs->board[b].dim == s->dim && bit_test(s->view[v].dirty, e->board_watch[b]))
            note(e, v, s, b);
}

void board_order_note(struct evaluator *e, enum view_id v, struct subject *s)
{
    for (uint32_t b = 0; b < e->defs->n_boards; b++)
        if (e->defs->board[b].dim == s->dim)
            note(e, v, s, b);
}

void board_orders_forget(struct evaluator *e, enum view_id v)
{
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (uint32_t b = 0; b < e->defs->n_boards; b++)
            e->store.org[o]->view[v].order[b].valid = false;
}

bool board_order_kept(const struct reading *r, uint32_t board)
{
    const struct definitions *defs = r->e->defs;
    const struct board_def *def = &defs->board[board];
    enum window_kind kind = def->window.kind;
    const struct plan_kpi *k = &r->e->plan.kpi[def->kpi];
    bool in_hours = k->levels && window_grain(&def->window) == GRAIN_MINUTE; /* no event says when an hour is over */
    return k->plain && !in_hours && !r->past && r->e->view[r->view].tracked && kind != WINDOW_LIVE &&
           kind != WINDOW_FIVE_YEARS && kind != WINDOW_SPAN;
}

/* ---- one order ------------------------------------------------------------------------------------------------------------------------------------- */

static int reserve(struct standings *list, uint32_t n)
{
    if (n <= list->cap)
        return 0;
    uint32_t cap = list->cap * 2 > n ? list->cap * 2 : n;
    struct ranked **v = realloc(list->v, cap * sizeof *list->v);
    if (!v)
        return -1;
    list->v = v;
    list->cap = cap;
    return 0;
}

/* Index of the first of v[0 .. n) that is not before x. */
static uint32_t position(const struct standings *list, uint32_t n, const struct ranked *x)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (ranked_cmp(list->v[mid], x) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = ((const struct order_change *)a)->from, y = ((const struct order_change *)b)->from;
    return (x > y) - (x < y);
}

static int by_figures(const void *a, const void *b)
{
    const struct order_change *x = a, *y = b;
    if (!x->is || !y->is)
        return y->is - x->is;
    return ranked_cmp(&x->fresh, &y->fresh);
}

static void move(struct standings *list, uint32_t to, uint32_t from, uint32_t n)
{
    if (n && to != from)
        memmove(list->v + to, list->v + from, n * sizeof *list->v);
}

/* Changes in order of `from`: the runs between those that go close up. */
static void take_out(struct standings *list, const struct order_change *change, uint32_t n)
{
    uint32_t kept = n && change[0].from != UINT32_MAX ? change[0].from : list->n;
    for (uint32_t i = 0; i < n && change[i].from != UINT32_MAX; i++) {
        uint32_t begin = change[i].from + 1;
        uint32_t end = i + 1 < n && change[i + 1].from != UINT32_MAX ? change[i + 1].from : list->n;
        move(list, kept, begin, end - begin);
        kept += end - begin;
    }
    list->n = kept;
}

/* Changes in order of their figures: from the last on, each finds its place and the run behind it moves up. */
static int put_in(struct standings *list, struct order_change *change, uint32_t n)
{
    while (n && !change[n - 1].is)
        n--;
    if (reserve(list, list->n + n) < 0)
        return -1;
    uint32_t end = list->n;
    list->n += n;
    for (uint32_t i = n; i > 0; i--) {
        uint32_t at = position(list, end, &change[i - 1].fresh);
        move(list, at + i, at, end - at);
        *change[i - 1].at = change[i - 1].fresh;
        list->v[at + i - 1] = change[i - 1].at;
        end = at;
    }
    return 0;
}

static int apply(struct standings *list, struct order_change *change, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        change[i].from = *change[i].in ? position(list, list->n, change[i].at) : UINT32_MAX;
        *change[i].in = change[i].is;
    }
    qsort(change, n, sizeof *change, by_place);
    take_out(list, change, n);
    qsort(change, n, sizeof *change, by_figures);
    list->numbered = false;
    return put_in(list, change, n);
}

/* ---- the stale ones -------------------------------------------------------------------------------------------------------------------------------- */

static int reserve_changes(struct board_scratch *scratch, uint32_t n)
{
    if (n <= scratch->cap_changes)
        return 0;
    struct order_change *v = realloc(scratch->change, n * sizeof *v);
    if (!v)
        return -1;
    scratch->change = v;
    scratch->cap_changes = n;
    return 0;
}

/* Evaluates all stale subjects; those that stand where they stood, with the figures they had, are no change. */
static int refresh(const struct reading *r, const struct board_order *order, uint32_t board,
                   const struct ranking_rule *rule, bool before, struct standings *list)
{
    struct board_scratch *scratch = &r->e->boards;
    uint32_t n = 0;
    if (reserve_changes(scratch, order->stale.n) < 0)
        return -1;
    for (uint32_t i = 0; i < order->stale.n; i++) {
        struct stand *s = stand_of(r->e, r->view, order->stale.v[i], board);
        struct order_change c = { .at = before ? &s->before : &s->now, .in = before ? &s->in_before : &s->in_now };
        c.is = ranking_see(r, order->stale.v[i], rule, &c.fresh);
        c.fresh.stand = s;
        if (c.is && *c.in && ranked_cmp(c.at, &c.fresh) == 0)
            c.at->samples = c.fresh.samples;
        else if (c.is || *c.in)
            scratch->change[n++] = c;
    }
    return n ? apply(list, scratch->change, n) : 0;
}

static int await(const struct reading *r, struct board_order *order, uint32_t board, struct subject *s,
                 enum board_wait which, int64_t at_ms)
{
    if (at_ms == INT64_MAX)
        return 0;
    struct stand *stand = stand_of(r->e, r->view, s, board);
    if (!stand)
        return -1;
    if (at_ms >= stand->wait_ms[which])
        return 0;
    stand->wait_ms[which] = at_ms;
    return agenda_push(&order->wait[which], (struct agenda_item){ .at_ms = at_ms, .target = s });
}

/* The roster as of here; steps of a level count from their hour on. */
static const struct measure_def *roster_level(const struct reading *r)
{
    int roster = r->e->plan.roster;
    const struct measure_def *def = roster < 0 ? NULL : &r->e->defs->measure[roster];
    return def && def->agg == AGG_LEVEL ? def : NULL;
}

static int64_t roster_cut_ms(const struct reading *r, struct subject *s)
{
    struct measure_reader m = { .r = r, .s = s };
    const struct measure_def *def = roster_level(r);
    return def && s->dim == DIM_REP ? level_cut_ms(&m, def, false) : INT64_MIN;
}

/* The first step that is not in force yet. */
static int64_t next_step_ms(const struct reading *r, struct subject *s)
{
    const struct measure_def *def = roster_level(r);
    const struct node *n = def && s->dim == DIM_REP ? s->node[r->e->plan.roster] : NULL;
    if (!n || !n->part[SERIES_BASE])
        return INT64_MAX;
    bool fine = window_grain(r->window) == GRAIN_MINUTE && def->fine;
    const struct panes *p = &n->part[SERIES_BASE]->track[r->view].panes[fine ? GRAIN_MINUTE : GRAIN_HOUR];
    uint32_t i = panes_from(p, roster_cut_ms(r, s));
    return i < p->n ? p->v[i].start_ms : INT64_MAX;
}

/* What of a subject time alone will change. `before_end_ms`: of the comparison window, INT64_MAX: none. */
static int expect(const struct reading *r, struct board_order *order, uint32_t board, struct subject *s,
                  int64_t before_end_ms)
{
    int64_t known_ms = subject_known_ms(s, r->view);
    int64_t joins_ms = known_ms >= before_end_ms ? known_ms : INT64_MAX;
    return await(r, order, board, s, BOARD_JOINS, joins_ms) < 0 ||
                   await(r, order, board, s, BOARD_TURNS, next_step_ms(r, s)) < 0
               ? -1
               : 0;
}

static void wake(const struct reading *r, struct board_order *order, uint32_t board, enum board_wait which,
                 int64_t before_ms)
{
    struct agenda_item item;
    while (before_ms > INT64_MIN && agenda_pop_due(&order->wait[which], before_ms - 1, &item)) {
        struct subject *s = item.target;
        struct stand *stand = stand_of(r->e, r->view, s, board);
        if (stand->wait_ms[which] == item.at_ms)
            stand->wait_ms[which] = INT64_MAX;
        note(r->e, r->view, s, board);
    }
}

static int update(const struct reading *now, const struct reading *before, struct org *org, uint32_t board,
                  const struct ranking_rule *rule)
{
    struct board_order *order = &org->view[now->view].order[board];
    int64_t end_ms = before ? reading_span(now, org, COMPARED_WHOLE).end_ms : INT64_MAX;
    if (before)
        wake(now, order, board, BOARD_JOINS, end_ms);
    if (org->dim[rule->dim].n)
        wake(now, order, board, BOARD_TURNS, roster_cut_ms(now, org->dim[rule->dim].v[0]));
    if (order->stale.n == 0)
        return 0;
    if (refresh(now, order, board, rule, false, &order->now) < 0 ||
        (before && refresh(before, order, board, rule, true, &order->before) < 0))
        return -1;
    int rc = 0;
    for (uint32_t i = 0; i < order->stale.n; i++) {
        stand_of(now->e, now->view, order->stale.v[i], board)->stale = false;
        if (rc == 0)
            rc = expect(now, order, board, order->stale.v[i], end_ms);
    }
    order->stale.n = 0;
    return rc;
}

/* ---- made whole ------------------------------------------------------------------------------------------------------------------------------------ */

static int adopt(const struct reading *r, const struct ranking *made, uint32_t board, const struct ranking_rule *rule,
                 bool before, struct standings *list)
{
    list->n = 0;
    list->numbered = true;
    if (reserve(list, made->n) < 0)
        return -1;
    for (uint32_t i = 0; i < made->n; i++) {
        struct stand *s = stand_of(r->e, r->view, made->v[i].subject, board);
        if (!s)
            return -1;
        struct ranked *x = before ? &s->before : &s->now;
        *x = made->v[i];
        x->stand = s;
        x->value *= rule->ascending ? -1 : 1;
        *(before ? &s->in_before : &s->in_now) = true;
        list->v[list->n++] = x;
    }
    return 0;
}

static int clear(const struct reading *r, struct org *org, uint32_t board, const struct subject_list *list)
{
    struct board_order *order = &org->view[r->view].order[board];
    for (uint32_t i = 0; i < list->n; i++) {
        struct stand *s = stand_of(r->e, r->view, list->v[i], board);
        if (!s)
            return -1;
        s->stale = s->in_now = s->in_before = false;
        for (int w = 0; w < BOARD_WAITS; w++)
            s->wait_ms[w] = INT64_MAX;
    }
    order->stale.n = 0;
    for (int w = 0; w < BOARD_WAITS; w++)
        order->wait[w].n = 0;
    return 0;
}

static int make_whole(const struct reading *now, const struct reading *before, struct org *org, uint32_t board,
                      const struct ranking_rule *rule)
{
    struct board_scratch *scratch = &now->e->boards;
    struct board_order *order = &org->view[now->view].order[board];
    const struct subject_list *list = &org->dim[rule->dim];
    int64_t end_ms = before ? reading_span(now, org, COMPARED_WHOLE).end_ms : INT64_MAX;
    if (clear(now, org, board, list) < 0 || ranking_make(now, org, rule, &scratch->now) < 0 ||
        adopt(now, &scratch->now, board, rule, false, &order->now) < 0)
        return -1;
    if (before && (ranking_make(before, org, rule, &scratch->before) < 0 ||
                   adopt(now, &scratch->before, board, rule, true, &order->before) < 0))
        return -1;
    for (uint32_t i = 0; i < list->n; i++)
        if (expect(now, order, board, list->v[i], end_ms) < 0)
            return -1;
    order->valid = true;
    return 0;
}

/* ---- reading it ------------------------------------------------------------------------------------------------------------------------------------ */

static void number(struct standings *list, enum ties ties)
{
    double better = 0;
    for (uint32_t i = 0; i < list->n; i++)
        ranked_number(list->v[i], i ? list->v[i - 1] : NULL, i ? list->v[0] : NULL, i, ties, &better);
    list->numbered = true;
}

/* Where those begin that share the figures of `like`, whatever their names. */
static uint32_t begin_of(const struct standings *list, struct ranked like)
{
    static const struct subject nobody = { .text = { "", 0 } };
    like.subject = (struct subject *)&nobody;
    like.reached_ms = INT64_MIN;
    return position(list, list->n, &like);
}

static int32_t rank_before(const struct standings *list, const struct stand *s, enum ties ties)
{
    const struct ranked *x = &s->before;
    if (!s->in_before || x->is_null || x->unranked)
        return 0;
    if (list->numbered)
        return x->rank;
    return 1 + (int32_t)(ties == TIES_ORDINAL ? position(list, list->n, x) : begin_of(list, *x));
}

static int take(struct board_order *order, const struct ranking_rule *rule, uint32_t limit, struct ranking *ret)
{
    double better = 0;
    if (ranking_reserve(ret, limit) < 0)
        return -1;
    if (!order->before.numbered && (rule->ties == TIES_DENSE || limit > SEARCH_LIMIT))
        number(&order->before, rule->ties);
    ret->n = limit;
    for (uint32_t i = 0; i < limit; i++) {
        struct ranked *x = &ret->v[i];
        *x = *order->now.v[i];
        ranked_number(x, i ? x - 1 : NULL, i ? ret->v : NULL, i, rule->ties, &better);
        x->subject->previous_rank = rank_before(&order->before, x->stand, rule->ties);
    }
    for (uint32_t i = 0; rule->ascending && i < limit; i++)
        ret->v[i].value = -ret->v[i].value;
    return 0;
}

/* Which ends of the window and of the one before lie beyond what is kept, as bits: sums need all of a window, a level what comes after one end of it. */
static uint32_t what_is_cut(const struct reading *r, const struct org *org)
{
    static const enum compared where[] = { COMPARED_NOT, COMPARED_WHOLE };
    int64_t from_ms = reading_kept_ms(r);
    uint32_t cut = 0;
    for (int i = 0; i < 2; i++) {
        struct span span = reading_span(r, org, where[i]);
        cut = cut << 2 | (uint32_t)(span.start_ms < from_ms) << 1 | (span.end_ms < from_ms);
    }
    return cut;
}

int board_order_take(const struct reading *r, struct org *org, uint32_t board, const struct ranking_rule *rule,
                     uint32_t limit, struct ranking *ret, int64_t *ret_ranked)
{
    struct board_order *order = &org->view[r->view].order[board];
    struct reading before = *r;
    before.prev = COMPARED_WHOLE;
    bool compared = r->window->kind != WINDOW_GAUGE;
    uint32_t cut = what_is_cut(r, org);
    bool kept = order->valid && order->cut == cut; /* else time has taken back figures, or given them again */
    order->cut = cut;
    int rc = kept ? update(r, compared ? &before : NULL, org, board, rule)
                  : make_whole(r, compared ? &before : NULL, org, board, rule);
    if (rc < 0) {
        order->valid = false;
        return -1;
    }
    *ret_ranked = (int64_t)begin_of(&order->now, (struct ranked){ .unranked = true, .value = HUGE_VAL });
    return take(order, rule, limit && limit < order->now.n ? limit : order->now.n, ret);
}

/* Finding and making orgs, subjects, nodes and series. Adding to them is view.c's work. */
#include "series.h"

#include <stdlib.h>

#include "board_order.h"
#include "card_told.h"
#include "erased.h"
#include "evidence.h"

static const int64_t utc_from[] = { INT64_MIN };
static const int32_t utc_offset[] = { 0 };

void store_init(struct store *st, const struct plan *plan)
{
    *st = (struct store){ .plan = plan };
    st->utc = (struct calendar){ .zone = { "UTC", 1, utc_from, utc_offset },
                                 .week_start = 1,
                                 .cycle = PERIOD_MONTH,
                                 .fine_ms = plan->defs->fine_pane_ms };
}

static void release_series(struct series *s)
{
    if (!s)
        return;
    for (int v = 0; v < VIEW_COUNT; v++) {
        free(s->track[v].panes[GRAIN_MINUTE].v);
        free(s->track[v].panes[GRAIN_HOUR].v);
        free(s->track[v].wins.v);
    }
    free(s->past);
    free(s);
}

static void release_node(struct node *n)
{
    if (!n)
        return;
    for (int i = 0; i < SERIES_PARTS; i++)
        release_series(n->part[i]);
    for (uint32_t i = 0; i < n->n_bins; i++)
        release_series(n->bin[i]);
    for (int v = 0; v < VIEW_COUNT; v++)
        free(n->view[v].slot_next);
    evidence_release(n->evidence);
    free(n->bin);
    free(n);
}

static void release_subject(struct subject *s, uint32_t n_measures, uint32_t n_boards, uint32_t n_cards)
{
    for (uint32_t i = 0; s->node && i < n_measures; i++)
        release_node(s->node[i]);
    for (int v = 0; v < VIEW_COUNT; v++) {
        free(s->view[v].dirty); /* the other bit sets follow it in one block */
        free(s->view[v].published);
    }
    free(s->node);
    free(s->since);
    free(s->alert);
    free(s->card_published);
    free(s->place);
    stand_release(s, n_boards);
    card_told_release(s, n_cards);
    free(s);
}

static void release_org(struct org *org, uint32_t n_measures, uint32_t n_boards, uint32_t n_cards)
{
    for (int d = 0; d < DIM_COUNT; d++) {
        for (uint32_t i = 0; i < org->dim[d].n; i++)
            release_subject(org->dim[d].v[i], n_measures, n_boards, n_cards);
        free(org->dim[d].v);
    }
    for (int v = 0; v < VIEW_COUNT; v++) {
        free(org->view[v].span);
        free(org->view[v].boards);
        free(org->view[v].board_published);
        free(org->view[v].board_saved);
        board_orders_release(org->view[v].order, n_boards);
    }
    for (uint32_t b = 0; org->told && b < n_boards; b++)
        free(org->told[b].v);
    free(org->told);
    intern_release(&org->fields);
    free(org->series);
    free(org->memo);
    free(org);
}

void store_release(struct store *st)
{
    for (uint32_t i = 0; i < st->n_orgs; i++)
        release_org(st->org[i], st->plan->defs->n_measures, st->plan->defs->n_boards, st->plan->defs->n_scorecards);
    free(st->org);
    st->org = NULL;
    st->last = NULL;
    st->n_orgs = st->cap_orgs = 0;
}

/* Position of an id among the orgs, or where it belongs. */
static uint32_t org_position(const struct store *st, struct slice id)
{
    uint32_t low = 0, high = st->n_orgs;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (slice_cmp(st->org[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct org *store_find_org(const struct store *st, struct slice id)
{
    uint32_t i = org_position(st, id);
    return i < st->n_orgs && slice_eq(st->org[i]->id, id) ? st->org[i] : NULL;
}

static int init_org_views(const struct plan *plan, struct org *org)
{
    size_t spans = (size_t)plan->n_windows * COMPARED_COUNT + 1, boards = plan->defs->n_boards + 1u;
    for (int v = 0; v < VIEW_COUNT; v++) {
        struct org_view *view = &org->view[v];
        view->spans_at_ms = INT64_MIN;
        view->close_due_ms = view->first_ms = INT64_MAX;
        view->span = calloc(spans, sizeof *view->span);
        view->boards = calloc(boards / 64 + 1, sizeof *view->boards);
        view->board_published = calloc(boards, sizeof *view->board_published);
        view->board_saved = calloc(boards, sizeof *view->board_saved);
        view->order = calloc(boards, sizeof *view->order);
        if (!view->span || !view->boards || !view->board_published || !view->board_saved || !view->order)
            return -1;
    }
    return 0;
}

static struct org *make_org(struct store *st, struct slice id)
{
    struct org *org = calloc(1, sizeof *org);
    if (!org)
        return NULL;
    intern_init(&org->fields, st->plan->defs->hash_seed);
    bool is_new;
    org->told = calloc(st->plan->defs->n_boards + 1u, sizeof *org->told);
    org->memo = calloc(1, sizeof *org->memo);
    if (!org->told || !org->memo || init_org_views(st->plan, org) < 0 ||
        intern_add(&org->fields, id, &is_new) == UINT32_MAX) {
        release_org(org, 0, 0, 0);
        return NULL;
    }
    org->id = org->fields.text[0]; /* number 0 is no field: it has no ':' */
    const struct org_def *def = definitions_org(st->plan->defs, id);
    org->cal = def ? &def->calendar : &st->utc;
    org->currency = def ? slice_of(def->currency) : (struct slice){ 0 };
    return org;
}

struct span org_period(const struct org *org, enum period period, int64_t t_ms)
{
    static const int64_t about_days[PERIOD_COUNT] = { 1, 7, 30, 91, 183, 365 };
    uint64_t at = (uint64_t)(t_ms / (about_days[period] * 86400000)) % PERIOD_MEMO;
    struct span *memo = &org->memo->span[period][at];
    if (t_ms < memo->start_ms || t_ms >= memo->end_ms)
        *memo = calendar_period(org->cal, period, t_ms);
    return *memo;
}

struct org *store_org(struct store *st, struct slice id)
{
    if (st->last && slice_eq(st->last->id, id))
        return st->last;
    uint32_t i = org_position(st, id);
    if (i < st->n_orgs && slice_eq(st->org[i]->id, id))
        return st->last = st->org[i];
    if (st->n_orgs == st->cap_orgs) {
        uint32_t cap = st->cap_orgs ? st->cap_orgs * 2 : 8;
        struct org **v = realloc(st->org, cap * sizeof(struct org *));
        if (!v)
            return NULL;
        st->org = v;
        st->cap_orgs = cap;
    }
    struct org *org = make_org(st, id);
    if (!org)
        return NULL;
    memmove(st->org + i + 1, st->org + i, (st->n_orgs - i) * sizeof(struct org *));
    st->org[i] = org;
    st->n_orgs++;
    return org;
}

static uint32_t subject_position(const struct subject_list *list, struct slice text)
{
    uint32_t low = 0, high = list->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (slice_cmp(list->v[mid]->text, text) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct subject *org_find_subject(const struct org *org, enum dim dim, struct slice text)
{
    uint32_t i = subject_position(&org->dim[dim], text);
    return i < org->dim[dim].n && slice_eq(org->dim[dim].v[i]->text, text) ? org->dim[dim].v[i] : NULL;
}

static int init_subject(const struct plan *plan, struct subject *s)
{
    s->node = calloc(plan->defs->n_measures + 1u, sizeof(struct node *));
    s->card_published = calloc(plan->defs->n_scorecards + 1u, sizeof *s->card_published);
    if (!s->node || !s->card_published)
        return -1;
    for (int v = 0; v < VIEW_COUNT; v++) {
        struct subject_view *view = &s->view[v];
        view->pane_since_ms = view->gauge_since_ms = INT64_MAX;
        view->dirty = calloc((size_t)plan->n_words * 3, sizeof *view->dirty);
        if (!view->dirty)
            return -1;
        view->changed = view->dirty + plan->n_words;
        view->elapsed = view->changed + plan->n_words;
    }
    return 0;
}

static struct subject *make_subject(struct store *st, struct org *org, enum dim dim, struct slice text,
                                    struct slice escaped)
{
    struct subject *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->org = org;
    s->dim = dim;
    s->text = arena_copy(&org->fields.bytes, text);
    s->escaped = arena_copy(&org->fields.bytes, escaped);
    if (!s->text.p || !s->escaped.p || init_subject(st->plan, s) < 0) {
        release_subject(s, 0, 0, 0);
        return NULL;
    }
    org->marks |= s && dim_has_marks(dim) && id_is_nobody(text);
    return s;
}

static int insert_subject(struct subject_list *list, uint32_t i, struct subject *s)
{
    if (list->n == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 8;
        struct subject **v = realloc(list->v, cap * sizeof(struct subject *));
        if (!v)
            return -1;
        list->v = v;
        list->cap = cap;
    }
    memmove(list->v + i + 1, list->v + i, (list->n - i) * sizeof(struct subject *));
    list->v[i] = s;
    list->n++;
    return 0;
}

struct subject *org_subject(struct store *st, struct org *org, enum dim dim, struct slice escaped)
{
    char buf[1024];
    struct slice text = { buf, (uint32_t)cell_unescape(escaped, buf, sizeof buf) };
    if (text.n == 0)
        return NULL;
    struct subject_list *list = &org->dim[dim];
    uint32_t i = subject_position(list, text);
    if (i < list->n && slice_eq(list->v[i]->text, text))
        return list->v[i];
    struct subject *s = make_subject(st, org, dim, text, escaped);
    if (s && insert_subject(list, i, s) < 0) {
        release_subject(s, 0, 0, 0);
        return NULL;
    }
    return s;
}

static const struct {
    const char *name;
    enum series_part part;
} part_names[] = {
    { "", SERIES_BASE },
    { "n", SERIES_N },
    { "sum", SERIES_SUM },
    { "d", SERIES_CIVIL + PERIOD_DAY },
    { "w", SERIES_CIVIL + PERIOD_WEEK },
    { "m", SERIES_CIVIL + PERIOD_MONTH },
    { "q", SERIES_CIVIL + PERIOD_QUARTER },
    { "h", SERIES_CIVIL + PERIOD_HALF },
    { "y", SERIES_CIVIL + PERIOD_YEAR },
    { "new.d", SERIES_LIFE + LIFE_NEW * 3 },
    { "new.w", SERIES_LIFE + LIFE_NEW * 3 + 1 },
    { "new.m", SERIES_LIFE + LIFE_NEW * 3 + 2 },
    { "ret.d", SERIES_LIFE + LIFE_RETURNING * 3 },
    { "ret.w", SERIES_LIFE + LIFE_RETURNING * 3 + 1 },
    { "ret.m", SERIES_LIFE + LIFE_RETURNING * 3 + 2 },
    { "res.d", SERIES_LIFE + LIFE_RESURRECTED * 3 },
    { "res.w", SERIES_LIFE + LIFE_RESURRECTED * 3 + 1 },
    { "res.m", SERIES_LIFE + LIFE_RESURRECTED * 3 + 2 },
    { "dor.d", SERIES_LIFE + LIFE_DORMANT * 3 },
    { "dor.w", SERIES_LIFE + LIFE_DORMANT * 3 + 1 },
    { "dor.m", SERIES_LIFE + LIFE_DORMANT * 3 + 2 },
    { "trail", SERIES_TRAILING },
    { "first", SERIES_FIRST },
};

/* "cohort.w.3"; -1 if it is none. */
static int64_t cohort_of(struct slice part)
{
    for (int kind = 0; kind < COHORT_CELLS; kind++) {
        struct slice name = slice_of(cohort_names[kind]);
        if (part.n < name.n + 3 || part.n > name.n + 4 || memcmp(part.p, name.p, name.n) != 0 ||
            part.p[name.n + 1] != '.')
            continue;
        const char *period = memchr("dwm", part.p[name.n], 3);
        int32_t age = 0;
        for (uint32_t i = name.n + 2; i < part.n; i++)
            age = age * 10 + (part.p[i] - '0');
        bool known = period && age >= 0 && age <= cohort_age_max((enum period)(period - "dwm"));
        return known ? cohort_code((enum cohort_cell)kind, (enum period)(period - "dwm"), age) : -1;
    }
    return -1;
}

/* -1: no part that a KPI reads. *ret_sub tells bins apart. */
static int part_of(const struct cell_field *f, int64_t *ret_sub)
{
    *ret_sub = f->sub;
    if (f->has_sub && slice_eq(f->part, SLICE("moved")))
        return SERIES_BIN;
    if (f->has_sub)
        return f->part.n ? -1 : SERIES_BIN;
    int64_t cohort = cohort_of(f->part);
    if (cohort >= 0) {
        *ret_sub = cohort;
        return SERIES_BIN;
    }
    for (size_t i = 0; i < sizeof part_names / sizeof part_names[0]; i++)
        if (slice_eq(f->part, slice_of(part_names[i].name)))
            return (int)part_names[i].part;
    return -1;
}

struct node *subject_node(struct subject *s, int measure)
{
    if (s->node[measure])
        return s->node[measure];
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->subject = s;
    n->measure = measure;
    for (int v = 0; v < VIEW_COUNT; v++) {
        n->view[v].due_ms = INT64_MAX;
        newest_init(&n->view[v].newest);
    }
    return s->node[measure] = n;
}

static uint32_t bin_position(const struct node *n, int64_t sub)
{
    uint32_t low = 0, high = n->n_bins;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (n->bin[mid]->sub < sub)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct series *node_find_bin(const struct node *n, int64_t sub)
{
    uint32_t i = bin_position(n, sub);
    return i < n->n_bins && n->bin[i]->sub == sub ? n->bin[i] : NULL;
}

static struct series *node_bin(struct node *n, int64_t sub)
{
    uint32_t low = bin_position(n, sub);
    if (low < n->n_bins && n->bin[low]->sub == sub)
        return n->bin[low];
    if (n->n_bins == n->cap_bins) {
        uint32_t cap = n->cap_bins ? n->cap_bins * 2 : 8;
        struct series **v = realloc(n->bin, cap * sizeof(struct series *));
        if (!v)
            return NULL;
        n->bin = v;
        n->cap_bins = cap;
    }
    struct series *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->sub = sub;
    memmove(n->bin + low + 1, n->bin + low, (n->n_bins - low) * sizeof(struct series *));
    n->n_bins++;
    return n->bin[low] = s;
}

static struct series *make_series(struct store *st, struct subject *subject, int measure, int part, int64_t sub)
{
    struct node *n = subject_node(subject, measure);
    struct series *s = !n ? NULL : part == SERIES_BIN ? node_bin(n, sub) : n->part[part];
    if (n && !s && part != SERIES_BIN)
        s = n->part[part] = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (!s->node)
        st->n_series++;
    s->node = n;
    s->part = (enum series_part)part;
    return s;
}

static int reserve_series(struct org *org)
{
    if (org->cap_series >= org->fields.cap)
        return 0;
    struct series **v = realloc(org->series, org->fields.cap * sizeof(struct series *));
    if (!v)
        return -1;
    org->series = v;
    org->cap_series = org->fields.cap;
    return 0;
}

int store_series(struct store *st, struct org *org, struct slice field, struct series **ret,
                 struct subject **ret_subject)
{
    bool is_new;
    *ret_subject = NULL;
    uint32_t i = intern_add(&org->fields, field, &is_new);
    if (i == UINT32_MAX || reserve_series(org) < 0)
        return -1;
    if (!is_new && i > 0) {
        *ret = org->series[i];
        return 0;
    }
    struct cell_field f;
    *ret = org->series[i] = NULL;
    if (cell_field_parse(field, &f) < 0)
        return -1;
    struct subject *subject = org_subject(st, org, f.dim, f.subject);
    if (!subject)
        return -1;
    *ret_subject = subject;
    int64_t sub;
    int measure = plan_measure_named(st->plan, f.measure), part = part_of(&f, &sub);
    if (measure < 0 || part < 0)
        return 0;
    *ret = org->series[i] = make_series(st, subject, measure, part, sub);
    return *ret ? 0 : -1;
}

enum series_part part_for(const struct measure_def *m, const struct window *w)
{
    if (m->agg == AGG_DURATION)
        return SERIES_N;
    if (m->agg == AGG_DISTINCT && !m->gauge && w->kind == WINDOW_PERIOD)
        return SERIES_CIVIL + w->period;
    return SERIES_BASE;
}

bool series_asof(const struct series *s, const struct measure_def *m)
{
    return m->asof && (s->part == SERIES_BASE || fact_type_asof(m->fact));
}

int life_part(enum life life, const struct window *w)
{
    bool has = w->kind == WINDOW_PERIOD && w->period <= PERIOD_MONTH;
    return has ? (int)SERIES_LIFE + (int)life * 3 + (int)w->period : -1;
}

bool series_serves(const struct series *s, const struct measure_def *m, const struct window *w, enum compared at)
{
    if (s->part == SERIES_BIN)
        return m->agg != AGG_DURATION; /* the count of a duration stands for its bins */
    if (s->part == SERIES_SUM)
        return false;
    if (s->part == SERIES_TRAILING)
        return at == COMPARED_LAST_DAY;
    if (s->part == SERIES_CIVIL + PERIOD_DAY && w->kind != WINDOW_PERIOD)
        return true; /* .daily */
    if (s->part == SERIES_FIRST)
        return true;
    if (s->part >= SERIES_LIFE)
        return w->kind == WINDOW_PERIOD && (int)w->period == (int)(s->part - SERIES_LIFE) % 3;
    return s->part == part_for(m, w);
}

uint32_t series_parts(const struct measure_def *m, const struct window *w, enum compared at)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < SERIES_PARTS; i++)
        parts |= (uint32_t)series_serves(&(struct series){ .part = (enum series_part)i }, m, w, at) << i;
    return parts;
}

int64_t subject_known_ms(const struct subject *s, enum view_id v)
{
    const struct subject_view *view = &s->view[v];
    if (s->levels_before)
        return INT64_MIN;
    return view->pane_since_ms != INT64_MAX ? view->pane_since_ms : view->gauge_since_ms;
}

bool subject_known_note(struct subject *s, enum view_id v, bool gauge, int64_t since_ms)
{
    int64_t *at = gauge ? &s->view[v].gauge_since_ms : &s->view[v].pane_since_ms, before_ms = subject_known_ms(s, v);
    if (since_ms < *at)
        *at = since_ms;
    return subject_known_ms(s, v) != before_ms;
}

int64_t subject_listed_ms(const struct subject *s)
{
    if (s->levels_before || !s->n_since)
        return subject_known_ms(s, VIEW_BASE);
    for (uint32_t i = 0; i < s->n_since; i++)
        if (s->since[i].sum)
            return s->since[i].since_ms;
    return INT64_MAX;
}

/* How many of them are not later. */
static uint32_t since_position(const struct subject *s, int64_t since_ms)
{
    uint32_t low = 0, high = s->n_since;
    if (high && s->since[high - 1].since_ms <= since_ms)
        return high;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->since[mid].since_ms <= since_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int subject_note_since(struct subject *s, int64_t since_ms, uint64_t weight)
{
    uint32_t i = since_position(s, since_ms);
    if (i > 0 && s->since[i - 1].since_ms == since_ms) {
        s->since[i - 1].sum += weight;
        return 0;
    }
    if (s->n_since == s->cap_since) {
        uint32_t cap = s->cap_since ? s->cap_since * 2 : 4;
        struct since *v = realloc(s->since, cap * sizeof *v);
        if (!v)
            return -1;
        s->since = v;
        s->cap_since = cap;
    }
    memmove(s->since + i + 1, s->since + i, (s->n_since - i) * sizeof *s->since);
    s->since[i] = (struct since){ since_ms, weight };
    s->n_since++;
    return 0;
}

int subject_cmp(const struct subject *a, const struct subject *b)
{
    int c = a->org == b->org ? 0 : slice_cmp(a->org->id, b->org->id);
    if (c)
        return c;
    return a->dim != b->dim ? (a->dim > b->dim) - (a->dim < b->dim) : slice_cmp(a->text, b->text);
}

/* Loading the judge's evaluator from what the store holds: judged state, panes, retained feed. Reads only; what comes after is judge.c's.
 *
 *   state ─ (nothing judged yet: is the feed whole?) ─ list of panes ─ panes ─ feed ─ ready */
#include "daemon/judge_int.h"

#include <stdlib.h>

#include "daemon/crash_point.h"

enum { PANES_READ = 64 };

static int by_key(const void *a, const void *b)
{
    return slice_cmp(((const struct pane_stand *)a)->key, ((const struct pane_stand *)b)->key);
}

bool judge_restore_cells(struct evaluator *e, const struct store_cell *cells, uint32_t n)
{
    char org[512];
    struct cell_delta d = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        if (!i || !slice_eq(cells[i].key, cells[i - 1].key)) {
            if (cell_pane_parse(cells[i].key, org, sizeof org, &d) < 0)
                return false;
        }
        struct cell_delta cell = d;
        cell.field = cells[i].field;
        cell.value = cells[i].value;
        if (d.grain == CELL_PARKED && cell_parked_parse(cells[i].field, &cell) < 0)
            return false;
        if ((cell.ahead ? evaluator_restore_parked(e, &cell) : evaluator_restore_cell(e, &cell)) < 0)
            return false;
    }
    return true;
}

static void load_panes(struct judge *j);
static void load_feed(struct judge *j);

static void on_panes(void *ctx, enum store_result r, uint64_t feed_seq, const struct store_cell *cells, uint32_t n)
{
    struct judge *j = ctx;
    if (r != STORE_OK || !judge_restore_cells(j->evaluator, cells, n)) {
        judge_fail(j, "panes could not be read", r);
        return;
    }
    for (uint32_t i = 0; i < j->loading_n; i++)
        j->pane[j->loaded + i].seq = feed_seq;
    j->loaded += j->loading_n;
    CRASH_POINT(panes_loading);
    load_panes(j);
}

static void load_panes(struct judge *j)
{
    struct slice keys[PANES_READ];
    uint32_t n = j->n_panes - j->loaded < PANES_READ ? j->n_panes - j->loaded : PANES_READ;
    if (judge_leaving(j))
        return;
    if (!n) {
        j->feed_seq = 0;
        load_feed(j);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        keys[i] = j->pane[j->loaded + i].key;
    j->loading_n = n;
    if (redis_store_panes(j->s->store, keys, n, on_panes, j) < 0)
        judge_fail(j, "panes cannot be read now", STORE_UNKNOWN);
}

static bool note_parked(struct judge *j, struct slice key)
{
    char org[512];
    struct cell_delta d;
    return cell_pane_parse(key, org, sizeof org, &d) < 0 || d.grain != CELL_PARKED ||
           parked_note(&j->parked, d.org, d.pane_ms) == 0;
}

static void on_pane_keys(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct judge *j = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        if (!note_parked(j, keys[i]))
            r = STORE_UNKNOWN;
    j->pane = r == STORE_OK ? calloc(n + 1, sizeof *j->pane) : NULL;
    if (!j->pane) {
        judge_fail(j, "the list of panes could not be read", r);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        j->pane[i].key = arena_copy(&j->text, keys[i]);
    j->n_panes = n;
    j->loaded = 0;
    qsort(j->pane, n, sizeof *j->pane, by_key);
    load_panes(j);
}

static void list_panes(struct judge *j)
{
    if (redis_store_pane_keys(j->s->store, on_pane_keys, j) < 0)
        judge_fail(j, "panes cannot be listed now", STORE_UNKNOWN);
}

/* Nothing was judged yet. If the feed begins with its first entry, it tells all that the cells hold, and everything is still to be judged: however long the
 * evaluator took to get here, it judges the same. Else the state was lost, and judging begins anew at the watermark. */
static void on_first_entry(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct judge *j = ctx;
    if (r != STORE_OK) {
        judge_fail(j, "the feed could not be read", r);
        return;
    }
    if (n ? entries[0].seq == 1 : j->list_seq == 0)
        evaluator_restore_unjudged(j->evaluator);
    list_panes(j);
}

bool judge_restore_state(struct evaluator *e, const struct slice *pairs, uint32_t n)
{
    char org[512];
    for (uint32_t i = 0; i < n; i++) {
        struct slice field = pairs[2 * i];
        const char *slash = field.n ? memchr(field.p, '/', field.n) : NULL;
        if (!slash)
            continue;
        struct slice id = { org, (uint32_t)cell_unescape((struct slice){ field.p, (uint32_t)(slash - field.p) }, org,
                                                         sizeof org) };
        struct slice key = { slash + 1, (uint32_t)(field.p + field.n - slash - 1) };
        if (evaluator_state_restore(e, id, key, pairs[2 * i + 1]) < 0)
            return false;
    }
    return true;
}

static void on_state(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct judge *j = ctx;
    if (r == STORE_OK && !judge_restore_state(j->evaluator, pairs, n))
        r = STORE_BROKEN;
    CRASH_POINT(state_loaded);
    if (r != STORE_OK)
        judge_fail(j, "the judged state could not be read", r);
    else if (evaluator_judged_tick(j->evaluator) != INT64_MIN)
        list_panes(j);
    else if (redis_store_feed(j->s->store, 0, 1, on_first_entry, j) < 0)
        judge_fail(j, "the feed cannot be read now", STORE_UNKNOWN);
}

void judge_load(struct judge *j)
{
    const struct evaluator_options opt = { .live = true, .judge = true };
    j->evaluator = evaluator_new(&j->s->d->config->defs, &opt);
    j->phase = JUDGE_LOADING;
    if (!j->evaluator || redis_store_hash(j->s->store, SLICE("state"), on_state, j) < 0)
        judge_fail(j, "the judged state cannot be read now", STORE_UNKNOWN);
}

/* ---- the feed ---- */

struct feed_walk {
    struct judge *j;
    uint64_t seq;
    int64_t max_cause_ms;
    bool loading;
};

/* While loading: is this entry's effect on the pane already in what was read? */
static bool contained(struct judge *j, const struct cell_delta *d, uint64_t seq)
{
    char buf[1200];
    char org[400];
    size_t n = cell_escape(d->org, org, sizeof org);
    int64_t start_ms = d->ahead ? cell_parked_hour(d->cause_ms) : d->pane_ms;
    int len = snprintf(buf, sizeof buf, "pane:%.*s:%c:%lld", (int)n, org, d->ahead ? CELL_PARKED : (char)d->grain,
                       (long long)start_ms);
    struct pane_stand want = { .key = { buf, (uint32_t)len } };
    const struct pane_stand *p = j->n_panes ? bsearch(&want, j->pane, j->n_panes, sizeof *j->pane, by_key) : NULL;
    return seq <= (p ? p->seq : j->list_seq);
}

static int take_delta(void *ctx, const struct cell_delta *d)
{
    struct feed_walk *w = ctx;
    if (d->ahead && parked_note(&w->j->parked, d->org, cell_parked_hour(d->cause_ms)) < 0)
        return -1;
    if (!d->ahead && d->cause_ms > w->max_cause_ms) /* what is parked outlives its feed entry */
        w->max_cause_ms = d->cause_ms;
    if (w->loading && (d->grain == CELL_EVIDENCE || contained(w->j, d, w->seq)))
        return d->ahead ? 0 : evaluator_restore_pending(w->j->evaluator, d);
    return evaluator_apply(w->j->evaluator, d);
}

bool judge_take_entry(struct judge *j, const struct store_feed_entry *entry, bool loading)
{
    struct feed_walk w = { j, entry->seq, INT64_MIN, loading };
    evaluator_feed_position(j->evaluator, entry->seq);
    if (feed_read(entry->bytes, take_delta, &w) != 0)
        return false;
    if (j->retained_n == j->retained_cap) {
        uint32_t cap = j->retained_cap ? j->retained_cap * 2 : 256;
        struct retained *v = realloc(j->retained, cap * sizeof *v);
        if (!v)
            return false;
        j->retained = v;
        j->retained_cap = cap;
    }
    j->retained[j->retained_n++] = (struct retained){ entry->seq, w.max_cause_ms };
    j->feed_seq = entry->seq;
    return true;
}

static void on_load_feed(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct judge *j = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        if (!judge_take_entry(j, &entries[i], true))
            r = STORE_BROKEN;
    if (r != STORE_OK) {
        judge_fail(j, "the feed could not be read", r);
    } else if (n == JUDGE_FEED_READ) {
        load_feed(j);
    } else {
        if (j->feed_seq < j->list_seq)
            j->feed_seq = j->list_seq;
        free(j->pane);
        j->pane = NULL;
        j->n_panes = 0;
        arena_reset(&j->text);
        j->phase = JUDGE_READY;
        j->busy = false;
        CRASH_POINT(judge_ready);
        log_line(&j->s->d->log, LOG_INFO_, "judge_ready", "shard %u: loaded, feed at %llu", j->s->index,
                 (unsigned long long)j->feed_seq);
        judge_poke(j);
    }
}

static void load_feed(struct judge *j)
{
    if (!judge_leaving(j) && redis_store_feed(j->s->store, j->feed_seq, JUDGE_FEED_READ, on_load_feed, j) < 0)
        judge_fail(j, "the feed cannot be read now", STORE_UNKNOWN);
}

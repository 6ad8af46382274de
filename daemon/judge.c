/* The judge: one shard's evaluator, driven by what the store holds. Only the holder of the shard's lease judges; every write is fenced by it.
 *
 *   lease ─ (fresh: load state, panes, retained feed) ─ offsets ─ feed to its end ─ advance to the watermark ─ commit views, state, outbox ─ again
 *
 * Offsets are read before the feed: the watermark never runs ahead of the deltas. A commit that did not surely succeed drops the evaluator; it is
 * loaded again from the store, so memory never holds a transition that the outbox does not. */
#include "daemon/judge_int.h"

#include <stdlib.h>

enum {
    FEED_READ = 200,
    PANES_READ = 64,
    CHUNK_MIN_MS = 3600000,
    OUTS_FEW = 500,
    OUTS_MANY = 4000,
    LEASE_SLACK_MS = 500,
    SETTLE_MOST = 5000
};

struct judge *judge_new(struct shard *s)
{
    struct judge *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->s = s;
    j->chunk_ms = CHUNK_MIN_MS;
    commit_init(&j->commit);
    arena_init(&j->text, 0, 0);
    parked_init(&j->parked);
    return j;
}

static void forget(struct judge *j)
{
    evaluator_free(j->evaluator);
    j->evaluator = NULL;
    j->phase = JUDGE_IDLE;
    j->lease_epoch = 0;
    j->retained_n = 0;
    free(j->pane);
    j->pane = NULL;
    j->n_panes = 0;
    arena_reset(&j->text);
    parked_clear(&j->parked);
    j->commit_waits = false;
    commit_clear(&j->commit);
    publish_poke(j->s->publish, 0);
}

void judge_free(struct judge *j)
{
    if (!j)
        return;
    evaluator_free(j->evaluator);
    free(j->pane);
    free(j->retained);
    commit_release(&j->commit);
    parked_release(&j->parked);
    arena_release(&j->text);
    free(j);
}

static void fail(struct judge *j, const char *what, enum store_result r)
{
    struct daemon *d = j->s->d;
    log_line(&d->log, r == STORE_UNKNOWN ? LOG_INFO_ : LOG_WARNING_, "judge",
             "shard %u: %s (%d); the evaluator is loaded again", j->s->index, what, (int)r);
    forget(j);
    j->busy = false;
    j->not_before_ms = uv_now(&d->loop) + 300;
}

/* At the end the round under way stops between two calls of the store, so that the lease can be given up. */
static bool leaving(struct judge *j)
{
    if (j->s->d->stopping)
        j->busy = false;
    return j->s->d->stopping;
}

/* ---- loading ---- */

static int by_key(const void *a, const void *b)
{
    return slice_cmp(((const struct pane_stand *)a)->key, ((const struct pane_stand *)b)->key);
}

/* "pane:<org>:<grain>:<start>" */
static bool parse_pane(struct slice key, char *org_buf, size_t cap, struct cell_delta *ret)
{
    const char *end = key.p + key.n, *org = key.p + 5;
    if (key.n < 10 || memcmp(key.p, "pane:", 5) != 0)
        return false;
    const char *colon = memchr(org, ':', (size_t)(end - org));
    if (!colon || end - colon < 4 || colon[2] != ':')
        return false;
    ret->org = (struct slice){ org_buf,
                               (uint32_t)cell_unescape((struct slice){ org, (uint32_t)(colon - org) }, org_buf, cap) };
    ret->grain = (enum cell_grain)colon[1];
    char number[24];
    size_t n = (size_t)(end - colon - 3);
    if (n >= sizeof number)
        return false;
    memcpy(number, colon + 3, n);
    number[n] = 0;
    ret->pane_ms = strtoll(number, NULL, 10);
    return true;
}

bool judge_restore_cells(struct evaluator *e, const struct store_cell *cells, uint32_t n)
{
    char org[512];
    struct cell_delta d = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        if (!i || !slice_eq(cells[i].key, cells[i - 1].key)) {
            if (!parse_pane(cells[i].key, org, sizeof org, &d))
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
        fail(j, "panes could not be read", r);
        return;
    }
    for (uint32_t i = 0; i < j->loading_n; i++)
        j->pane[j->loaded + i].seq = feed_seq;
    j->loaded += j->loading_n;
    load_panes(j);
}

static void load_panes(struct judge *j)
{
    struct slice keys[PANES_READ];
    uint32_t n = j->n_panes - j->loaded < PANES_READ ? j->n_panes - j->loaded : PANES_READ;
    if (leaving(j))
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
        fail(j, "panes cannot be read now", STORE_UNKNOWN);
}

static bool note_parked(struct judge *j, struct slice key)
{
    char org[512];
    struct cell_delta d;
    return !parse_pane(key, org, sizeof org, &d) || d.grain != CELL_PARKED ||
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
        fail(j, "the list of panes could not be read", r);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        j->pane[i].key = arena_copy(&j->text, keys[i]);
    j->n_panes = n;
    j->loaded = 0;
    qsort(j->pane, n, sizeof *j->pane, by_key);
    load_panes(j);
}

static void on_state(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct judge *j = ctx;
    char org[512];
    for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
        struct slice field = pairs[2 * i];
        const char *slash = memchr(field.p, '/', field.n);
        if (!slash)
            continue;
        struct slice id = { org, (uint32_t)cell_unescape((struct slice){ field.p, (uint32_t)(slash - field.p) }, org,
                                                         sizeof org) };
        struct slice key = { slash + 1, (uint32_t)(field.p + field.n - slash - 1) };
        if (evaluator_state_restore(j->evaluator, id, key, pairs[2 * i + 1]) < 0)
            r = STORE_BROKEN;
    }
    if (r != STORE_OK || redis_store_pane_keys(j->s->store, on_pane_keys, j) < 0)
        fail(j, "the judged state could not be read", r);
}

static void load(struct judge *j)
{
    const struct evaluator_options opt = { .live = true, .judge = true };
    j->evaluator = evaluator_new(&j->s->d->config->defs, &opt);
    j->phase = JUDGE_LOADING;
    if (!j->evaluator || redis_store_hash(j->s->store, SLICE("state"), on_state, j) < 0)
        fail(j, "the judged state cannot be read now", STORE_UNKNOWN);
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
    const struct pane_stand *p = bsearch(&want, j->pane, j->n_panes, sizeof *j->pane, by_key);
    return seq <= (p ? p->seq : j->list_seq);
}

static int take_delta(void *ctx, const struct cell_delta *d)
{
    struct feed_walk *w = ctx;
    if (d->ahead && parked_note(&w->j->parked, d->org, cell_parked_hour(d->cause_ms)) < 0)
        return -1;
    if (!d->ahead && d->cause_ms > w->max_cause_ms) /* what is parked outlives its feed entry */
        w->max_cause_ms = d->cause_ms;
    if (w->loading && contained(w->j, d, w->seq))
        return d->ahead ? 0 : evaluator_restore_pending(w->j->evaluator, d);
    return evaluator_apply(w->j->evaluator, d);
}

static bool take_entry(struct judge *j, const struct store_feed_entry *entry, bool loading)
{
    struct feed_walk w = { j, entry->seq, INT64_MIN, loading };
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
        if (!take_entry(j, &entries[i], true))
            r = STORE_BROKEN;
    if (r != STORE_OK) {
        fail(j, "the feed could not be read", r);
    } else if (n == FEED_READ) {
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
        log_line(&j->s->d->log, LOG_INFO_, "judge_ready", "shard %u: loaded, feed at %llu", j->s->index,
                 (unsigned long long)j->feed_seq);
        judge_poke(j);
    }
}

static void load_feed(struct judge *j)
{
    if (!leaving(j) && redis_store_feed(j->s->store, j->feed_seq, FEED_READ, on_load_feed, j) < 0)
        fail(j, "the feed cannot be read now", STORE_UNKNOWN);
}

/* ---- one round: offsets, feed, advance, commit ---- */

static void finish(struct judge *j, bool worked)
{
    j->busy = false;
    j->settled = !worked && j->all_idle && j->judged_to_ms >= j->watermark_ms;
    if (worked)
        judge_poke(j);
}

static uint64_t trim_before(struct judge *j)
{
    int64_t judged = evaluator_judged_tick(j->evaluator);
    uint32_t n = 0;
    while (n < j->retained_n && j->retained[n].max_cause_ms < judged)
        n++;
    if (!n)
        return 0;
    uint64_t before = j->retained[n - 1].seq + 1;
    memmove(j->retained, j->retained + n, (j->retained_n - n) * sizeof *j->retained);
    j->retained_n -= n;
    return before;
}

/* The outbox is full or the store refuses writes for now: the commit is kept and nothing is judged until it went through (I7). */
static void wait_with_commit(struct judge *j, const char *detail)
{
    struct daemon *d = j->s->d;
    if (!j->commit_waits)
        log_line(&d->log, LOG_INFO_, "judge_waits", "shard %u: %s", j->s->index, detail ? detail : "");
    j->commit_waits = true;
    j->busy = false;
    j->not_before_ms = uv_now(&d->loop) + 50;
    publish_poke(j->s->publish, j->lease_epoch);
}

static void settle(struct judge *j, bool worked);

static void on_settled(void *ctx, enum store_result r, const char *detail)
{
    struct judge *j = ctx;
    if (r != STORE_OK) {
        fail(j, detail && *detail ? detail : "parked cells could not be settled", r);
        return;
    }
    if (!detail || strcmp(detail, "more") != 0)
        parked_drop_first(&j->parked);
    settle(j, true);
}

/* Hours that the saved tick and the live view have behind them go into the ordinary cells; the evaluator holds them already. */
static void settle(struct judge *j, bool worked)
{
    int64_t judged = evaluator_judged_tick(j->evaluator), now = wall_ms();
    const struct definitions *defs = &j->s->d->config->defs;
    struct store_settle what = { .lease_epoch = j->lease_epoch,
                                 .minute_expire_ms = now + defs->fine_retention_ms,
                                 .hour_expire_ms = now + defs->retention_ms,
                                 .most = SETTLE_MOST };
    struct slice org;
    char escaped[1600];
    if (!parked_due(&j->parked, judged < j->live_ms ? judged : j->live_ms, &org, &what.hour_ms)) {
        finish(j, worked);
        return;
    }
    what.org = (struct slice){ escaped, (uint32_t)cell_escape(org, escaped, sizeof escaped) };
    if (!leaving(j) && redis_store_settle(j->s->store, &what, on_settled, j) < 0)
        fail(j, "the store settles nothing now", STORE_UNKNOWN);
}

static void on_commit(void *ctx, enum store_result r, const char *detail)
{
    struct judge *j = ctx;
    if (r == STORE_BUSY) {
        wait_with_commit(j, detail);
        return;
    }
    j->commit_waits = false;
    if (r != STORE_OK) {
        fail(j, detail && *detail ? detail : "the commit failed", r);
        return;
    }
    if (j->commit.built.n_outs)
        publish_poke(j->s->publish, j->lease_epoch);
    if (commit_next(&j->commit)) { /* by way of the lease, which many parts may outlast */
        j->commit_waits = true;
        j->busy = false;
        j->not_before_ms = 0;
        judge_poke(j);
        return;
    }
    commit_clear(&j->commit);
    settle(j, true);
}

static int commit_again(struct judge *j)
{
    return redis_store_commit(j->s->store, &j->commit.built, on_commit, j);
}

static void advance(struct judge *j)
{
    struct daemon *d = j->s->d;
    if (leaving(j))
        return;
    int64_t judged = evaluator_judged_tick(j->evaluator), to = j->watermark_ms;
    if (judged != INT64_MIN && to != INT64_MIN && to - judged > j->chunk_ms)
        to = judged + j->chunk_ms;
    int64_t now = d->config->run.wall_clock ? wall_ms() : j->newest_ms;
    j->live_ms = now;
    commit_clear(&j->commit);
    if (evaluator_advance(j->evaluator, to, now, commit_sink(&j->commit)) < 0 ||
        evaluator_state_save(j->evaluator, true, commit_state, &j->commit) < 0 || j->commit.failed) {
        fail(j, "evaluating failed", STORE_BROKEN);
        return;
    }
    j->judged_to_ms = to;
    uint32_t outs = j->commit.list.n_outs + j->commit.last.n_outs;
    if (outs < OUTS_FEW && j->chunk_ms < INT64_MAX / 8)
        j->chunk_ms *= 2;
    else if (outs > OUTS_MANY && j->chunk_ms > CHUNK_MIN_MS)
        j->chunk_ms /= 4;
    if (commit_seal(&j->commit, j->lease_epoch, trim_before(j)) < 0) {
        fail(j, "evaluating failed", STORE_BROKEN);
        return;
    }
    const struct store_commit *part = commit_next(&j->commit);
    if (!part)
        settle(j, to < j->watermark_ms);
    else if (redis_store_commit(j->s->store, part, on_commit, j) < 0)
        fail(j, "the store takes no commit now", STORE_UNKNOWN);
}

static void read_feed(struct judge *j);

static void on_feed(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct judge *j = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
        /* A gap means that another trimmed what we had not read, or that the store lost its tail: load again. */
        if (j->feed_seq && entries[i].seq != j->feed_seq + 1)
            r = STORE_STALE;
        else if (!take_entry(j, &entries[i], false))
            r = STORE_BROKEN;
    }
    if (r != STORE_OK)
        fail(j, "the feed could not be followed", r);
    else if (n == FEED_READ)
        read_feed(j);
    else
        advance(j);
}

static void read_feed(struct judge *j)
{
    if (!leaving(j) && redis_store_feed(j->s->store, j->feed_seq, FEED_READ, on_feed, j) < 0)
        fail(j, "the feed cannot be read now", STORE_UNKNOWN);
}

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct judge *j = ctx;
    if (r != STORE_OK) {
        fail(j, "offsets could not be read", r);
        return;
    }
    watermark_take(j, parts, n);
    read_feed(j);
}

/* The holder is alive if its lease was extended since we looked last; then judging is its business. */
static void take_other(struct judge *j, uint64_t ttl_ms)
{
    uint64_t until = uv_now(&j->s->d->loop) + ttl_ms;
    bool first = j->other_until_ms == 0;
    j->settled = !first && until > j->other_until_ms + LEASE_SLACK_MS;
    if (first || j->settled)
        j->other_until_ms = until;
}

static void on_lease(void *ctx, enum store_result r, const struct store_lease *lease)
{
    struct judge *j = ctx;
    struct daemon *d = j->s->d;
    if (r != STORE_OK) {
        fail(j, "the lease could not be asked for", r);
        return;
    }
    j->lease_asked_ms = uv_now(&d->loop);
    if (!lease->epoch) { /* another daemon judges this shard */
        if (j->phase != JUDGE_IDLE)
            log_line(&d->log, LOG_INFO_, "lease_lost", "shard %u", j->s->index);
        forget(j);
        j->busy = false;
        take_other(j, (uint64_t)lease->ttl_ms);
        return;
    }
    j->other_until_ms = 0;
    bool fresh = lease->fresh || lease->epoch != j->lease_epoch || !j->evaluator;
    if (fresh && j->phase != JUDGE_IDLE)
        forget(j);
    j->lease_epoch = lease->epoch;
    if (lease->feed_seq < j->feed_seq && !fresh) { /* the store lost its tail (I4) */
        fail(j, "the feed went back", STORE_STALE);
        return;
    }
    publish_poke(j->s->publish, j->lease_epoch);
    if (fresh) {
        j->list_seq = lease->feed_seq;
        j->watermark_ms = INT64_MIN;
        j->judged_to_ms = INT64_MIN;
        load(j);
    } else if ((j->commit_waits ? commit_again(j) : redis_store_offsets(j->s->store, on_offsets, j)) < 0) {
        fail(j, "the store takes no call now", STORE_UNKNOWN);
    }
}

void judge_poke(struct judge *j)
{
    struct daemon *d = j->s->d;
    uint64_t now = uv_now(&d->loop);
    if (j->busy || j->s->store_state != STORE_READY || now < j->not_before_ms || d->stopping)
        return;
    int64_t lease_ms = d->config->run.lease_ms;
    bool renew = j->phase == JUDGE_IDLE || now - j->lease_asked_ms >= (uint64_t)lease_ms / 3;
    j->not_before_ms =
        now + (j->phase == JUDGE_IDLE ? (uint64_t)lease_ms / 6 : (uint64_t)d->config->redis.flush_interval_ms / 4);
    j->busy = true;
    int rc;
    if (renew)
        rc = redis_store_lease(j->s->store, slice_of(d->owner), j->lease_epoch, lease_ms, on_lease, j);
    else if (j->commit_waits)
        rc = commit_again(j);
    else
        rc = redis_store_offsets(j->s->store, on_offsets, j);
    if (rc < 0)
        fail(j, "the store takes no reads now", STORE_UNKNOWN);
}

void judge_stir(struct judge *j)
{
    j->settled = false;
    judge_poke(j);
}

static void on_left(void *ctx, enum store_result r, const struct store_lease *lease)
{
    struct judge *j = ctx;
    (void)r, (void)lease;
    j->busy = false;
    j->lease_epoch = 0;
}

bool judge_leave(struct judge *j)
{
    struct daemon *d = j->s->d;
    if (!j->busy && j->lease_epoch && j->s->store_state == STORE_READY) {
        publish_poke(j->s->publish, 0);
        j->busy = redis_store_lease(j->s->store, slice_of(d->owner), j->lease_epoch, 0, on_left, j) == 0;
        if (!j->busy)
            j->lease_epoch = 0;
    }
    return !j->busy;
}

bool judge_settled(const struct judge *j)
{
    return j->settled;
}

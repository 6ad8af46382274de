/* The judge: one shard's evaluator, driven by what the store holds. Only the holder of the shard's lease judges; every write is fenced by it.
 *
 *   lease ─ (fresh: judge_load.c) ─ offsets ─ feed to its end ─ advance to the watermark ─ commit views, state, outbox ─ again
 *
 * Offsets are read before the feed: the watermark never runs ahead of the deltas. A commit that did not surely succeed drops the evaluator; it is
 * loaded again from the store, so memory never holds a transition that the outbox does not. */
#include "daemon/judge_int.h"

#include <stdlib.h>

#include "daemon/crash_point.h"

enum {
    FEED_READ = JUDGE_FEED_READ,
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
    j->settled = false;
    j->doubt = false;
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

void judge_fail(struct judge *j, const char *what, enum store_result r)
{
    struct daemon *d = j->s->d;
    log_line(&d->log, r == STORE_UNKNOWN ? LOG_INFO_ : LOG_WARNING_, "judge",
             "shard %u: %s (%d); the evaluator is loaded again", j->s->index, what, (int)r);
    forget(j);
    d->counts.judge_failures++;
    j->busy = false;
    j->not_before_ms = uv_now(&d->loop) + 300;
}

/* At the end the round under way stops between two calls of the store, so that the lease can be given up. */
bool judge_leaving(struct judge *j)
{
    if (j->s->d->stopping)
        j->busy = false;
    return j->s->d->stopping;
}

/* ---- one round: offsets, feed, advance, commit ---- */

static void finish(struct judge *j, bool worked)
{
    j->busy = false;
    j->settled = !worked && j->all_idle && j->judged_to_ms >= j->watermark_ms;
    if (worked)
        judge_poke(j);
}

/* An entry is done with when the judged state that is saved with this commit contains it. */
static uint64_t trim_before(struct judge *j)
{
    int64_t judged = evaluator_judged_tick(j->evaluator);
    uint64_t seen = evaluator_judged_position(j->evaluator);
    uint32_t n = 0;
    while (n < j->retained_n && j->retained[n].max_cause_ms < judged && j->retained[n].seq <= seen)
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
        judge_fail(j, detail && *detail ? detail : "parked cells could not be settled", r);
        return;
    }
    CRASH_POINT(settle_answered);
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
    if (judge_leaving(j))
        return;
    CRASH_POINT(settle_built);
    if (redis_store_settle(j->s->store, &what, on_settled, j) < 0)
        judge_fail(j, "the store settles nothing now", STORE_UNKNOWN);
    CRASH_POINT_WHEN_WRITTEN(settle_written);
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
        judge_fail(j, detail && *detail ? detail : "the commit failed", r);
        return;
    }
    CRASH_POINT(commit_answered);
    if (j->commit.built.n_outs)
        publish_poke(j->s->publish, j->lease_epoch);
    if (commit_next(&j->commit)) { /* by way of the lease, which many parts may outlast */
        CRASH_POINT(commit_between);
        j->commit_waits = true;
        j->busy = false;
        j->not_before_ms = 0;
        judge_poke(j);
        return;
    }
    CRASH_POINT(commit_done);
    j->s->d->counts.commits++;
    commit_clear(&j->commit);
    settle(j, true);
}

static int commit_again(struct judge *j)
{
    const int rc = redis_store_commit(j->s->store, &j->commit.built, on_commit, j);
    CRASH_POINT(commit_queued);
    CRASH_POINT_WHEN_WRITTEN(commit_written);
    return rc;
}

static void advance(struct judge *j)
{
    struct daemon *d = j->s->d;
    if (judge_leaving(j))
        return;
    int64_t judged = evaluator_judged_tick(j->evaluator), to = j->watermark_ms;
    if (judged != INT64_MIN && to != INT64_MIN && to - judged > j->chunk_ms)
        to = judged + j->chunk_ms;
    int64_t now = d->config->run.wall_clock ? wall_ms() : j->newest_ms;
    j->live_ms = now;
    commit_clear(&j->commit);
    j->commit.config = d->config;
    j->commit.mute_rows = !d->config->kafka.kpis || !*d->config->kafka.kpis;
    const uint64_t since_ns = uv_hrtime();
    if (evaluator_advance(j->evaluator, to, now, commit_sink(&j->commit)) < 0 ||
        evaluator_state_save(j->evaluator, true, commit_state, &j->commit) < 0 || j->commit.failed) {
        judge_fail(j, "evaluating failed", STORE_BROKEN);
        return;
    }
    j->judged_to_ms = to;
    duration_add(&d->counts.judge, (uv_hrtime() - since_ns) / 1000);
    uint32_t outs =
        j->commit.list.n_outs + j->commit.last.n_outs + j->commit.rows_muted; /* what bounds a step's work */
    if (outs < OUTS_FEW && j->chunk_ms < INT64_MAX / 8)
        j->chunk_ms *= 2;
    else if (outs > OUTS_MANY && j->chunk_ms > CHUNK_MIN_MS)
        j->chunk_ms /= 4;
    if (commit_seal(&j->commit, j->lease_epoch, trim_before(j)) < 0) {
        judge_fail(j, "evaluating failed", STORE_BROKEN);
        return;
    }
    const struct store_commit *part = commit_next(&j->commit);
    CRASH_POINT(judged);
    if (!part)
        settle(j, to < j->watermark_ms);
    else if (commit_again(j) < 0)
        judge_fail(j, "the store takes no commit now", STORE_UNKNOWN);
}

static void read_feed(struct judge *j);

static void on_feed(void *ctx, enum store_result r, const struct store_feed_entry *entries, uint32_t n)
{
    struct judge *j = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
        /* A gap means that another trimmed what we had not read, or that the store lost its tail: load again. */
        if (j->feed_seq && entries[i].seq != j->feed_seq + 1)
            r = STORE_STALE;
        else if (!judge_take_entry(j, &entries[i], false))
            r = STORE_BROKEN;
    }
    if (r != STORE_OK) {
        judge_fail(j, "the feed could not be followed", r);
    } else if (n == FEED_READ) {
        read_feed(j);
    } else {
        CRASH_POINT(feed_read);
        advance(j);
    }
}

static void read_feed(struct judge *j)
{
    if (!judge_leaving(j) && redis_store_feed(j->s->store, j->feed_seq, FEED_READ, on_feed, j) < 0)
        judge_fail(j, "the feed cannot be read now", STORE_UNKNOWN);
}

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct judge *j = ctx;
    if (r != STORE_OK) {
        judge_fail(j, "offsets could not be read", r);
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
        judge_fail(j, "the lease could not be asked for", r);
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
        judge_fail(j, "the feed went back", STORE_STALE);
        return;
    }
    publish_poke(j->s->publish, j->lease_epoch);
    if (fresh) {
        CRASH_POINT(lease_taken);
        d->counts.leases_taken++;
        j->list_seq = lease->feed_seq;
        j->watermark_ms = INT64_MIN;
        j->judged_to_ms = INT64_MIN;
        j->settled = false; /* said of the former holder */
        judge_load(j);
        return;
    }
    CRASH_POINT(lease_renewed);
    if ((j->commit_waits ? commit_again(j) : redis_store_offsets(j->s->store, on_offsets, j)) < 0)
        judge_fail(j, "the store takes no call now", STORE_UNKNOWN);
}

void judge_poke(struct judge *j)
{
    struct daemon *d = j->s->d;
    uint64_t now = uv_now(&d->loop);
    if (j->busy || j->s->store_state != STORE_READY || now < j->not_before_ms || d->stopping || reload_holds(j->s))
        return;
    if (j->doubt)
        forget(j);
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
    if (renew)
        CRASH_POINT_WHEN_WRITTEN(lease_written);
    if (rc < 0)
        judge_fail(j, "the store takes no reads now", STORE_UNKNOWN);
}

/* A store that lost its tail may have lost commits and kept the feed: nothing it holds tells that the evaluator is ahead of it. What is under way fails or
 * finishes by itself, on the connection that it was sent on. */
void judge_doubt(struct judge *j)
{
    j->doubt = true;
    publish_poke(j->s->publish, 0);
}

bool judge_rest(struct judge *j)
{
    if (j->busy)
        return false;
    forget(j);
    j->settled = false;
    return true;
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
    CRASH_POINT(lease_left);
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

int64_t judge_lease(const struct judge *j)
{
    return j->lease_epoch;
}

int64_t judge_reached(const struct judge *j)
{
    return j->phase == JUDGE_READY && j->lease_epoch ? j->judged_to_ms : INT64_MIN;
}

bool judge_settled(const struct judge *j)
{
    return j->settled;
}

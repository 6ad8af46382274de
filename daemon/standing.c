/* Do the log, the group and the store agree on where a partition stands? Asked after every claim, before the first record is fetched: an emptied
 * store, a log cut short and records that expired unread halt the partition with the range concerned. What only the content of a record can tell
 * (a topic that was re-created and has grown past the stored offset) is found by ingest.c. Also commits offsets to the group: they show the lag in
 * Kafka's tools, and that something had been read when the store is empty. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum { ASK_AGAIN_MS = 300, ASK_ENDS_MOST = 10, COMMIT_MS = 1000, COMPLAIN_EVERY = 10 };

/* The store knows nothing of the partition. */
static void check_new(struct daemon *d, uint32_t i, const struct kafka_standing *k)
{
    char why[sizeof d->ingest.part[i].why];
    if (k->committed <= 0)
        return;
    if (d->opt.rebuild) {
        log_line(&d->log, LOG_WARNING_, "rebuild", "%.*s/%d: read again from the beginning, offset %lld",
                 (int)k->topic.n, k->topic.p, k->partition, (long long)k->low);
        return;
    }
    snprintf(why, sizeof why,
             "empty state: the group had read up to %lld, Redis knows nothing of it (emptied?); `run --rebuild` reads "
             "it all again",
             (long long)k->committed);
    ingest_halt(d, i, why);
}

/* Records between the stored offset and the beginning of the log are gone. */
static void check_lost(struct daemon *d, uint32_t i, const struct kafka_standing *k)
{
    struct part *p = &d->ingest.part[i];
    char why[sizeof p->why];
    if (!d->opt.accept_loss) {
        snprintf(why, sizeof why, "retention: offsets %lld to %lld expired unread; `run --accept-loss` goes on at %lld",
                 (long long)p->position, (long long)k->low - 1, (long long)k->low);
        ingest_halt(d, i, why);
        return;
    }
    log_line(&d->log, LOG_WARNING_, "accepted_loss", "%.*s/%d: offsets %lld to %lld", (int)k->topic.n, k->topic.p,
             k->partition, (long long)p->position, (long long)k->low - 1);
    p->position = k->low;
}

/* Where the shard stands that has applied most. */
static int64_t furthest(const struct daemon *d, uint32_t i)
{
    int64_t next = d->ingest.part[i].position;
    for (uint32_t s = 0; s < d->n_shards; s++)
        if (!d->shard[s].away && d->shard[s].chain[i].stored_next > next)
            next = d->shard[s].chain[i].stored_next;
    return next;
}

static void check(struct daemon *d, uint32_t i, const struct kafka_standing *k)
{
    struct part *p = &d->ingest.part[i];
    char why[sizeof p->why];
    if (p->state == PART_HALTED)
        return;
    p->low = k->low > 0 ? k->low : 0;
    if (p->position < 0) {
        check_new(d, i, k);
    } else if (k->low < 0) {
        return; /* the brokers do not say now: what is wrong shows when it is read */
    } else if (k->high < furthest(d, i)) {
        snprintf(why, sizeof why,
                 "lineage: the log ends at %lld before the applied offset %lld (truncated or re-created)",
                 (long long)k->high, (long long)furthest(d, i) - 1);
        ingest_halt(d, i, why);
    } else if (k->low > p->position) {
        check_lost(d, i, k);
    } else if (p->last >= 0 && k->low > p->last) {
        log_line(&d->log, LOG_INFO_, "lineage",
                 "%.*s/%d: the last applied record, %lld, has expired and cannot be compared", (int)k->topic.n,
                 k->topic.p, k->partition, (long long)p->last);
    }
}

/* Without the group's word an empty store cannot be told from a new one. Without the brokers' nobody knows where to go on after a loss, nor that only what was
 * applied has expired, which halts a partition for nothing. */
static bool must_ask_again(struct daemon *d, const struct kafka_standing *v, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const struct part *p = ingest_part(&d->ingest, v[k].topic, v[k].partition, NULL);
        const bool insist = d->opt.accept_loss || d->standing.asked < ASK_ENDS_MOST;
        if (p && (p->position < 0 ? v[k].committed == KAFKA_UNKNOWN : v[k].low < 0 && insist))
            return true;
    }
    return false;
}

static void ask(struct daemon *d);

static void on_standing(void *ctx, const struct kafka_standing *v, uint32_t n)
{
    struct daemon *d = ctx;
    struct standing *s = &d->standing;
    uint32_t i;
    if (!s->wanted || s->generation != d->ingest.generation || d->ingest.state != INGEST_CLAIMING)
        return; /* the work that asked was dropped */
    if (s->question !=
        s->generation) { /* asked for other partitions, or before somebody else read on in these: it says how things stood then */
        ask(d);
        return;
    }
    if (must_ask_again(d, v, n)) {
        s->not_before_ms = uv_now(&d->loop) + ASK_AGAIN_MS;
        if (++s->asked % COMPLAIN_EVERY == 0)
            log_line(&d->log, LOG_WARNING_, "waiting",
                     "Kafka does not say what the group has committed, or where the log begins; asked %u times",
                     s->asked);
        return;
    }
    s->asked = 0;
    s->wanted = false;
    s->known = true;
    for (uint32_t k = 0; k < n; k++)
        if (ingest_part(&d->ingest, v[k].topic, v[k].partition, &i))
            check(d, i, &v[k]);
    CRASH_POINT(standing_known);
    ingest_begin(d);
}

static void ask(struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    struct store_part *parts = ingest_part_names(in);
    if (kafka_in_standing(d->in, parts, in->n_parts, on_standing) == 0) /* else one is under way */
        d->standing.question = d->standing.generation;
    d->standing.not_before_ms = uv_now(&d->loop) + ASK_AGAIN_MS;
    free(parts);
}

void standing_ask(struct daemon *d)
{
    d->ingest.state = INGEST_CLAIMING;
    d->standing.wanted = true;
    d->standing.generation = d->ingest.generation;
    ask(d);
}

/* What every store holds; while one is away nobody knows. */
static void commit(struct daemon *d)
{
    const struct ingest *in = &d->ingest;
    for (uint32_t s = 0; s < d->n_shards; s++)
        if (d->shard[s].away)
            return;
    struct store_part *parts = ingest_part_names(in);
    for (uint32_t i = 0; i < in->n_parts; i++) {
        int64_t next = d->shard[0].chain[i].stored_next;
        for (uint32_t s = 1; s < d->n_shards; s++)
            if (d->shard[s].chain[i].stored_next < next)
                next = d->shard[s].chain[i].stored_next;
        parts[i].next = next;
    }
    CRASH_POINT(offset_commit);
    kafka_in_commit(d->in, parts, in->n_parts);
    CRASH_POINT(offset_committed);
    free(parts);
}

void standing_leave(struct daemon *d)
{
    if (d->ingest.state == INGEST_RUNNING && d->ingest.n_parts)
        commit(d);
}

void standing_tick(struct daemon *d)
{
    struct standing *s = &d->standing;
    uint64_t now = uv_now(&d->loop);
    if (d->ingest.state == INGEST_CLAIMING && s->wanted && s->generation == d->ingest.generation &&
        now >= s->not_before_ms)
        ask(d);
    if (d->ingest.state == INGEST_RUNNING && d->ingest.n_parts && now >= s->committed_ms + COMMIT_MS) {
        s->committed_ms = now;
        commit(d);
    }
}

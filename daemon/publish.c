/* The publisher of one shard: outbox to Kafka. Entries leave the outbox after their delivery report, in order; what failed is read and sent again.
 * Only the holder of the lease publishes; ids are deterministic, so what is sent twice is recognised outside.
 *
 * Every new beginning is a round. A store that lost its tail gives sequence numbers out again: reports and answers of an earlier round must not
 * be taken for entries of this one. */
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/daemon.h"

enum { READ_MAX = 500, WINDOW_MAX = 20000, RETRY_MS = 1000, POLL_MS = 250, SHARD_BITS = 16 };

struct sent {
    uint64_t seq;
    bool delivered;
};

struct publish {
    struct shard *s;
    int64_t lease_epoch;
    uint32_t round;
    uint64_t read_seq; /* newest entry handed to the producer */
    struct sent *sent; /* in order of seq, from the oldest not trimmed */
    uint64_t trim_seq; /* up to here entries are to leave the outbox; 0: nothing is */
    uint32_t n, cap;
    bool reading, trimming, empty, failed;
    bool asked; /* poked while a read was under way: there may be more than it saw */
    uint64_t not_before_ms, poll_at_ms;
};

struct publish *publish_new(struct shard *s)
{
    struct publish *p = calloc(1, sizeof *p);
    if (p)
        p->s = s;
    return p;
}

void publish_free(struct publish *p)
{
    if (!p)
        return;
    free(p->sent);
    free(p);
}

static void start_over(struct publish *p)
{
    p->round++;
    p->reading = p->trimming = p->asked = false;
    p->n = 0;
    p->read_seq = p->trim_seq = 0;
    p->failed = false;
    p->empty = false;
}

struct call {
    struct publish *p;
    uint32_t round;
};

static struct call *call_new(struct publish *p)
{
    struct call *c = malloc(sizeof *c);
    if (!c)
        abort();
    *c = (struct call){ p, p->round };
    return c;
}

/* NULL: the answer is of an earlier round. */
static struct publish *call_end(void *ctx)
{
    struct call c = *(struct call *)ctx;
    free(ctx);
    return c.round == c.p->round ? c.p : NULL;
}

/* What a producer's report carries as its shard. */
static uint32_t tag_of(const struct publish *p)
{
    return p->round << SHARD_BITS | p->s->index;
}

/* NULL: the report is of an earlier round. */
static struct publish *by_tag(struct daemon *d, uint32_t tag)
{
    struct publish *p = d->shard[tag & ((1u << SHARD_BITS) - 1)].publish;
    return tag_of(p) == tag ? p : NULL;
}

static void on_trim(void *ctx, enum store_result r, const char *detail)
{
    struct publish *p = call_end(ctx);
    (void)detail;
    if (!p)
        return;
    CRASH_POINT(trimmed);
    p->trimming = false;
    if (r == STORE_STALE)
        p->lease_epoch = 0;
    if (r == STORE_OK)
        p->trim_seq = 0;
}

/* A trim that did not surely succeed is asked for again: were it forgotten, a full outbox would never be emptied, for nothing new comes into it. */
static void trim(struct publish *p)
{
    uint32_t n = 0;
    if (p->trimming || !p->lease_epoch || p->s->store_state != STORE_READY)
        return;
    while (n < p->n && p->sent[n].delivered)
        n++;
    if (n) {
        p->trim_seq = p->sent[n - 1].seq;
        memmove(p->sent, p->sent + n, (p->n - n) * sizeof *p->sent);
        p->n -= n;
    }
    if (!p->trim_seq)
        return;
    struct call *call = call_new(p);
    p->trimming = redis_store_outbox_trim(p->s->store, p->lease_epoch, p->trim_seq, on_trim, call) == 0;
    CRASH_POINT(trim_queued);
    CRASH_POINT_WHEN_WRITTEN(trim_written);
    if (!p->trimming)
        free(call);
}

static bool remember(struct publish *p, uint64_t seq)
{
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 256;
        struct sent *v = realloc(p->sent, cap * sizeof *v);
        if (!v)
            return false;
        p->sent = v;
        p->cap = cap;
    }
    p->sent[p->n++] = (struct sent){ seq, false };
    return true;
}

static void on_outbox(void *ctx, enum store_result r, const struct store_outbox_entry *entries, uint32_t n)
{
    struct publish *p = call_end(ctx);
    if (!p)
        return;
    struct daemon *d = p->s->d;
    p->reading = false;
    if (r != STORE_OK || d->stopping)
        return;
    bool full = false;
    if (n)
        CRASH_POINT(outbox_read);
    for (uint32_t i = 0; i < n && !full; i++) {
        if (!remember(p, entries[i].seq))
            break;
        p->read_seq = entries[i].seq;
        if (kafka_out_send(d->out, tag_of(p), entries[i].seq, &entries[i].out, wall_ms()) < 0) {
            p->n--; /* the producer is full: read this one again later */
            p->read_seq = p->n ? p->sent[p->n - 1].seq : entries[i].seq - 1;
            full = true;
        }
        if (i + 1 < n)
            CRASH_POINT(produced_one);
    }
    if (n)
        CRASH_POINT(produced);
    p->empty = n < READ_MAX && !full && !p->asked;
    p->asked = false;
    if (!p->empty && !full)
        publish_poke(p, p->lease_epoch);
}

void publish_poke(struct publish *p, int64_t lease_epoch)
{
    struct daemon *d = p->s->d;
    if (lease_epoch != p->lease_epoch) {
        start_over(p);
        p->lease_epoch = lease_epoch;
    }
    if (!lease_epoch || p->s->store_state != STORE_READY)
        return;
    trim(p);
    if (p->failed && uv_now(&d->loop) >= p->not_before_ms && !p->reading && !p->trimming)
        start_over(p);
    p->asked |= p->reading;
    if (p->reading || p->failed || p->n >= WINDOW_MAX || d->stopping)
        return;
    struct call *call = call_new(p);
    p->empty = false;
    p->reading = redis_store_outbox(p->s->store, p->read_seq, READ_MAX, on_outbox, call) == 0;
    if (!p->reading)
        free(call);
}

void publish_tick(struct publish *p)
{
    uint64_t now = uv_now(&p->s->d->loop);
    if (p->empty && now < p->poll_at_ms)
        return;
    p->poll_at_ms = now + POLL_MS;
    publish_poke(p, p->lease_epoch);
}

void publish_delivered(void *ctx, uint32_t shard, uint64_t seq)
{
    struct publish *p = by_tag(ctx, shard);
    if (!p)
        return;
    CRASH_POINT(delivered);
    uint32_t lo = 0, hi = p->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->sent[mid].seq < seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < p->n && p->sent[lo].seq == seq)
        p->sent[lo].delivered = true;
    p->s->d->counts.delivered++;
    trim(p);
}

void publish_failed(void *ctx, uint32_t shard, uint64_t seq, const char *why)
{
    struct daemon *d = ctx;
    struct publish *p = by_tag(d, shard);
    if (!p)
        return;
    if (!p->failed)
        log_line(&d->log, LOG_WARNING_, "publish_failed", "shard %u, entry %llu: %s; sent again in %d ms", p->s->index,
                 (unsigned long long)seq, why, RETRY_MS);
    p->failed = true;
    d->counts.deliveries_failed++;
    p->not_before_ms = uv_now(&d->loop) + RETRY_MS;
}

uint32_t publish_open(const struct publish *p)
{
    return p->n;
}

bool publish_quiet(const struct publish *p)
{
    return !p->lease_epoch || (!p->n && !p->trim_seq && !p->reading);
}

bool publish_settled(const struct publish *p)
{
    return !p->lease_epoch || (p->empty && !p->n && !p->trim_seq && !p->reading && !p->failed);
}

/* Corrections that have waited too long for what they correct: found by the daemon that judges the shard as its judged time passes, given up by its ingest
 * between two batches. Records are versioned, so it does not matter who does it, nor whether two do: the flush of one of them is refused.
 *
 * What a crash or a rewind drops is found again: the list in Redis changes with the flush that tells of it, never before. */
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum { ASK_MOST = 256, ASK_EVERY_MS = 200, WAITS_LONG_MS = 86400000 };

void orphans_init(struct shard *s)
{
    arena_init(&s->orphans.text, 0, 0);
    s->orphans.seen_ms = INT64_MIN;
    arena_init(&s->clean.text, 0, 0);
    arena_init(&s->clean.walk, 0, 0);
}

void orphans_release(struct shard *s)
{
    free(s->orphans.key);
    s->orphans.key = NULL;
    arena_release(&s->orphans.text);
    clean_drop(s);
    arena_release(&s->clean.text);
    arena_release(&s->clean.walk);
}

void orphans_drop(struct shard *s)
{
    s->orphans.n = s->orphans.next = 0;
    s->orphans.seen_ms = INT64_MIN;
    s->orphans.asking = false;
    arena_reset(&s->orphans.text);
    clean_drop(s);
}

/* The tick that the shard has behind it; INT64_MIN: another daemon judges it, or nothing is judged yet. */
static int64_t reached_ms(const struct shard *s)
{
    int64_t judged_ms = judge_reached(s->judge), tick_ms = s->d->config->defs.tick_ms;
    return judged_ms < 0 ? INT64_MIN : judged_ms - judged_ms % tick_ms;
}

static void on_due(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
    struct orphan_sweep *o = s ? &s->orphans : NULL;
    if (!s)
        return;
    o->asking = false;
    o->seen_ms = r == STORE_OK && !n ? o->until_ms : INT64_MIN; /* else asked again when they are gone */
    if (r != STORE_OK || !n)
        return;
    CRASH_POINT(orphans_found);
    if (o->cap < n) {
        struct slice *v = realloc(o->key, n * sizeof *v);
        if (!v)
            return;
        o->key = v;
        o->cap = n;
    }
    arena_reset(&o->text);
    for (o->n = o->next = 0; o->n < n; o->n++)
        if (!(o->key[o->n] = arena_copy(&o->text, keys[o->n])).p)
            break;
    ingest_step(s->d);
}

static void ask(struct shard *s)
{
    struct orphan_sweep *o = &s->orphans;
    int64_t until_ms = reached_ms(s), wait_ms = s->d->config->defs.orphan_wait_ms;
    uint64_t now = uv_now(&s->d->loop);
    if (until_ms == INT64_MIN || until_ms == o->seen_ms || o->asking || o->next < o->n || now < o->not_before_ms ||
        s->store_state != STORE_READY)
        return;
    struct ingest_call *call = ingest_call_new(s);
    o->not_before_ms = now + ASK_EVERY_MS;
    o->until_ms = until_ms;
    o->asking =
        redis_store_orphans(s->store, until_ms, until_ms - WAITS_LONG_MS + wait_ms, ASK_MOST, on_due, call) == 0;
    if (!o->asking)
        free(call);
}

void orphans_tick(struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards && d->ingest.state == INGEST_RUNNING; i++)
        if (!d->shard[i].flushing && !d->shard[i].moved) { /* else the list is about to change */
            ask(&d->shard[i]);
            forget_tick(&d->shard[i]);
        }
}

bool orphans_work(struct daemon *d)
{
    bool done = true;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        struct orphan_sweep *o = &d->shard[i].orphans;
        for (bool given = true; given && o->next < o->n; o->next += given) {
            arena_reset(&d->ingest.decode);
            given = orphan_give_up(&d->shard[i], o->key[o->next], o->until_ms);
        }
        done &= o->next == o->n && clean_end(&d->shard[i]);
    }
    return done;
}

bool orphans_settled(const struct shard *s)
{
    int64_t until_ms = reached_ms(s);
    return s->orphans.next == s->orphans.n && !s->orphans.asking &&
           (until_ms == INT64_MIN || until_ms == s->orphans.seen_ms);
}

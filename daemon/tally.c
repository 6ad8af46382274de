/* Counters that tell a person what the engine met with: duplicates, late events, and where a bound made a result inexact. Added up in cp:{s}:counters over
 * restarts and daemons, about once a minute and at the end, and logged at the end. Nothing rests on them: what a killed daemon had not written is lost. */
#include <stdio.h>

#include "daemon/daemon.h"

enum { EVERY_MS = 60000, TEXT_MAX = 900, DIGITS_MAX = 24 };

static const struct {
    const char *name;
    size_t at;
} rows[] = {
#define ROW(name)                                                                                                      \
    {                                                                                                                  \
#name, offsetof(struct engine_stats, name)                                                                     \
    }
    ROW(applied),         ROW(duplicates),        ROW(conflicts),          ROW(late),          ROW(parked),
    ROW(money_overflows), ROW(sequence_mixed),    ROW(negative_durations), ROW(causes_capped), ROW(folded_withdrawals),
    ROW(ledger_capped),   ROW(dependants_capped), ROW(unacquired),
#undef ROW
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static uint64_t value_of(const struct engine_stats *s, int row)
{
    uint64_t n;
    memcpy(&n, (const char *)s + rows[row].at, sizeof n);
    return n;
}

static void on_written(void *ctx, enum store_result r, const char *detail)
{
    struct shard *s = ctx;
    s->tallying = false;
    if (r == STORE_OK)
        s->tallied = s->tally_sent;
    else
        log_line(&s->d->log, LOG_DEBUG_, "counters", "shard %u: not written: %s", s->index, detail ? detail : "");
}

static void write_shard(struct shard *s)
{
    struct engine_stats now;
    struct slice pair[2 * ROWS];
    char digits[ROWS][DIGITS_MAX];
    uint32_t n = 0;
    engine_stats(s->engine, &now);
    for (int i = 0; i < ROWS; i++) {
        uint64_t more = value_of(&now, i) - value_of(&s->tallied, i);
        if (!more)
            continue;
        snprintf(digits[n], sizeof digits[n], "%llu", (unsigned long long)more);
        pair[2 * n] = slice_of(rows[i].name);
        pair[2 * n + 1] = slice_of(digits[n]);
        n++;
    }
    s->tally_sent = now;
    s->tallying = n && s->store_state == STORE_READY && redis_store_tally(s->store, pair, n, on_written, s) == 0;
}

void tally_tick(struct daemon *d)
{
    uint64_t now_ms = uv_now(&d->loop);
    if (now_ms < d->tally_ms)
        return;
    d->tally_ms = now_ms + EVERY_MS;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (!d->shard[i].tallying)
            write_shard(&d->shard[i]);
}

static void log_shard(const struct shard *s)
{
    struct engine_stats now;
    char text[TEXT_MAX] = "";
    size_t n = 0;
    engine_stats(s->engine, &now);
    for (int i = 0; i < ROWS && n < sizeof text; i++) {
        int more = value_of(&now, i) || i == 0 ? snprintf(text + n, sizeof text - n, " %s=%llu", rows[i].name,
                                                          (unsigned long long)value_of(&now, i))
                                               : 0;
        n += more > 0 ? (size_t)more : 0;
    }
    log_line(&s->d->log, LOG_INFO_, "counters", "shard %u, since the start:%s", s->index, text);
}

bool tally_leave(struct daemon *d)
{
    bool waiting = false;
    if (!d->tally_left)
        d->tally_ms = 0; /* the last time */
    for (uint32_t i = 0; i < d->n_shards && !d->tally_left; i++)
        log_shard(&d->shard[i]);
    d->tally_left = true;
    if (d->tally_ms == 0)
        tally_tick(d);
    for (uint32_t i = 0; i < d->n_shards; i++)
        waiting |= d->shard[i].tallying;
    return !waiting;
}

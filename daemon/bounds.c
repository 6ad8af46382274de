/* Says when a bound of the engine was hit: each counter that grew, at most once a minute. What a bound means is in docs/ARCHITECTURE.md, Bounds. */
#include "daemon/daemon.h"

enum { EVERY_MS = 60000 };

static const struct {
    const char *name;
    size_t at; /* in struct engine_stats */
    const char *meaning;
} rows[] = {
    { "subjects_capped", offsetof(struct engine_stats, subjects_capped),
      "a dimension has limits.subjects subjects, later ones count under __other__" },
    { "dependants_capped", offsetof(struct engine_stats, dependants_capped),
      "a late event will not reach everything that depends on it" },
    { "ledger_capped", offsetof(struct engine_stats, ledger_capped),
      "a customer has more sales or uses than its ledger has room for" },
    { "causes_capped", offsetof(struct engine_stats, causes_capped),
      "judged views of the past are inexact for a very late event" },
    { "folded_withdrawals", offsetof(struct engine_stats, folded_withdrawals),
      "judged views of the past are inexact for a distinct count" },
    { "money_overflows", offsetof(struct engine_stats, money_overflows),
      "an amount is beyond 2^53 in the org's currency and does not count" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static uint64_t counter(const struct engine_stats *stats, int i)
{
    uint64_t n;
    memcpy(&n, (const char *)stats + rows[i].at, sizeof n);
    return n;
}

void bounds_tell(struct shard *s, uint64_t now_ms)
{
    struct engine_stats stats;
    if (s->bounds_told_ms && now_ms - s->bounds_told_ms < EVERY_MS)
        return;
    engine_stats(s->engine, &stats);
    for (int i = 0; i < ROWS; i++) {
        uint64_t before = counter(&s->bounds_told, i), now = counter(&stats, i);
        if (now <= before)
            continue;
        s->bounds_told_ms = now_ms;
        log_line(&s->d->log, LOG_WARNING_, "bound", "shard %u: %s %llu (+%llu)%s%s: %s", s->index, rows[i].name,
                 (unsigned long long)now, (unsigned long long)(now - before), i ? "" : " newest in ",
                 i ? "" : stats.subjects_capped_in, rows[i].meaning);
    }
    s->bounds_told = stats;
}

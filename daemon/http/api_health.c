/* What the daemon says of itself, as JSON: of the status alone, nothing is asked of Redis. */
#include <math.h>

#include "daemon/http/api.h"
#include "daemon/http/metrics.h"
#include "daemon/http/shown.h"

/* What of partitions and shards makes one figure. */
struct pipeline {
    int64_t lag;                     /* records, of all partitions */
    double lag_seconds;              /* of the one furthest behind */
    int64_t newest_ms;               /* 0: none */
    int64_t watermark_ms, judged_ms; /* of the shards that this daemon judges: the lowest, the highest; 0: none */
    uint64_t dead;
};

static void add_part(struct pipeline *p, const struct status_part *part)
{
    p->lag += part->lag > 0 ? part->lag : 0;
    p->newest_ms = part->newest_ms > p->newest_ms ? part->newest_ms : p->newest_ms;
    if (!isnan(part->lag_seconds))
        p->lag_seconds = fmax(p->lag_seconds, part->lag_seconds);
}

static void add_shard(struct pipeline *p, const struct status_shard *shard)
{
    const int64_t at_ms = shard->watermark_ms;
    if (at_ms != STATUS_UNKNOWN_MS && (!p->watermark_ms || at_ms < p->watermark_ms))
        p->watermark_ms = at_ms;
    p->judged_ms = shard->judged_ms > p->judged_ms ? shard->judged_ms : p->judged_ms;
}

static struct pipeline pipeline_of(const struct status *s)
{
    struct pipeline p = { 0 };
    for (uint32_t i = 0; s && i < s->n_parts; i++)
        add_part(&p, &s->part[i]);
    for (uint32_t i = 0; s && i < s->n_shards; i++)
        add_shard(&p, &s->shard[i]);
    for (int i = 0; s && i < REJECT_COUNT; i++)
        p.dead += s->counts.dead[i];
    return p;
}

void api_health(const struct status *s, struct body *to)
{
    const struct pipeline p = pipeline_of(s);
    struct body why = { 0 };
    struct slice rest, line;
    const bool ready = health_ready(s, &why);
    body_addf(to, "{\"ready\":%s,\"reasons\":[", ready ? "true" : "false");
    rest = (struct slice){ why.p, (uint32_t)why.n };
    while (shown_word(&rest, '\n', &line)) {
        if (to->p[to->n - 1] != '[')
            body_add(to, ",", 1);
        body_add_json(to, line);
    }
    body_addf(
        to, "],\"lag_records\":%lld,\"lag_ms\":%lld,\"newest_event_ms\":%lld,\"watermark_ms\":%lld,\"judged_ms\":%lld",
        (long long)p.lag, (long long)(p.lag_seconds * 1000), (long long)p.newest_ms, (long long)p.watermark_ms,
        (long long)p.judged_ms);
    body_addf(to, ",\"applied\":%llu,\"duplicate\":%llu,\"late\":%llu,\"dead\":%llu}",
              s ? (unsigned long long)s->counts.applied : 0, s ? (unsigned long long)s->counts.duplicate : 0,
              s ? (unsigned long long)s->counts.late : 0, (unsigned long long)p.dead);
    body_release(&why);
}

/* Ready: Redis is there and the partitions are at work, or there are none for this daemon. */
#include "daemon/http/metrics.h"

/* No reasons are wanted: nothing is written. */
#define SAY(why, ...)                                                                                                  \
    do {                                                                                                               \
        if (why)                                                                                                       \
            body_addf(why, __VA_ARGS__);                                                                               \
    } while (0)

static bool shards_ready(const struct status *s, struct body *why)
{
    uint32_t down = 0, first = 0;
    for (uint32_t i = s->n_shards; i-- > 0;)
        if (!s->shard[i].up) {
            down++;
            first = s->shard[i].index;
        }
    if (down)
        SAY(why, "redis: shard %u %s not connected\n", first, down > 1 ? "and others are" : "is");
    return !down;
}

static bool parts_ready(const struct status *s, struct body *why)
{
    bool ready = true;
    for (uint32_t i = 0; i < s->n_parts; i++) {
        const struct status_part *p = &s->part[i];
        if (p->state[0] == 'r')
            continue;
        ready = false;
        SAY(why, "partition %s/%d: %s", p->topic, p->partition, p->state);
        SAY(why, "%s%s\n", p->why[0] ? ": " : "", p->why);
    }
    return ready;
}

bool health_ready(const struct status *s, struct body *why)
{
    if (!s) {
        SAY(why, "starting\n");
        return false;
    }
    bool ready = shards_ready(s, why);
    if (s->stopping) {
        ready = false;
        SAY(why, "stopping\n");
    }
    if (!s->reading) {
        ready = false;
        SAY(why, "kafka: %s\n", s->phase);
    }
    return parts_ready(s, why) && ready;
}

/* The shard's watermark: the minimum over all partitions of the input topics, whoever reads them (design 5).
 *
 * What a partition has reached is read from the store; how many there are is asked of the brokers. Until the store knows every partition the
 * watermark stays: a daemon that starts first must not judge before another has claimed its share. */
#include "daemon/judge_int.h"

enum { ASK_AGAIN_MS = 500 };

static void on_sizes(void *ctx, const int32_t *sizes, uint32_t n)
{
    struct daemon *d = ctx;
    struct topic_sizes *t = &d->sizes;
    t->asking = false;
    if (!sizes) {
        t->not_before_ms = uv_now(&d->loop) + ASK_AGAIN_MS;
        return;
    }
    memcpy(t->size, sizes, n * sizeof *sizes);
    t->n = n;
    t->known = !t->again;
    for (uint32_t i = 0; i < d->n_shards && t->known; i++)
        judge_stir(d->shard[i].judge);
}

void watermark_ask(struct daemon *d)
{
    d->sizes.known = false;
    d->sizes.again = true;
    watermark_tick(d);
}

void watermark_tick(struct daemon *d)
{
    struct topic_sizes *t = &d->sizes;
    if (t->known || t->asking || d->stopping || uv_now(&d->loop) < t->not_before_ms)
        return;
    t->again = false;
    t->asking = kafka_in_sizes(d->in, on_sizes) == 0;
}

/* The number of its input topic, or -1: the configuration has no such topic, or the topic no such partition any more. */
static int topic_of(const struct daemon *d, const struct store_part *p)
{
    for (uint32_t i = 0; i < d->sizes.n; i++)
        if (slice_eq(p->topic, slice_of(d->config->kafka.input[i])) && p->partition < d->sizes.size[i])
            return (int)i;
    return -1;
}

struct stand {
    int64_t low_ms, newest_ms;
    int32_t found[CONFIG_TOPICS_MAX];
    bool hold, all_idle;
};

static void add_part(struct stand *st, const struct store_part *p, int topic)
{
    st->found[topic]++;
    if (p->max_event_ms > st->newest_ms)
        st->newest_ms = p->max_event_ms;
    if (p->idle)
        return;
    st->all_idle = false;
    st->hold |= p->max_event_ms == INT64_MIN; /* nothing read yet: it may hold anything */
    if (p->max_event_ms < st->low_ms)
        st->low_ms = p->max_event_ms;
}

static struct stand stand_of(const struct daemon *d, const struct store_part *parts, uint32_t n)
{
    struct stand st = { .low_ms = INT64_MAX, .newest_ms = INT64_MIN, .all_idle = true };
    /* Until our own share is claimed, what the store says of it is a former owner's word, idleness above all. */
    st.hold = !d->sizes.known || d->ingest.state != INGEST_RUNNING;
    for (uint32_t i = 0; i < n; i++) {
        int topic = topic_of(d, &parts[i]);
        if (topic >= 0)
            add_part(&st, &parts[i], topic);
    }
    for (uint32_t i = 0; i < d->sizes.n; i++)
        st.hold |= st.found[i] < d->sizes.size[i];
    return st;
}

void watermark_take(struct judge *j, const struct store_part *parts, uint32_t n)
{
    struct daemon *d = j->s->d;
    const struct config *c = d->config;
    const int64_t tick = c->defs.tick_ms;
    struct stand st = stand_of(d, parts, n);
    int64_t low = INT64_MIN;
    j->newest_ms = st.newest_ms;
    j->all_idle = st.all_idle && !st.hold;
    if (st.hold || st.newest_ms == INT64_MIN)
        return;
    if (!st.all_idle) {
        low = st.low_ms - c->defs.out_of_orderness_ms;
    } else {
        low = (st.newest_ms / tick + 1) * tick;
        if (c->run.wall_clock && wall_ms() - c->defs.out_of_orderness_ms > low)
            low = wall_ms() - c->defs.out_of_orderness_ms;
    }
    if (low > j->watermark_ms)
        j->watermark_ms = low;
}

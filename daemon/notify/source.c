/* Where reading begins: at the group's offset; where it has none, at the end of the topic if the group is new (unless notify.from_beginning), and at the first record
 * of a partition that came later. An offset that is no longer there is said, with what is lost. */
#include "daemon/notify/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAIN_MAX = 500, AGAIN_MS = 1000, NAME_MAX_BYTES = 256 };

struct source {
    struct config config; /* a copy in which the topic is the input; its texts are borrowed but for `group` */
    char group[NAME_MAX_BYTES];
    const struct log *log;
    struct marks *marks;
    struct source_events events;
    struct kafka_in *in;
    uv_timer_t again;
    struct store_part *part; /* assigned */
    uint32_t n_parts;
    bool running, paused, closing;
    char fault[200]; /* said last */
    struct source_counts counts;
};

static void ask(struct source *s);

/* ---- where to begin ---------------------------------------------------------------------------------------------------------------------------- */

static int64_t start_of(struct source *s, const struct kafka_standing *at, bool new_group)
{
    if (at->committed < 0)
        return new_group && !s->config.notify.from_beginning ? at->high : at->low;
    if (at->committed < at->low) {
        s->counts.lost += (uint64_t)(at->low - at->committed);
        log_line(s->log, LOG_ERROR_, "notify_lost",
                 "%.*s[%d]: %lld records expired before they were told: %lld to %lld", (int)at->topic.n, at->topic.p,
                 at->partition, (long long)(at->low - at->committed), (long long)at->committed,
                 (long long)(at->low - 1));
        return at->low;
    }
    if (at->committed > at->high) {
        log_line(s->log, LOG_ERROR_, "notify_another_log",
                 "%.*s[%d]: it ends at %lld, before what was told (%lld): the topic was made anew; read from its start",
                 (int)at->topic.n, at->topic.p, at->partition, (long long)at->high, (long long)at->committed);
        return at->low;
    }
    return at->committed;
}

static bool all_known(const struct kafka_standing *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (v[i].committed == KAFKA_UNKNOWN || v[i].low < 0 || v[i].high < 0)
            return false;
    return true;
}

static bool is_new_group(const struct kafka_standing *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (v[i].committed >= 0)
            return false;
    return true;
}

static int begin(struct source *s, const struct kafka_standing *v, uint32_t n)
{
    const bool new_group = is_new_group(v, n);
    marks_forget(s->marks);
    for (uint32_t i = 0; i < s->n_parts; i++) {
        struct store_part *p = &s->part[i];
        for (uint32_t k = 0; k < n; k++)
            if (v[k].partition == p->partition)
                p->prev_next = p->next = start_of(s, &v[k], new_group);
        if (p->next < 0 || marks_begin(s->marks, p->partition, p->next) < 0)
            return -1;
    }
    return kafka_in_start(s->in, s->part, s->n_parts);
}

static void ask_again(struct source *s)
{
    if (!s->closing)
        uv_timer_start(&s->again, s->again.timer_cb, AGAIN_MS, 0);
}

static void on_standing(void *ctx, const struct kafka_standing *v, uint32_t n)
{
    struct source *s = ctx;
    if (!s->part)
        return; /* taken away meanwhile */
    if (n < s->n_parts || !all_known(v, n) || begin(s, v, n) < 0) {
        ask_again(s);
        return;
    }
    /* At once: a group that begins at the end must not begin at a later end after a restart. */
    kafka_in_commit(s->in, s->part, s->n_parts);
    s->running = true;
    s->paused = false; /* a start ends a pause */
    s->fault[0] = 0;
    log_line(s->log, LOG_INFO_, "notify_reading", "%u partitions of %s as %s", s->n_parts, s->config.kafka.input[0],
             s->config.kafka.group);
    s->events.running(s->events.ctx);
}

static void ask(struct source *s)
{
    if (s->part && !s->running && kafka_in_standing(s->in, s->part, s->n_parts, on_standing) < 0)
        ask_again(s);
}

static void on_again(uv_timer_t *t)
{
    ask(t->data);
}

/* ---- what the group does ----------------------------------------------------------------------------------------------------------------------- */

static void forget(struct source *s)
{
    s->running = false;
    free(s->part);
    s->part = NULL;
    s->n_parts = 0;
}

static void on_assigned(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct source *s = ctx;
    forget(s);
    s->part = calloc((size_t)n + 1, sizeof *s->part);
    if (!s->part) {
        s->events.fatal(s->events.ctx, "out of memory");
        return;
    }
    memcpy(s->part, parts, n * sizeof *parts);
    s->n_parts = n;
    if (n)
        ask(s);
    else
        s->events.running(s->events.ctx); /* somebody else of the group reads: this one stands by */
}

static void on_revoked(void *ctx, const struct store_part *parts, uint32_t n)
{
    struct source *s = ctx;
    (void)parts, (void)n;
    forget(s);
    marks_forget(s->marks);
    s->events.revoked(s->events.ctx);
}

static void on_fault(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why)
{
    struct source *s = ctx;
    if (fault == KAFKA_FAULT_FATAL) {
        s->events.fatal(s->events.ctx, why);
        return;
    }
    const bool stopped = fault == KAFKA_FAULT_PARTITION;
    if (stopped || strncmp(s->fault, why, sizeof s->fault - 1) != 0)
        log_line(s->log, stopped ? LOG_ERROR_ : LOG_WARNING_, "notify_kafka", "%.*s[%d]: %s", (int)topic.n,
                 topic.n ? topic.p : "", partition, why);
    snprintf(s->fault, sizeof s->fault, "%s", why);
    if (!stopped || !s->running)
        return;
    s->running = false;
    marks_forget(s->marks);
    s->events.revoked(s->events.ctx);
    ask_again(s);
}

static int on_message(void *ctx, const struct kafka_message *m)
{
    struct source *s = ctx;
    struct mark *mark = s->running ? marks_read(s->marks, m->partition, m->offset) : NULL;
    if (!mark) {
        if (s->running)
            s->events.fatal(s->events.ctx, "out of memory");
        return 1;
    }
    s->counts.read++;
    return s->events.record(s->events.ctx, m, mark);
}

static void on_readable(void *ctx)
{
    struct source *s = ctx;
    if (s->in && !s->closing)
        (void)kafka_in_drain(s->in, DRAIN_MAX, on_message, s);
}

static void on_end(void *ctx, struct slice topic, int32_t partition, int64_t offset)
{
    (void)ctx, (void)topic, (void)partition, (void)offset;
}

/* ---- what others ask ---------------------------------------------------------------------------------------------------------------------------- */

void source_pause(struct source *s, bool pause)
{
    if (s->paused == pause || !s->running)
        return;
    if ((pause ? kafka_in_pause : kafka_in_resume)(s->in) == 0)
        s->paused = pause;
}

void source_commit(struct source *s)
{
    if (!s->running || !s->marks->moved)
        return;
    for (uint32_t i = 0; i < s->n_parts; i++)
        for (uint32_t k = 0; k < s->marks->n; k++)
            if (s->marks->row[k]->partition == s->part[i].partition)
                s->part[i].next = s->marks->row[k]->next;
    kafka_in_commit(s->in, s->part, s->n_parts);
    s->marks->moved = false;
}

int64_t source_lag(const struct source *s)
{
    int64_t lag = 0;
    if (!s->running)
        return -1;
    for (uint32_t i = 0; i < s->marks->n; i++) {
        const struct marks_row *row = s->marks->row[i];
        const int64_t high = kafka_in_high(s->in, slice_of(s->config.kafka.input[0]), row->partition);
        if (high < 0)
            return -1;
        lag += high > row->next ? high - row->next : 0;
    }
    return lag;
}

const struct source_counts *source_counts(const struct source *s)
{
    return &s->counts;
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------------- */

struct source *source_new(uv_loop_t *loop, const struct config *config, const struct log *log, struct marks *marks,
                          const struct source_events *events, char *err, size_t err_cap)
{
    const struct kafka_in_events in_events = { NULL, on_assigned, on_revoked, on_readable, on_end, on_fault };
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_cap, "out of memory");
        return NULL;
    }
    s->config = *config;
    s->log = log;
    s->marks = marks;
    s->events = *events;
    if (*config->notify.group)
        snprintf(s->group, sizeof s->group, "%s", config->notify.group);
    else
        snprintf(s->group, sizeof s->group, "%s-notify", config->kafka.group);
    s->config.kafka.group = s->group;
    s->config.kafka.n_inputs = 1;
    s->config.kafka.input[0] = config->kafka.alerts;
    struct kafka_in_events with_ctx = in_events;
    with_ctx.ctx = s;
    uv_timer_init(loop, &s->again);
    s->again.data = s;
    s->again.timer_cb = on_again;
    s->in = kafka_in_new(loop, &s->config, &with_ctx, err, err_cap);
    if (s->in)
        return s;
    source_close(s, 0);
    return NULL;
}

static void on_closed(uv_handle_t *h)
{
    struct source *s = h->data;
    free(s->part);
    free(s);
}

void source_close(struct source *s, int64_t deadline_ms)
{
    if (!s)
        return;
    source_commit(s);
    s->closing = true;
    kafka_in_close(s->in, deadline_ms);
    s->in = NULL;
    uv_close((uv_handle_t *)&s->again, on_closed);
}

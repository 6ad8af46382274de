/* /metrics from the table. */
#include "daemon/http/metrics.h"

#include <math.h>
#include <stddef.h>

enum scope { SCOPE_DAEMON, SCOPE_PART, SCOPE_SHARD, SCOPE_OWN };
enum kind { KIND_NONE, KIND_COUNT, KIND_NUMBER, KIND_INSTANT, KIND_OFFSET, KIND_FLAG };

struct source {
    const struct status *s;
    const struct http_counts *counts;
};
typedef void (*own_writer)(struct metric_writer *w, const struct source *from);

enum { DIGITS_MAX = 16, LABELS_PART = 2 };
static const double ms_in_second = 1000.0;

/* ---- what is more than one number ---- */

static void write_build(struct metric_writer *w, const struct source *from)
{
    const struct metric_label version = { "version", slice_of(CRMPULSE_VERSION) };
    (void)from;
    metric_sample(w, &version, 1, 1);
}

static void write_ready(struct metric_writer *w, const struct source *from)
{
    metric_sample(w, NULL, 0, health_ready(from->s, NULL));
}

static void write_events(struct metric_writer *w, const struct source *from)
{
    const struct status_counts *n = &from->s->counts;
    uint64_t dead = 0;
    for (int i = REJECT_NONE + 1; i < REJECT_COUNT; i++)
        dead += n->dead[i];
    const struct {
        const char *outcome;
        uint64_t n;
    } outcomes[] = {
        { "applied", n->applied }, { "duplicate", n->duplicate }, { "late", n->late }, { "erased", n->erased },
        { "dead", dead },
    };
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        const struct metric_label outcome = { "outcome", slice_of(outcomes[i].outcome) };
        metric_count(w, &outcome, 1, outcomes[i].n);
    }
}

static void write_dead(struct metric_writer *w, const struct source *from)
{
    for (int i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
        const struct metric_label reason = { "reason", slice_of(event_reject_name((enum event_reject)i)) };
        metric_count(w, &reason, 1, from->s->counts.dead[i]);
    }
}

static struct slice digits(int64_t v, char buf[DIGITS_MAX])
{
    int n = snprintf(buf, DIGITS_MAX, "%lld", (long long)v);
    return (struct slice){ buf, n > 0 ? (uint32_t)n : 0 };
}

static void part_labels(const struct status_part *p, struct metric_label *ret, char buf[DIGITS_MAX])
{
    ret[0] = (struct metric_label){ "topic", slice_of(p->topic) };
    ret[1] = (struct metric_label){ "partition", digits(p->partition, buf) };
}

static void write_part_state(struct metric_writer *w, const struct source *from)
{
    for (uint32_t i = 0; i < from->s->n_parts; i++) {
        const struct status_part *p = &from->s->part[i];
        struct metric_label label[LABELS_PART + 2];
        char buf[DIGITS_MAX];
        part_labels(p, label, buf);
        label[2] = (struct metric_label){ "state", slice_of(p->state) };
        label[3] = (struct metric_label){ "reason", slice_of(p->why) };
        metric_count(w, label, LABELS_PART + 2, 1);
    }
}

static void write_flush(struct metric_writer *w, const struct source *from)
{
    metric_durations(w, NULL, 0, &from->s->counts.flush);
}

static void write_judge(struct metric_writer *w, const struct source *from)
{
    metric_durations(w, NULL, 0, &from->s->counts.judge);
}

static void write_scripts(struct metric_writer *w, const struct source *from)
{
    for (int i = 0; i < STORE_SCRIPTS; i++) {
        const struct metric_label script = { "script", slice_of(redis_store_script_name(i)) };
        metric_durations(w, &script, 1, &from->s->store.script[i]);
    }
}

static void write_bounds(struct metric_writer *w, const struct source *from)
{
    const struct engine_stats *e = &from->s->engine;
    const struct {
        const char *name;
        uint64_t n;
    } rows[] = {
        { "subjects", e->subjects_capped },
        { "dependants", e->dependants_capped },
        { "ledger", e->ledger_capped },
        { "causes", e->causes_capped },
        { "folded_withdrawals", e->folded_withdrawals },
        { "money", e->money_overflows },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct metric_label bound = { "bound", slice_of(rows[i].name) };
        metric_count(w, &bound, 1, rows[i].n);
    }
}

static void write_requests(struct metric_writer *w, const struct source *from)
{
    for (int i = 0; i < HTTP_STATUS_END - HTTP_STATUS_MIN; i++) {
        char buf[DIGITS_MAX];
        const struct metric_label code = { "code", digits(i + HTTP_STATUS_MIN, buf) };
        if (from->counts->requests[i])
            metric_count(w, &code, 1, from->counts->requests[i]);
    }
}

static void write_connections(struct metric_writer *w, const struct source *from)
{
    metric_count(w, NULL, 0, from->counts->connections);
}

/* ---- the table ---- */

static const struct row {
    struct metric metric;
    enum scope scope;
    enum kind kind;
    size_t at; /* in struct status, status_part or status_shard */
    own_writer own;
} rows[] = {
#define DAEMON(type, name, unit, kind, member, help)                                                                   \
    { { name, unit, help, METRIC_##type }, SCOPE_DAEMON, KIND_##kind, offsetof(struct status, member), NULL },
#define PART(type, name, unit, kind, member, help)                                                                     \
    { { name, unit, help, METRIC_##type }, SCOPE_PART, KIND_##kind, offsetof(struct status_part, member), NULL },
#define SHARD(type, name, unit, kind, member, help)                                                                    \
    { { name, unit, help, METRIC_##type }, SCOPE_SHARD, KIND_##kind, offsetof(struct status_shard, member), NULL },
#define OWN(type, name, unit, function, help)                                                                          \
    { { name, unit, help, METRIC_##type }, SCOPE_OWN, KIND_NONE, 0, function },
#include "daemon/http/metrics.def"
#undef DAEMON
#undef PART
#undef SHARD
#undef OWN
};

static void write_value(struct metric_writer *w, const struct metric_label *labels, uint32_t n, enum kind kind,
                        const void *at)
{
    uint64_t count;
    int64_t whole;
    double number;
    switch (kind) {
    case KIND_COUNT:
        memcpy(&count, at, sizeof count);
        metric_count(w, labels, n, count);
        break;
    case KIND_NUMBER:
        memcpy(&number, at, sizeof number);
        metric_sample(w, labels, n, number);
        break;
    case KIND_INSTANT:
        memcpy(&whole, at, sizeof whole);
        metric_sample(w, labels, n, whole == STATUS_UNKNOWN_MS ? NAN : (double)whole / ms_in_second);
        break;
    case KIND_OFFSET:
        memcpy(&whole, at, sizeof whole);
        if (whole >= 0)
            metric_count(w, labels, n, (uint64_t)whole);
        break;
    case KIND_FLAG:
        metric_count(w, labels, n, *(const bool *)at);
        break;
    case KIND_NONE:
        break;
    }
}

static void write_row(struct metric_writer *w, const struct row *row, const struct source *from)
{
    const struct status *s = from->s;
    char buf[DIGITS_MAX];
    metric_begin(w, &row->metric);
    switch (row->scope) {
    case SCOPE_OWN:
        row->own(w, from);
        break;
    case SCOPE_DAEMON:
        write_value(w, NULL, 0, row->kind, (const char *)s + row->at);
        break;
    case SCOPE_PART:
        for (uint32_t i = 0; i < s->n_parts; i++) {
            struct metric_label label[LABELS_PART];
            part_labels(&s->part[i], label, buf);
            write_value(w, label, LABELS_PART, row->kind, (const char *)&s->part[i] + row->at);
        }
        break;
    case SCOPE_SHARD:
        for (uint32_t i = 0; i < s->n_shards; i++) {
            const struct metric_label shard = { "shard", digits(s->shard[i].index, buf) };
            write_value(w, &shard, 1, row->kind, (const char *)&s->shard[i] + row->at);
        }
        break;
    }
}

void metrics_write(struct body *to, bool openmetrics, const struct status *s, const struct http_counts *c,
                   struct slice more)
{
    struct metric_writer w = { to, openmetrics, NULL };
    const struct source from = { s, c };
    for (size_t i = 0; s && i < sizeof rows / sizeof *rows; i++)
        write_row(&w, &rows[i], &from);
    body_add_slice(to, more);
    process_metrics_write(&w, s);
    metric_end(&w);
}

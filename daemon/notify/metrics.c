/* The counters in Prometheus' text format, for a textfile collector. */
#include <stdio.h>
#include <string.h>

#include "daemon/notify/run.h"

enum { PATH_MAX_BYTES = 4096 };

static const struct {
    const char *name, *help;
    size_t at; /* in struct receiver_counts */
} rows[] = {
    { "told", "Transitions that a receiver has taken", offsetof(struct receiver_counts, told) },
    { "given_up", "Transitions that a receiver has not taken in time", offsetof(struct receiver_counts, given_up) },
    { "refused", "Transitions that a receiver has refused for good", offsetof(struct receiver_counts, refused) },
    { "filtered", "Transitions that are not for a receiver", offsetof(struct receiver_counts, filtered) },
    { "requests", "Requests made", offsetof(struct receiver_counts, requests) },
    { "retries", "Requests that failed and are repeated", offsetof(struct receiver_counts, retries) },
    { "resent", "Alerts that Alertmanager was told again", offsetof(struct receiver_counts, resent) },
};

static void counter(FILE *to, const char *name, const char *help, uint64_t v)
{
    fprintf(to, "# HELP crmpulse_notify_%s_total %s.\n# TYPE crmpulse_notify_%s_total counter\n", name, help, name);
    fprintf(to, "crmpulse_notify_%s_total %llu\n", name, (unsigned long long)v);
}

static void gauge(FILE *to, const char *name, const char *help)
{
    fprintf(to, "# HELP crmpulse_notify_%s %s.\n# TYPE crmpulse_notify_%s gauge\n", name, help, name);
}

static void receivers(const struct notifier *n, FILE *to)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fprintf(to, "# HELP crmpulse_notify_%s_total %s.\n# TYPE crmpulse_notify_%s_total counter\n", rows[i].name,
                rows[i].help, rows[i].name);
        for (uint32_t k = 0; k < n->n_receivers; k++) {
            uint64_t v;
            memcpy(&v, (const char *)&n->receiver[k].counts + rows[i].at, sizeof v);
            fprintf(to, "crmpulse_notify_%s_total{receiver=\"%s\"} %llu\n", rows[i].name, n->receiver[k].conf->name,
                    (unsigned long long)v);
        }
    }
    gauge(to, "waiting", "Transitions that wait for a receiver");
    for (uint32_t k = 0; k < n->n_receivers; k++)
        fprintf(to, "crmpulse_notify_waiting{receiver=\"%s\"} %u\n", n->receiver[k].conf->name, n->receiver[k].queue.n);
    gauge(to, "up", "Whether the last request to a receiver was answered");
    for (uint32_t k = 0; k < n->n_receivers; k++)
        fprintf(to, "crmpulse_notify_up{receiver=\"%s\"} %d\n", n->receiver[k].conf->name, !n->receiver[k].attempt);
}

static void print(const struct notifier *n, FILE *to)
{
    const struct source_counts *s = source_counts(n->source);
    const int64_t lag = source_lag(n->source);
    receivers(n, to);
    counter(to, "read", "Records of the alerts topic that were read", s->read);
    counter(to, "lost", "Records that expired before they were read", s->lost);
    counter(to, "undecoded", "Records that are no alert transition", n->counts.undecoded);
    gauge(to, "firing", "Alerts that are told again: those that fire, and those that ended a short while ago");
    fprintf(to, "crmpulse_notify_firing %u\n", n->firing.n);
    if (lag >= 0) {
        gauge(to, "lag", "Records of the alerts topic that not every receiver is done with");
        fprintf(to, "crmpulse_notify_lag %lld\n", (long long)lag);
    }
    gauge(to, "timestamp_seconds", "When this was written");
    fprintf(to, "crmpulse_notify_timestamp_seconds %lld\n", (long long)(n->env.unix_ms(n->env.ctx) / 1000));
}

int notifier_write_metrics(const struct notifier *n, const char *path)
{
    char beside[PATH_MAX_BYTES];
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return -1;
    FILE *to = fopen(beside, "we");
    if (!to)
        return -1;
    print(n, to);
    const int bad = ferror(to);
    return fclose(to) || bad || rename(beside, path) ? -1 : 0;
}

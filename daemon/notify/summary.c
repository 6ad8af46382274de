/* What was told so far, for the log: a line for each receiver and one for all. */
#include "daemon/notify/run.h"

void notifier_log_summary(const struct notifier *n)
{
    const struct source_counts *s = source_counts(n->source);
    for (uint32_t i = 0; i < n->n_receivers; i++) {
        const struct receiver *r = &n->receiver[i];
        const struct receiver_counts *c = &r->counts;
        log_line(
            &n->log, LOG_INFO_, "notify_receiver",
            "receiver %s: told=%llu waiting=%u given_up=%llu refused=%llu filtered=%llu requests=%llu retries=%llu "
            "resent=%llu",
            r->conf->name, (unsigned long long)c->told, r->queue.n, (unsigned long long)c->given_up,
            (unsigned long long)c->refused, (unsigned long long)c->filtered, (unsigned long long)c->requests,
            (unsigned long long)c->retries, (unsigned long long)c->resent);
    }
    log_line(&n->log, LOG_INFO_, "notify_summary", "read=%llu undecoded=%llu lost=%llu firing=%u paused=%llu",
             (unsigned long long)s->read, (unsigned long long)n->counts.undecoded, (unsigned long long)s->lost,
             n->firing.n, (unsigned long long)n->counts.paused_times);
}

/* The parts of `crmpulse notify` on one loop. */
#ifndef CRMPULSE_NOTIFY_RUN_H
#define CRMPULSE_NOTIFY_RUN_H

#include <uv.h>

#include "daemon/notify/known.h"
#include "daemon/notify/post.h"
#include "daemon/notify/receiver.h"
#include "daemon/notify/source.h"

struct notify_counts {
    uint64_t undecoded;    /* records that are no transition */
    uint64_t paused_times; /* how often a full queue stopped the reading */
};

struct notifier {
    uv_loop_t loop;
    uv_timer_t timer, stop_timer;
    uv_signal_t on_term, on_int, on_usr1, on_hup;
    const struct config *config;
    const char *metrics_file; /* NULL: none */
    struct log log;
    struct marks marks;
    struct firing firing;
    struct source *source;
    struct known *known;
    struct poster *poster;
    struct receiver_env env;
    uint32_t n_receivers;
    struct receiver *receiver;
    struct notify_counts counts;
    bool full, ready, stopping, failed;
    bool again; /* it stops to begin again */
    int64_t commit_at_ms, read_at_ms, summary_at_ms, metrics_at_ms, stop_by_ms;
    uint64_t watchdog_ms;
    int64_t watchdog_at_ms;
};

/* metrics.c: what a node_exporter's textfile collector reads; written beside the file and moved there. 0, or -1 with errno. */
int notifier_write_metrics(const struct notifier *n, const char *path);

/* summary.c */
void notifier_log_summary(const struct notifier *n);

#endif

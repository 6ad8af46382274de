/* /metrics: the table metrics.def on a status. */
#ifndef CRMPULSE_HTTP_METRICS_H
#define CRMPULSE_HTTP_METRICS_H

#include "crmpulse/status.h"
#include "daemon/http/metric_text.h"

enum { HTTP_STATUS_MIN = 100, HTTP_STATUS_END = 600 };

/* What the server counts of itself. */
struct http_counts {
    uint64_t requests[HTTP_STATUS_END - HTTP_STATUS_MIN]; /* by status */
    uint32_t connections;
};

/* All metrics, to the last line; `more` are families of others, written already. `s` NULL: no status was told yet, only what needs none is written. */
void metrics_write(struct body *to, bool openmetrics, const struct status *s, const struct http_counts *c,
                   struct slice more);

/* process.c: process_* as the Prometheus clients have them, from /proc; what cannot be read is left out. */
void process_metrics_write(struct metric_writer *w, const struct status *s);

/* health.c: may a load balancer send readers here? The reasons why not, a line each, if `why` is given. */
bool health_ready(const struct status *s, struct body *why);

#endif

/* Metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0 where the scraper prefers it. Families come one after the other, each with its samples; the
 * writer knows the differences of the two (the name of a counter's family, "# UNIT", "# EOF"). */
#ifndef CRMPULSE_HTTP_METRIC_TEXT_H
#define CRMPULSE_HTTP_METRIC_TEXT_H

#include "crmpulse/duration.h"
#include "daemon/http/body.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

/* A family. `name` has neither the suffix of its type ("_total", "_info") nor a missing unit: where there is a unit, the name ends with it. */
struct metric {
    const char *name, *unit, *help;
    enum metric_type type;
};

struct metric_label {
    const char *name;
    struct slice value; /* any bytes: escaped, and made UTF-8 */
};

struct metric_writer {
    struct body *to;
    bool openmetrics;
    const struct metric *at; /* the family under way */
};

extern const char *const metric_content_type[2]; /* [openmetrics] */

/* Begins a family: its head. */
void metric_begin(struct metric_writer *w, const struct metric *m);
/* One sample of a counter, gauge or info. Not a number: nothing is written. */
void metric_sample(struct metric_writer *w, const struct metric_label *labels, uint32_t n, double v);
void metric_count(struct metric_writer *w, const struct metric_label *labels, uint32_t n, uint64_t v);
/* The samples of a histogram, in seconds. */
void metric_durations(struct metric_writer *w, const struct metric_label *labels, uint32_t n,
                      const struct duration_histogram *h);
/* After the last family. */
void metric_end(struct metric_writer *w);

#endif

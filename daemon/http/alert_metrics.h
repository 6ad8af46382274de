/* How many alerts there are, by rule and state: counted in what Redis shows of the orgs of the configuration. No label names an org or a subject. */
#ifndef CRMPULSE_HTTP_ALERT_METRICS_H
#define CRMPULSE_HTTP_ALERT_METRICS_H

#include "crmpulse/status.h"
#include "daemon/http/data.h"
#include "daemon/http/metric_text.h"

enum { ALERT_METRICS_ORGS_MAX = 100, ALERT_METRICS_RULES_MAX = 500 };

/* The family crmpulse_alerts. Nothing at all rather than a part of it: where the configuration lists no orgs, or more orgs or rules than that, or a Redis is away.
 * DATA_WAIT: ask again; never while `s` says that a Redis is away, so that metrics do not wait for one. */
enum data_state alert_metrics_write(struct body *to, bool openmetrics, struct data *d, const struct config *c,
                                    const struct status *s);

#endif

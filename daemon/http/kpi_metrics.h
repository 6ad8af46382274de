/* KPI values as metrics, where http.kpi_metrics asks for them: those of whole orgs only, since names of people are no labels. */
#ifndef CRMPULSE_HTTP_KPI_METRICS_H
#define CRMPULSE_HTTP_KPI_METRICS_H

#include "daemon/http/data.h"
#include "daemon/http/metric_text.h"

enum { KPI_METRICS_MAX = 500 };

/* The family, or nothing if none is asked for. DATA_WAIT: ask again. An org whose Redis is away is left out. */
enum data_state kpi_metrics_write(struct body *to, bool openmetrics, struct data *d, const struct config *c);

#endif

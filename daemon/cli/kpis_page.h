/* The catalogue as a page for people. Private to the command kpis. */
#ifndef CRMPULSE_KPIS_PAGE_H
#define CRMPULSE_KPIS_PAGE_H

#include "crmpulse/config.h"

/* Markdown: the KPIs by perspective, then the switches. 0, or -1 if writing failed. */
int kpis_page(const struct config *c, FILE *to);

const char *kpi_unit_name(enum unit unit);
const char *kpi_direction_name(enum direction direction);

#endif

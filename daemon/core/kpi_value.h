/* The value of one KPI for one subject in one window at one instant. */
#ifndef CRMPULSE_CORE_KPI_VALUE_H
#define CRMPULSE_CORE_KPI_VALUE_H

#include "eval_core.h"

/* Where and when to read. */
struct reading {
    struct evaluator *e;
    enum view_id view;
    const struct window *window;
    int window_index; /* in the plan, -1: none of its windows */
    int64_t at_ms;
    bool past;          /* not the instant the view is positioned at: sums are made afresh */
    enum compared prev; /* read everything in the comparison window */
};

enum value_flag {
    VALUE_FROM_ZERO = 1,  /* compared with nothing */
    VALUE_SHORT_BASE = 2, /* the period compared with is shorter */
    VALUE_OVERFLOW = 4,
    VALUE_COARSE = 8,   /* a window of minutes over hour panes */
    VALUE_WARMING = 16, /* the window is longer than its panes are kept: it does not hold all that happened in it */
    VALUE_INCOMPLETE =
        32, /* something read lies beyond the retention, be it now in the store or not: there is no value then */
    VALUE_PAST_UNKNOWN = 64, /* an as-of measure at a past instant that the cells do not tell: no value */
};

enum { QUANTILES = 4 };

struct kpi_value {
    bool is_null;
    double value;
    bool has_numerator, has_denominator;
    int64_t numerator, denominator; /* of KPI_VALUE: the numerator is the value, if it is an integer */
    bool has_samples;
    int64_t samples;
    bool has_distribution; /* KPI_DURATION with samples */
    int64_t sum, count;
    double quantile[QUANTILES]; /* p50 p90 p95 p99 */
    double sd;                  /* of one observation, within the error of the quantiles */
    bool extra_null[KPI_EXTRAS_MAX];
    int64_t extra[KPI_EXTRAS_MAX];
    uint32_t flags;
    struct span span;
};

void kpi_read(const struct reading *r, struct subject *s, int kpi, struct kpi_value *ret);

/* An integer formed from measures, null as false: what a rule counts as samples. */
bool kpi_count(const struct reading *r, struct subject *s, const struct expr *formula, int64_t *ret);

/* The figure that a rule or scorecard item compares: the mean, or a quantile of a duration (50, 90, 95, 99). False: null. */
bool kpi_stat(const struct kpi_value *v, int stat, double *ret);

/* Start of the newest pane in the window that raised the value; INT64_MIN: none. */
int64_t kpi_reached_ms(const struct reading *r, const struct subject *s, int kpi);

/* Reading at the position of a view, and anywhere else (the position of the view is left alone). */
struct reading reading_at_view(struct evaluator *e, enum view_id v, int window_index);
struct reading reading_past(struct evaluator *e, enum view_id v, const struct window *w, int64_t at_ms);
struct span reading_span(const struct reading *r, const struct org *org, enum compared prev);
/* Panes of the size that the window is made of are kept from here on, INT64_MIN: all. */
int64_t reading_kept_ms(const struct reading *r);
/* Whether a window begins before the panes that are kept. */
bool reading_cut(const struct reading *r, const struct org *org, enum compared prev);
/* Whether the row has its value all the same: a window that is longer than panes are kept, but no window of years. */
bool reading_warming(const struct reading *r, struct span span);
/* Whether a window of years reaches back beyond the panes that are kept: what is left of it says nothing about it. */
bool reading_incomplete(const struct reading *r, const struct org *org, enum compared prev);

#endif

/* Did something change: two windows compared, and the trend of a series (domain specification 4.8).
 *
 * The caller chooses the windows: equal length and equal weekday mix (or the same period a year earlier), none of them inside the settling time. */
#ifndef CRMPULSE_BEFORE_AFTER_H
#define CRMPULSE_BEFORE_AFTER_H

#include <stdbool.h>
#include <stdint.h>

enum { COMPARE_SAMPLE_MIN = 30, TREND_CYCLES = 6, SETTLING_DAYS = 30 };

enum change_verdict { CHANGE_TOO_LITTLE_DATA, CHANGE_NONE, CHANGE_IMPROVED, CHANGE_WORSENED };

/* "too little data", "no clear change", "improved", "worsened" */
const char *change_verdict_name(enum change_verdict verdict);

struct rate_sample {
    int64_t hits, n; /* 0 <= hits <= n */
};

struct mean_sample {
    double mean, sd; /* of one observation, >= 0 */
    int64_t n;
};

struct change {
    bool values_null; /* a side without observations has no value */
    double before, after;
    bool relative_is_null;  /* from 0: no base; the statistic alone then decides */
    double relative;        /* (after - before) / |before| */
    bool statistic_is_null; /* no spread on either side; a difference is then as certain as the data is */
    double statistic;       /* z of rates, Welch's t of means */
    enum change_verdict verdict;
};

/* Improved or worsened if |statistic| >= 1.96 and |relative| >= 0.02; fewer than 30 on a side is too little data, whatever the statistic says. */
struct change change_of_rates(struct rate_sample before, struct rate_sample after, bool lower_is_better);
struct change change_of_means(struct mean_sample before, struct mean_sample after, bool lower_is_better);

enum trend_direction { TREND_NONE, TREND_RISING, TREND_FALLING };

/* "no trend", "rising", "falling" */
const char *trend_direction_name(enum trend_direction direction);

struct trend {
    uint32_t n;                     /* cycles looked at: the last TREND_CYCLES */
    bool is_null;                   /* fewer than 2 */
    double slope;                   /* Theil-Sen: median of the pairwise slopes, per cycle */
    int32_t s;                      /* Mann-Kendall: rising pairs less falling ones */
    double z;                       /* (s -+ 1) / sqrt(n (n - 1) (2 n + 5) / 18), 0 for s = 0 */
    enum trend_direction direction; /* |z| >= 1.96 */
};

/* `value` holds the closed cycles, oldest first. */
struct trend trend_of(const double *value, uint32_t n);

#endif

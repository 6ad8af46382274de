/* Cost and return: economic value added and turnover (domain specification 4.6), total cost of ownership with its checks, ROI, payback, NPV and IRR (4.7).
 *
 * Money is int64 in micros of one currency. Rates are doubles, 0.10 = 10 %. A figure that its inputs cannot give is null, never infinite. */
#ifndef CRMPULSE_COST_RETURN_H
#define CRMPULSE_COST_RETURN_H

#include <stdbool.h>
#include <stdint.h>

struct figure {
    bool is_null;
    double value; /* 0 if null */
};

/* numerator / denominator; null if the denominator is 0 or the result is not finite. */
struct figure figure_ratio(double numerator, double denominator);

/* EVA and turnover ------------------------------------------------------------------------------------------------------------------------------ */

struct eva_input {
    int64_t operating_profit_micros, equity_micros, debt_micros;
    int64_t invested_capital_micros;
    double tax_rate, equity_cost_rate, debt_cost_rate;
    int32_t days; /* of the period the profit was made in; a year: 365 */
};

struct eva {
    bool is_null;                                    /* no capital at all, or an overflow */
    double wacc;                                     /* per year */
    int64_t nopat_micros, charge_micros, eva_micros; /* of the period, rounded half to even */
};

struct eva eva_evaluate(const struct eva_input *in);

/* flow / mean of (start, end), as times per year: x 365/days. Null if the mean is 0 or days < 1. */
struct figure turnover(int64_t flow_micros, int64_t start_micros, int64_t end_micros, int32_t days);
/* 365 / turnover: days that the stock or the receivables stand. */
struct figure turnover_days(struct figure times_per_year);

/* Total cost of ownership ----------------------------------------------------------------------------------------------------------------------- */

enum tco_category {
    TCO_LICENCES,
    TCO_MAINTENANCE,
    TCO_HARDWARE,
    TCO_TELECOM,
    TCO_EXTERNAL_PROVIDER,
    TCO_VENDOR,
    TCO_STAFF,
    TCO_OTHER,
    TCO_CATEGORIES
};

/* "licences", "external_provider" .. */
const char *tco_category_name(enum tco_category category);

enum { TCO_YEARS = 5, TCO_YEARS_MAX = 30, TCO_RESERVE_FROM_YEAR = 3 };

/* How the warning about short plans is worked out. */
enum tco_warn { TCO_OVER_BUDGET, TCO_OF_TRUE_COST };

struct tco_plan {
    uint32_t n_years;            /* 1..TCO_YEARS_MAX */
    bool stated[TCO_CATEGORIES]; /* 0 is a statement, silence is not */
    int64_t cost_micros[TCO_YEARS_MAX][TCO_CATEGORIES];
    bool has_upfront;
    int64_t upfront_micros; /* initial purchase; if not given, all of year 1 */
    bool has_reserves;
    int64_t run_reserve_micros[TCO_YEARS_MAX], improve_reserve_micros[TCO_YEARS_MAX];
    enum tco_warn warn;
};

/* What is wrong with a plan, one bit each. */
enum {
    TCO_W_CATEGORY_MISSING = 1 << 0,
    TCO_W_YEARS_MISSING = 1 << 1,   /* fewer than five */
    TCO_W_MAINTENANCE = 1 << 2,     /* in some year outside 0.15..0.25 of the licences */
    TCO_W_UPFRONT = 1 << 3,         /* share outside 0.55..0.65 */
    TCO_W_RUN_RESERVE = 1 << 4,     /* from year 3: outside 15..20 % of the year's cost, or not stated */
    TCO_W_IMPROVE_RESERVE = 1 << 5, /* likewise 25..40 % */
    TCO_W_REAL_COST = 1 << 6        /* one or two years, or a category missing: the real cost is likely far above */
};

struct tco_range {
    int64_t low_micros, high_micros;
};

struct tco {
    int64_t total_micros;
    int64_t category_micros[TCO_CATEGORIES], year_micros[TCO_YEARS_MAX];
    int64_t two_year_micros;        /* what a view of two years shows */
    struct figure two_year_missing; /* share of the total that it misses; null for plans no longer than that */
    struct figure upfront_share, continuing_share;
    struct figure maintenance_ratio
        [TCO_YEARS_MAX]; /* of the licences bought in the years before; in year 1 of those of year 1; null: none bought, or
                                                       year 1 without any maintenance, which is its usual place */
    struct tco_range run[TCO_YEARS_MAX], improve[TCO_YEARS_MAX]; /* reserves to hold, from year 3 */
    uint32_t warnings;                                           /* TCO_W_ bits */
    double likely_low, likely_high, worst; /* factors on the budget if TCO_W_REAL_COST is set, else 0 */
};

/* 0; -1: no year, too many years, a negative cost or an overflow. */
int tco_evaluate(const struct tco_plan *plan, struct tco *ret);

/* Cost per user and year; null without users. To be shown beside the total only: it never ranks offers (1792 is 3.584 a head with 100 users and 5.973
 * with 60, and still 1792). */
struct figure tco_per_user_year_micros(int64_t total_micros, int64_t users, uint32_t years);

/* Return ---------------------------------------------------------------------------------------------------------------------------------------- */

/* (benefit - cost) / cost; null if the cost is 0. */
struct figure roi(int64_t benefit_micros, int64_t cost_micros);

/* Years until the running sum of the flows is no longer negative, inside a year in proportion; null if that never happens. `flow_micros[0]` is the
 * net flow of year 1. */
struct figure payback_years(const int64_t *flow_micros, uint32_t n);

enum npv_timing { NPV_YEAR_END, NPV_YEAR_START };

/* Net present value in micros; flows at the end (year t divided by (1 + rate)^t) or at the start of their years. Null: rate <= -1, or no flow. */
struct figure npv(const int64_t *flow_micros, uint32_t n, double rate, enum npv_timing timing);

/* The rate at which the net present value is 0, by bisection on [-0.99, 10]; null if the value has the same sign at both ends. */
struct figure irr(const int64_t *flow_micros, uint32_t n);

#endif

/* What a customer is worth and likely to do: RFM segments, purchase cycle, churn risk, lifetime value, forecasts (domain specification 4.9).
 *
 * Pure functions of figures the caller already has. Figures that the inputs cannot give are null. */
#ifndef CRMPULSE_CUSTOMER_VALUE_H
#define CRMPULSE_CUSTOMER_VALUE_H

#include "crmpulse/cost_return.h"

/* RFM ------------------------------------------------------------------------------------------------------------------------------------------- */

enum { RFM_CUTS = 4 };

/* Fixed cuts for the scores 5, 4, 3, 2; what meets none scores 1. */
struct rfm_cuts {
    int64_t recency_days[RFM_CUTS];    /* at most; default 30 60 120 240 */
    int64_t frequency[RFM_CUTS];       /* at least; default 12 6 3 2 */
    int64_t monetary_micros[RFM_CUTS]; /* at least; no default: the organisation's */
};

/* Recency and frequency as given by the specification, money 0. */
struct rfm_cuts rfm_cuts_default(void);

struct rfm {
    int r, f, m; /* 1..5 */
};

/* `days` since the last transaction; transactions and net amount of the last 365 days. */
struct rfm rfm_score(const struct rfm_cuts *cuts, int64_t days, int64_t txns, int64_t net_micros);

/* Scores 1..5 by quintiles of a population, for cycle closes: 1 + floor(5 x share of values below), so equal values score alike. `lower_is_better`
 * counts the values above instead. O(n log n), uses the heap. 0; -1: out of memory. */
int rfm_quintiles(const int64_t *value, uint32_t n, bool lower_is_better, int *ret_score);

enum rfm_segment { RFM_CHAMPION, RFM_LOYAL, RFM_NEW, RFM_PROMISING, RFM_AT_RISK, RFM_LOST, RFM_SLEEPING, RFM_SEGMENTS };

/* The first that matches. */
enum rfm_segment rfm_segment_of(struct rfm score);
/* "champion", "at_risk" .. */
const char *rfm_segment_name(enum rfm_segment segment);

/* Purchase cycle -------------------------------------------------------------------------------------------------------------------------------- */

enum { PURCHASE_GAPS = 6, PURCHASE_TXNS_MIN = 3 };

/* Median of the last 6 gaps between `n` transaction times (rising). With fewer than 3 transactions the segment's median; null if that is null too. */
struct figure purchase_cycle_ms(const int64_t *txn_ms, uint32_t n, struct figure segment_median_ms);

enum purchase_reminder { REMINDER_DUE = 1 << 0, REMINDER_OVERDUE = 1 << 1, REMINDER_LAPSED = 1 << 2 };

/* What was said about the gap that a transaction opened. */
struct purchase_state {
    int64_t txn_ms; /* the transaction the gap started with */
    uint32_t sent;  /* REMINDER_ bits; 0 after a new transaction: that withdraws what was sent */
};

struct reminder_change {
    uint32_t raised;    /* REMINDER_ bits newly reached; each once per gap */
    uint32_t withdrawn; /* bits that a newer transaction took back */
};

/* Multiple of the cycle at which one reminder falls due: 0.9, 1.25, 2.0. */
double purchase_reminder_factor(enum purchase_reminder reminder);
/* Bring `s` up to `now_ms`, given the last transaction known and the cycle (null or <= 0: nothing is raised). */
struct reminder_change purchase_remind(struct purchase_state *s, int64_t last_txn_ms, struct figure cycle_ms,
                                       int64_t now_ms);

/* Churn risk ------------------------------------------------------------------------------------------------------------------------------------ */

enum churn_part { CHURN_USE, CHURN_PURCHASE, CHURN_TREND, CHURN_PARTS };
enum churn_level { CHURN_LOW, CHURN_WATCH, CHURN_HIGH };

struct churn_input {
    struct figure days_since_use;
    struct figure days_since_txn, cycle_days; /* both, or the part is unknown */
    bool txns_known;
    int64_t txns_last_90d, txns_before_90d; /* none before: the part is unknown */
};

struct churn_risk {
    struct figure score;             /* 0..100, null if nothing is known */
    double coverage;                 /* weight of the parts known, 0..1 */
    struct figure part[CHURN_PARTS]; /* 0..1 each */
    double points[CHURN_PARTS];      /* what the part gives to the score; they sum to it */
    enum churn_level level;          /* below 35, below 60, above */
};

struct churn_risk churn_risk_of(const struct churn_input *in);
const char *churn_part_name(enum churn_part part);    /* "use" "purchase" "trend" */
const char *churn_level_name(enum churn_level level); /* "low" "watch" "high" */

/* Hold-out of a prediction: null where nothing was predicted, or nothing happened. */
struct figure holdout_precision(int64_t hits, int64_t false_alarms);
struct figure holdout_recall(int64_t hits, int64_t misses);

/* Lifetime value -------------------------------------------------------------------------------------------------------------------------------- */

/* AOV x orders per year x margin rate: margin per year, micros. */
double clv_margin_per_year_micros(int64_t aov_micros, double orders_per_year, double margin_rate);
/* m x min(1 / churn, 10 years); null outside 0..1 */
struct figure clv_simple_micros(double margin_micros, double churn_rate);
/* m (1 + d) / (1 + d - r), r = 1 - churn; null where that diverges */
struct figure clv_discounted_micros(double margin_micros, double churn_rate, double discount_rate);
/* Margins so far; null: overflow. */
struct figure clv_historic_micros(const int64_t *margin_micros, uint32_t n);

/* Forecast -------------------------------------------------------------------------------------------------------------------------------------- */

struct open_deal {
    int64_t amount_micros;
    int32_t prob_ppm;
};

/* Won + sum(amount x probability) of the open deals due in the cycle, each rounded half to even. Lost deals are not passed: they add nothing.
 * 0; -1: overflow or a probability outside 0..1 000 000. */
int forecast_weighted_pipeline(int64_t won_micros, const struct open_deal *deal, uint32_t n, int64_t *ret_micros);

/* won x total / elapsed business days; null before the first has passed. */
struct figure forecast_run_rate_micros(int64_t won_micros, int64_t total_days, int64_t elapsed_days);

struct holt {
    double alpha, beta;
    double level, trend;
};

/* Holt's linear method over a series: level y1 and trend y2 - y1 at the start, updates from the second value on. 0; -1: fewer than 2 values. */
int holt_fit(struct holt *h, double alpha, double beta, const double *value, uint32_t n);
/* `steps` cycles ahead, 1 = the next. */
double holt_forecast(const struct holt *h, uint32_t steps);

/* sum |forecast - actual| / sum |actual|; null if every actual is 0. */
struct figure wape(const double *forecast, const double *actual, uint32_t n);

#endif

/* RFM, purchase cycle and reminders, churn risk. Lifetime value and forecasts are in customer_forecast.c. */
#include "crmpulse/customer_value.h"

#include <stdlib.h>
#include <string.h>

static double clamp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

struct rfm_cuts rfm_cuts_default(void)
{
    return (struct rfm_cuts){ .recency_days = { 30, 60, 120, 240 }, .frequency = { 12, 6, 3, 2 } };
}

static int score_at_least(const int64_t *cut, int64_t value)
{
    int i = 0;
    while (i < RFM_CUTS && value < cut[i])
        i++;
    return 5 - i;
}

static int score_at_most(const int64_t *cut, int64_t value)
{
    int i = 0;
    while (i < RFM_CUTS && value > cut[i])
        i++;
    return 5 - i;
}

struct rfm rfm_score(const struct rfm_cuts *cuts, int64_t days, int64_t txns, int64_t net_micros)
{
    return (struct rfm){ .r = score_at_most(cuts->recency_days, days),
                         .f = score_at_least(cuts->frequency, txns),
                         .m = score_at_least(cuts->monetary_micros, net_micros) };
}

static int compare_int64(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

/* How many of the sorted values are below `x`, or not above it. */
static uint32_t count_below(const int64_t *sorted, uint32_t n, int64_t x, bool or_equal)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sorted[middle] < x || (or_equal && sorted[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int rfm_quintiles(const int64_t *value, uint32_t n, bool lower_is_better, int *ret_score)
{
    int64_t *sorted = malloc((size_t)n * sizeof(*sorted) + 1);
    if (!sorted)
        return -1;
    if (n)
        memcpy(sorted, value, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_int64);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t worse =
            lower_is_better ? n - count_below(sorted, n, value[i], true) : count_below(sorted, n, value[i], false);
        ret_score[i] = 1 + (int)(5 * worse / n);
    }
    free(sorted);
    return 0;
}

/* Bounds of the scores; the first row that holds them all is the segment. */
static const struct {
    int r_low, r_high, f_low, f_high;
    const char *name;
} segments[RFM_SEGMENTS] = {
    [RFM_CHAMPION] = { 4, 5, 4, 5, "champion" }, [RFM_LOYAL] = { 3, 3, 4, 5, "loyal" },
    [RFM_NEW] = { 4, 5, 1, 1, "new" },           [RFM_PROMISING] = { 4, 5, 1, 5, "promising" },
    [RFM_AT_RISK] = { 1, 2, 3, 5, "at_risk" },   [RFM_LOST] = { 1, 1, 1, 5, "lost" },
    [RFM_SLEEPING] = { 1, 5, 1, 5, "sleeping" },
};

enum rfm_segment rfm_segment_of(struct rfm score)
{
    int i = 0;
    while (i < RFM_SLEEPING && !(score.r >= segments[i].r_low && score.r <= segments[i].r_high &&
                                 score.f >= segments[i].f_low && score.f <= segments[i].f_high))
        i++;
    return (enum rfm_segment)i;
}

const char *rfm_segment_name(enum rfm_segment segment)
{
    return segments[segment].name;
}

struct figure purchase_cycle_ms(const int64_t *txn_ms, uint32_t n, struct figure segment_median_ms)
{
    int64_t gap[PURCHASE_GAPS];
    uint32_t gaps = 0;
    if (n < PURCHASE_TXNS_MIN)
        return segment_median_ms;
    for (uint32_t i = n - 1; i > 0 && gaps < PURCHASE_GAPS; i--)
        gap[gaps++] = txn_ms[i] - txn_ms[i - 1];
    qsort(gap, gaps, sizeof(*gap), compare_int64);
    uint32_t low = (gaps - 1) / 2, high = gaps / 2; /* the same one where the count is odd */
    return (struct figure){ .value = ((double)gap[low] + (double)gap[high]) / 2 };
}

static const double reminder_factors[] = { 0.9, 1.25, 2.0 };

double purchase_reminder_factor(enum purchase_reminder reminder)
{
    return reminder_factors[reminder == REMINDER_DUE ? 0 : reminder == REMINDER_OVERDUE ? 1 : 2];
}

struct reminder_change purchase_remind(struct purchase_state *s, int64_t last_txn_ms, struct figure cycle_ms,
                                       int64_t now_ms)
{
    struct reminder_change change = { 0 };
    if (last_txn_ms > s->txn_ms) {
        change.withdrawn = s->sent;
        *s = (struct purchase_state){ .txn_ms = last_txn_ms };
    }
    if (cycle_ms.is_null || !(cycle_ms.value > 0))
        return change;
    double x = ((double)now_ms - (double)s->txn_ms) / cycle_ms.value;
    for (uint32_t i = 0; i < 3; i++)
        if (x >= reminder_factors[i])
            change.raised |= 1u << i;
    change.raised &= ~s->sent;
    s->sent |= change.raised;
    return change;
}

static struct figure use_part(const struct churn_input *in)
{
    if (in->days_since_use.is_null)
        return in->days_since_use;
    return (struct figure){ .value = clamp((in->days_since_use.value - 7) / 38) };
}

static struct figure purchase_part(const struct churn_input *in)
{
    struct figure x = figure_ratio(in->days_since_txn.value, in->cycle_days.value);
    if (in->days_since_txn.is_null || in->cycle_days.is_null || x.is_null)
        return (struct figure){ .is_null = true };
    return (struct figure){ .value = clamp((x.value - 1) / 2) };
}

static struct figure trend_part(const struct churn_input *in)
{
    if (!in->txns_known || in->txns_before_90d < 1)
        return (struct figure){ .is_null = true };
    return (struct figure){ .value = clamp(1 - (double)in->txns_last_90d / (double)in->txns_before_90d) };
}

static const struct {
    const char *name;
    int weight;
    struct figure (*part)(const struct churn_input *in);
} churn_parts[CHURN_PARTS] = { [CHURN_USE] = { "use", 40, use_part },
                               [CHURN_PURCHASE] = { "purchase", 40, purchase_part },
                               [CHURN_TREND] = { "trend", 20, trend_part } };

struct churn_risk churn_risk_of(const struct churn_input *in)
{
    struct churn_risk r = { .score = { .is_null = true } };
    int known = 0;
    for (int i = 0; i < CHURN_PARTS; i++) {
        r.part[i] = churn_parts[i].part(in);
        known += r.part[i].is_null ? 0 : churn_parts[i].weight;
    }
    for (int i = 0; i < CHURN_PARTS && known; i++) {
        r.points[i] = r.part[i].is_null ? 0 : 100 * r.part[i].value * churn_parts[i].weight / known;
        r.score.value += r.points[i];
    }
    r.score.is_null = !known;
    r.coverage = known / 100.0;
    r.level = r.score.value < 35 ? CHURN_LOW : r.score.value < 60 ? CHURN_WATCH : CHURN_HIGH;
    return r;
}

const char *churn_part_name(enum churn_part part)
{
    return churn_parts[part].name;
}

const char *churn_level_name(enum churn_level level)
{
    static const char *const names[] = { [CHURN_LOW] = "low", [CHURN_WATCH] = "watch", [CHURN_HIGH] = "high" };
    return names[level];
}

struct figure holdout_precision(int64_t hits, int64_t false_alarms)
{
    return figure_ratio((double)hits, (double)hits + (double)false_alarms);
}

struct figure holdout_recall(int64_t hits, int64_t misses)
{
    return figure_ratio((double)hits, (double)hits + (double)misses);
}

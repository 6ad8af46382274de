/* Pooled z, Welch's t, Theil-Sen and Mann-Kendall. It picks no windows and reads no clock. */
#include "crmpulse/before_after.h"

#include <math.h>
#include <stdlib.h>

static const double significant = 1.96, relevant = 0.02;

const char *change_verdict_name(enum change_verdict verdict)
{
    static const char *const names[] = { [CHANGE_TOO_LITTLE_DATA] = "too little data",
                                         [CHANGE_NONE] = "no clear change",
                                         [CHANGE_IMPROVED] = "improved",
                                         [CHANGE_WORSENED] = "worsened" };
    return names[verdict];
}

/* A relative change of exactly 2 % counts; 1e-12 is what the subtraction may lose. */
static enum change_verdict judge(const struct change *c, bool lower_is_better)
{
    double difference = c->after - c->before;
    bool sure = c->statistic_is_null ? difference != 0 : fabs(c->statistic) >= significant;
    bool enough = c->relative_is_null ? difference != 0 : fabs(c->relative) >= relevant - 1e-12;
    if (!sure || !enough)
        return CHANGE_NONE;
    return (difference > 0) != lower_is_better ? CHANGE_IMPROVED : CHANGE_WORSENED;
}

/* `variance` is that of the difference of the two values. */
static struct change compare(double before, double after, double variance)
{
    struct change c = { .before = before, .after = after };
    c.relative_is_null = before == 0;
    c.relative = before == 0 ? 0 : (after - before) / fabs(before);
    c.statistic_is_null = !(variance > 0);
    c.statistic = variance > 0 ? (after - before) / sqrt(variance) : 0;
    return c;
}

static struct change no_values(void)
{
    return (struct change){
        .values_null = true, .relative_is_null = true, .statistic_is_null = true, .verdict = CHANGE_TOO_LITTLE_DATA
    };
}

static enum change_verdict verdict_of(const struct change *c, int64_t n1, int64_t n2, bool lower_is_better)
{
    return n1 < COMPARE_SAMPLE_MIN || n2 < COMPARE_SAMPLE_MIN ? CHANGE_TOO_LITTLE_DATA : judge(c, lower_is_better);
}

struct change change_of_rates(struct rate_sample before, struct rate_sample after, bool lower_is_better)
{
    if (before.n < 1 || after.n < 1)
        return no_values();
    double n1 = (double)before.n, n2 = (double)after.n;
    double pooled = ((double)before.hits + (double)after.hits) / (n1 + n2);
    struct change c =
        compare((double)before.hits / n1, (double)after.hits / n2, pooled * (1 - pooled) * (1 / n1 + 1 / n2));
    c.verdict = verdict_of(&c, before.n, after.n, lower_is_better);
    return c;
}

struct change change_of_means(struct mean_sample before, struct mean_sample after, bool lower_is_better)
{
    if (before.n < 1 || after.n < 1)
        return no_values();
    double variance = before.sd * before.sd / (double)before.n + after.sd * after.sd / (double)after.n;
    struct change c = compare(before.mean, after.mean, variance);
    c.verdict = verdict_of(&c, before.n, after.n, lower_is_better);
    return c;
}

const char *trend_direction_name(enum trend_direction direction)
{
    static const char *const names[] = {
        [TREND_NONE] = "no trend", [TREND_RISING] = "rising", [TREND_FALLING] = "falling"
    };
    return names[direction];
}

static int compare_doubles(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

struct trend trend_of(const double *value, uint32_t n)
{
    double slope[TREND_CYCLES * (TREND_CYCLES - 1) / 2];
    uint32_t pairs = 0;
    if (n > TREND_CYCLES) {
        value += n - TREND_CYCLES;
        n = TREND_CYCLES;
    }
    struct trend t = { .n = n, .is_null = n < 2 };
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++) {
            slope[pairs++] = (value[j] - value[i]) / (j - i);
            t.s += (value[j] > value[i]) - (value[j] < value[i]);
        }
    if (t.is_null)
        return t;
    qsort(slope, pairs, sizeof(*slope), compare_doubles);
    t.slope = (slope[(pairs - 1) / 2] + slope[pairs / 2]) / 2;
    t.z = (t.s - (t.s > 0) + (t.s < 0)) / sqrt(n * (n - 1.0) * (2.0 * n + 5) / 18);
    t.direction = t.z >= significant ? TREND_RISING : t.z <= -significant ? TREND_FALLING : TREND_NONE;
    return t;
}

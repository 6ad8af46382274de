/* Lifetime value and forecasts of customer_value.h. */
#include <math.h>

#include "crmpulse/customer_value.h"

static const double lifetime_years_max = 10;

double clv_margin_per_year_micros(int64_t aov_micros, double orders_per_year, double margin_rate)
{
    return (double)aov_micros * orders_per_year * margin_rate;
}

static bool is_rate(double x)
{
    return x >= 0 && x <= 1;
}

struct figure clv_simple_micros(double margin_micros, double churn_rate)
{
    if (!is_rate(churn_rate))
        return (struct figure){ .is_null = true };
    double years = churn_rate * lifetime_years_max <= 1 ? lifetime_years_max : 1 / churn_rate;
    return (struct figure){ .value = margin_micros * years };
}

struct figure clv_discounted_micros(double margin_micros, double churn_rate, double discount_rate)
{
    double divisor = discount_rate + churn_rate; /* 1 + d - r */
    if (!is_rate(churn_rate) || !(divisor > 0))
        return (struct figure){ .is_null = true };
    return figure_ratio(margin_micros * (1 + discount_rate), divisor);
}

struct figure clv_historic_micros(const int64_t *margin_micros, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (__builtin_add_overflow(sum, margin_micros[i], &sum))
            return (struct figure){ .is_null = true };
    return (struct figure){ .value = (double)sum };
}

/* amount x ppm / 1 000 000, half to even. */
static int64_t weighted(int64_t amount_micros, int32_t prob_ppm)
{
    __int128 product = (__int128)amount_micros * prob_ppm;
    int64_t whole = (int64_t)(product / 1000000), rest = (int64_t)(product % 1000000);
    int64_t distance = rest < 0 ? -rest : rest;
    if (distance > 500000 || (distance == 500000 && whole % 2))
        whole += rest < 0 ? -1 : 1;
    return whole;
}

int forecast_weighted_pipeline(int64_t won_micros, const struct open_deal *deal, uint32_t n, int64_t *ret_micros)
{
    int64_t sum = won_micros;
    for (uint32_t i = 0; i < n; i++)
        if (deal[i].prob_ppm < 0 || deal[i].prob_ppm > 1000000 ||
            __builtin_add_overflow(sum, weighted(deal[i].amount_micros, deal[i].prob_ppm), &sum))
            return -1;
    *ret_micros = sum;
    return 0;
}

struct figure forecast_run_rate_micros(int64_t won_micros, int64_t total_days, int64_t elapsed_days)
{
    return elapsed_days < 1 ? (struct figure){ .is_null = true }
                            : figure_ratio((double)won_micros * (double)total_days, (double)elapsed_days);
}

int holt_fit(struct holt *h, double alpha, double beta, const double *value, uint32_t n)
{
    if (n < 2)
        return -1;
    *h = (struct holt){ .alpha = alpha, .beta = beta, .level = value[0], .trend = value[1] - value[0] };
    for (uint32_t i = 1; i < n; i++) {
        double level = alpha * value[i] + (1 - alpha) * (h->level + h->trend);
        h->trend = beta * (level - h->level) + (1 - beta) * h->trend;
        h->level = level;
    }
    return 0;
}

double holt_forecast(const struct holt *h, uint32_t steps)
{
    return h->level + steps * h->trend;
}

struct figure wape(const double *forecast, const double *actual, uint32_t n)
{
    double error = 0, size = 0;
    for (uint32_t i = 0; i < n; i++) {
        error += fabs(forecast[i] - actual[i]);
        size += fabs(actual[i]);
    }
    return figure_ratio(error, size);
}

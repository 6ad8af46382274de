/* Score curves (domain specification 4.1). */
#include "score.h"

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double linear(const struct score_curve *c, enum direction direction, double v)
{
    (void)direction; /* floor > goal: lower is better */
    return c->goal == c->floor ? 0 : 100 * clamp((v - c->floor) / (c->goal - c->floor), 0, c->cap);
}

static double ratio(const struct score_curve *c, enum direction direction, double v)
{
    bool lower = direction == DIRECTION_DOWN;
    double divisor = lower ? v : c->goal;
    if (divisor == 0)
        return lower ? 100 * c->cap : 0;
    return 100 * clamp((lower ? c->goal : v) / divisor, 0, c->cap);
}

static double step(const struct score_curve *c, enum direction direction, double v)
{
    (void)direction;
    uint32_t i = 0;
    while (i + 1 < c->n_steps && (c->edge_exclusive ? v > c->step[i + 1].from : v >= c->step[i + 1].from))
        i++;
    return c->n_steps ? c->step[i].score : 0;
}

typedef double (*curve_fn)(const struct score_curve *c, enum direction direction, double v);

static const curve_fn curves[] = { [CURVE_LINEAR] = linear, [CURVE_RATIO] = ratio, [CURVE_STEP] = step };

double score_value(const struct score_curve *c, enum direction direction, double value)
{
    return curves[c->curve](c, direction, value);
}

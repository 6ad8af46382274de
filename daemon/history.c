/* Names of the history, and what is kept. */
#include "daemon/history.h"

static const int64_t day_ms = 86400000;

bool history_has(const struct config *c, struct slice kpi)
{
    const char *p = c->publish.history ? c->publish.history : "";
    while (*p) {
        p += strspn(p, ", ");
        const size_t n = strcspn(p, ", ");
        if (n && n == kpi.n && memcmp(p, kpi.p, n) == 0)
            return true;
        p += n;
    }
    return false;
}

bool history_keeps(const struct config *c, struct slice kpi, struct slice dim, int64_t at_ms, int64_t now_ms)
{
    return c->publish.history && *c->publish.history && !slice_eq(dim, SLICE("rep")) &&
           !slice_eq(dim, SLICE("customer")) && history_has(c, kpi) &&
           history_expiry_ms(history_day(at_ms), c->publish.history_keep_ms) > now_ms;
}

int64_t history_day(int64_t at_ms)
{
    return at_ms >= 0 ? at_ms / day_ms : -((-at_ms + day_ms - 1) / day_ms);
}

int64_t history_expiry_ms(int64_t day, int64_t keep_ms)
{
    return (day + 1) * day_ms + keep_ms;
}

void history_key(struct line *l, struct slice org, struct slice kpi, int64_t day)
{
    line_add(l, SLICE("hist:"));
    line_add_escaped(l, org);
    line_add(l, SLICE(":"));
    line_add(l, kpi);
    line_add(l, SLICE(":"));
    line_add_int(l, day);
}

void history_field(struct line *l, struct slice window, struct slice dim, struct slice subject)
{
    line_add(l, window);
    line_add(l, SLICE("|"));
    line_add(l, dim);
    line_add(l, SLICE(":"));
    line_add_escaped(l, subject);
    line_add(l, SLICE("|"));
}

/* crmpulse_kpi{org,kpi,window,unit}. */
#include "daemon/http/kpi_metrics.h"

#include <stdlib.h>

#include "daemon/cli/kpis_page.h"
#include "daemon/http/shown.h"
#include "daemon/line.h"

enum { NUMBER_MAX = 40, LABELS = 4 };

struct item {
    int kpi;
    struct slice window;
};

/* The next "KPI/WINDOW"; false: that was all. What names no KPI is passed over. */
static bool next_item(const struct config *c, struct slice *rest, struct item *ret)
{
    struct slice word, id;
    while (shown_word(rest, ',', &word)) {
        while (word.n && *word.p == ' ')
            word = (struct slice){ word.p + 1, word.n - 1 };
        while (word.n && word.p[word.n - 1] == ' ')
            word.n--;
        if (!shown_word(&word, '/', &id) || !word.n)
            continue;
        *ret = (struct item){ definitions_kpi(&c->defs, id), word };
        if (ret->kpi >= 0)
            return true;
    }
    return false;
}

static struct slice find(const struct data_hash *h, struct slice field)
{
    for (uint32_t i = 0; i < h->n; i++)
        if (slice_eq(h->pair[2 * (size_t)i], field))
            return h->pair[2 * (size_t)i + 1];
    return (struct slice){ 0 };
}

/* False: there is no such row, or it has no value. */
static bool value_of(const struct data_hash *h, struct slice org, const char *kpi, double *ret)
{
    struct shown_value v;
    struct line field;
    char digits[NUMBER_MAX];
    field.n = 0;
    line_add(&field, SLICE("org:"));
    line_add_escaped(&field, org);
    line_add(&field, SLICE("|"));
    line_add(&field, slice_of(kpi));
    const struct slice text = find(h, line_text(&field));
    if (!text.p || !shown_value(text, &v) || slice_eq(v.value, SLICE("null")) || v.value.n >= sizeof digits)
        return false;
    memcpy(digits, v.value.p, v.value.n);
    digits[v.value.n] = 0;
    *ret = strtod(digits, NULL);
    return true;
}

static enum data_state org_values(struct metric_writer *w, struct data *d, const struct config *c, struct slice org,
                                  uint32_t *left)
{
    struct slice rest = slice_of(c->http.kpi_metrics);
    struct item item;
    enum data_state worst = DATA_READY;
    while (*left && next_item(c, &rest, &item)) {
        const struct kpi_def *k = &c->defs.kpi[item.kpi];
        struct data_hash h;
        struct line key;
        double v;
        key.n = 0;
        line_add(&key, SLICE("view:"));
        line_add_escaped(&key, org);
        line_add(&key, SLICE(":"));
        line_add(&key, item.window);
        const enum data_state state = data_hash(d, org, line_text(&key), &h);
        if (state == DATA_WAIT)
            worst = DATA_WAIT;
        if (state != DATA_READY || !value_of(&h, org, k->id, &v))
            continue;
        const struct metric_label label[LABELS] = { { "org", org },
                                                    { "kpi", slice_of(k->id) },
                                                    { "window", item.window },
                                                    { "unit", slice_of(kpi_unit_name(k->unit)) } };
        metric_sample(w, label, LABELS, v);
        --*left;
    }
    return worst;
}

enum data_state kpi_metrics_write(struct body *to, bool openmetrics, struct data *d, const struct config *c)
{
    static const struct metric family = { "crmpulse_kpi", "", "Value of a KPI of a whole org, as the view shows it.",
                                          METRIC_GAUGE };
    struct metric_writer w = { to, openmetrics, NULL };
    enum data_state worst = DATA_READY;
    uint32_t left = KPI_METRICS_MAX;
    if (!c->http.kpi_metrics || !*c->http.kpi_metrics)
        return DATA_READY;
    metric_begin(&w, &family);
    for (uint32_t i = 0; i < c->defs.n_orgs && left; i++)
        if (strcmp(c->defs.org[i].id, "*") != 0 &&
            org_values(&w, d, c, slice_of(c->defs.org[i].id), &left) == DATA_WAIT)
            worst = DATA_WAIT;
    return worst;
}

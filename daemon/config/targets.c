/* "targets: [new_customers, win_rate]": for each KPI named the measures of its targets (target_set with that kpi_id) and the KPIs <id>_target, <id>_attainment
 * and, where a target can fall due bit by bit (counts and money), <id>_pace. They are written as YAML text and read like a file of the catalogue, which has
 * those of sales_amount under the names of the domain specification.
 *
 * A target's value is in the KPI's unit: micro-units, counts, ms; ppm for ratios, thousandths for scores and days. */
#include <stdio.h>

#include "loader.h"

static const char measure_text[] = "  target_%1$s_%2$s_n: {fact: target, where: \"kpi == '%1$s' and cycle == "
                                   "switch.target_cycle and (due == null or due == switch.target_change) and "
                                   "mode == '%2$s'\", agg: count}\n"
                                   "  target_%1$s_%2$s: {fact: target, where: \"kpi == '%1$s' and cycle == "
                                   "switch.target_cycle and (due == null or due == switch.target_change) and "
                                   "mode == '%2$s'\", agg: sum, value: value}\n";

static const char part_text[] = "  target_%1$s_%2$s_%3$s: {fact: target_part, where: \"kpi == '%1$s' and cycle == "
                                "switch.target_cycle and (due == null or due == switch.target_change) "
                                "and mode == '%2$s' and (basis == '%4$s' or (basis == null and "
                                "in(switch.target_proration, '%4$s'%5$s)))\", agg: %6$s, value: value}\n";

static const struct {
    const char *name, *basis, *also, *agg;
} prorations[] = {
    { "linear", "linear", ", 'distribution'", "accrue" },
    { "work", "business_days", "", "accrue_work" },
    { "once", "none", "", "sum" },
};

struct wanted {
    struct slice id;
    const struct entry *kpi;
    struct slice unit;
    bool additive; /* targets of parts add up and fall due bit by bit */
    bool down;
    const char *value; /* formula, in the KPI's unit; NULL: cannot be formed */
    int64_t scale;     /* of the target's value to that unit */
};

static struct slice text_of(const struct wanted *w, const char *key)
{
    const struct node *n = node_get(w->kpi->map, key);
    return n && n->kind == NODE_SCALAR ? n->text : (struct slice){ 0 };
}

/* The whole of it, so that it can stand inside double quotes: formulas are free of them. */
static const char *formula_of(struct loader *l, const struct wanted *w)
{
    struct text t = { .l = l };
    struct slice value = text_of(w, "value"), of = text_of(w, "of"), numerator = text_of(w, "numerator"),
                 denominator = text_of(w, "denominator");
    if (value.n)
        text_put(&t, "(%s)", value.p);
    else if (numerator.n && denominator.n)
        text_put(&t, "(%s) / (%s)", numerator.p, denominator.p);
    else if (of.n && plain_id(of))
        text_put(&t, "%s.sum / %s.n", of.p, of.p);
    return t.p && !strchr(t.p, '"') ? t.p : NULL;
}

static bool describe(struct loader *l, const struct node *item, struct wanted *w)
{
    struct slice unit = { 0 };
    int i = section_index(l, SECTION_KPIS, item, "KPI");
    if (i < 0)
        return false;
    *w = (struct wanted){ .id = item->text, .kpi = &l->section[SECTION_KPIS].v[i] };
    const struct node *n = node_get(w->kpi->map, "unit");
    uint64_t switches = 0;
    if (!n || !formula_resolve(l, n, &unit, &switches))
        return false;
    bool ratio = slice_eq(unit, SLICE("ratio")),
         milli = slice_eq(unit, SLICE("score")) || slice_eq(unit, SLICE("days"));
    w->unit = unit;
    w->scale = ratio ? 1000000 : milli ? 1000 : 1;
    w->down = slice_eq(text_of(w, "direction"), SLICE("down"));
    w->additive = w->scale == 1 && !text_of(w, "denominator").n && text_of(w, "value").n;
    w->value = formula_of(l, w);
    if (!w->value || w->id.n > 40)
        report(l, item, "no targets for '%s': its formula is none that a target can be compared with", w->id.p);
    return w->value && w->id.n <= 40;
}

static void put_measures(struct text *t, const struct wanted *w)
{
    static const char *const modes[] = { "own", "parts" };
    const char *id = w->id.p;
    text_put(t, "measures:\n");
    for (int m = 0; m < (w->additive ? 2 : 1); m++) {
        text_put(t, measure_text, id, modes[m]);
        for (size_t i = 0; w->additive && i < sizeof prorations / sizeof prorations[0]; i++)
            text_put(t, part_text, id, modes[m], prorations[i].name, prorations[i].basis, prorations[i].also,
                     prorations[i].agg);
    }
    if (!w->additive) {
        text_put(t, "  target_%1$s: {derive: \"if(target_%1$s_own_n > 0, target_%1$s_own, null)\"}\n", id);
        return;
    }
    text_put(t,
             "  target_%1$s: {derive: \"if(target_%1$s_own_n > 0, target_%1$s_own, if(target_%1$s_parts_n > 0, "
             "target_%1$s_parts, null))\"}\n",
             id);
    text_put(
        t,
        "  target_%1$s_to_date: {derive: \"if(target_%1$s_own_n > 0, target_%1$s_own_linear + target_%1$s_own_work + "
        "target_%1$s_own_once, if(target_%1$s_parts_n > 0, target_%1$s_parts_linear + target_%1$s_parts_work + "
        "target_%1$s_parts_once, null))\"}\n",
        id);
}

static void put_list(struct text *t, const struct node *list)
{
    text_put(t, "[");
    for (const struct node *n = list ? list->first : NULL; n; n = n->next)
        text_put(t, "%s%s", n->text.p, n->next ? ", " : "");
    text_put(t, "]");
}

static void put_head(struct text *t, const struct wanted *w, const char *suffix, const char *what, const char *what_zh,
                     const char *unit, const char *direction)
{
    struct slice perspective = text_of(w, "perspective");
    text_put(t,
             "  %s_%s: {title: \"%s of %s\", title_zh: \"%s %s\", perspective: %s, unit: %s, direction: %s, empty: "
             "null, dims: ",
             w->id.p, suffix, what, w->id.p, w->id.p, what_zh, perspective.n ? perspective.p : "F", unit, direction);
    put_list(t, node_get(w->kpi->map, "dims"));
}

static void put_kpis(struct text *t, const struct wanted *w)
{
    const char *id = w->id.p, *windows = w->additive ? "[td, m, q, y]" : "[td]";
    text_put(t, "kpis:\n");
    put_head(t, w, "target", "target", "目标", w->unit.p, "neutral");
    text_put(t, ", value: \"target_%s / %lld\", windows: %s}\n", id, (long long)w->scale, windows);
    put_head(t, w, "attainment", "attainment", "达成率", "ratio", "up");
    if (w->additive && !w->down)
        text_put(t, ", numerator: \"%s\", denominator: target_%s, windows: %s}\n", w->value, id, windows);
    else if (w->down)
        text_put(t, ", value: \"target_%s / %lld / (%s)\", windows: %s}\n", id, (long long)w->scale, w->value, windows);
    else
        text_put(t, ", value: \"%s / (target_%s / %lld)\", windows: %s}\n", w->value, id, (long long)w->scale, windows);
    if (!w->additive)
        return;
    put_head(t, w, "pace", "progress against the target", "目标进度", "ratio", w->down ? "down" : "up");
    text_put(t,
             ", numerator: \"%2$s\", denominator: target_%1$s_to_date, windows: [td], extra: {target: target_%1$s, "
             "gap: \"%2$s - target_%1$s_to_date\", "
             "gap_ms: \"(%2$s - target_%1$s_to_date) / target_%1$s * cycle_days * 86400000\", "
             "projected: \"if(target_%1$s_to_date > 0, %2$s / target_%1$s_to_date * target_%1$s, null)\"}}\n",
             id, w->value);
}

static void load_list(struct loader *l, const struct node *list)
{
    for (const struct node *item = list->first; item; item = item->next) {
        struct wanted w;
        struct text t = { .l = l };
        char name[160];
        if (!describe(l, item, &w))
            continue;
        put_measures(&t, &w);
        put_kpis(&t, &w);
        snprintf(name, sizeof name, "targets of %s", w.id.p);
        if (t.p)
            sections_add(l, name, (struct slice){ t.p, t.n });
    }
}

void targets_load(struct loader *l)
{
    uint32_t n_files = l->n_files; /* more are added on the way */
    for (uint32_t i = 0; i < n_files; i++) {
        const struct node *list = node_get(l->file[i].root, "targets");
        if (list && want_list(l, list, "a list of KPIs"))
            load_list(l, list);
    }
}

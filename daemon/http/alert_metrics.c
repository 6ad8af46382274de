/* crmpulse_alerts{rule,state}. */
#include "daemon/http/alert_metrics.h"

#include <stdlib.h>

#include "daemon/http/shown.h"
#include "daemon/line.h"

enum { STATES = 4, LABELS = 2, FIRING = 0 };

static const char *const states[STATES] = { [FIRING] = "firing", "pending", "recovering", "ok" };

typedef uint64_t counts[STATES];

/* "<rule>|<dim>:<subject>" -> "firing level=.."; what is of no rule in force, or in no known state, is passed over. */
static void count(const struct config *c, struct slice field, struct slice shown, counts *of_rule)
{
    struct shown_field at;
    struct slice state;
    const int rule = shown_rule_field(field, &at) ? definitions_rule(&c->defs, at.id) : -1;
    if (rule < 0 || !shown_word(&shown, ' ', &state))
        return;
    for (int i = 0; i < STATES; i++)
        of_rule[rule][i] += slice_eq(state, slice_of(states[i]));
}

static enum data_state count_org(struct data *d, const struct config *c, struct slice org, counts *of_rule)
{
    struct data_hash h;
    struct line key;
    key.n = 0;
    line_add(&key, SLICE("alert:"));
    line_add_escaped(&key, org);
    const enum data_state state = data_hash(d, org, line_text(&key), &h);
    for (uint32_t i = 0; state == DATA_READY && i < h.n; i++)
        count(c, h.pair[2 * (size_t)i], h.pair[2 * (size_t)i + 1], of_rule);
    return state;
}

/* All orgs are asked, so that their hashes are read at the same time. */
static enum data_state count_all(struct data *d, const struct config *c, counts *of_rule)
{
    enum data_state worst = DATA_READY;
    for (uint32_t i = 0; i < c->defs.n_orgs; i++) {
        const enum data_state state = count_org(d, c, slice_of(c->defs.org[i].id), of_rule);
        if (state != DATA_READY && worst != DATA_GONE)
            worst = state;
    }
    return worst;
}

/* Firing always, so that a rule that is quiet is 0 and not missing. */
static void write_counts(struct metric_writer *w, const struct config *c, counts *of_rule)
{
    for (uint32_t r = 0; r < c->defs.n_rules; r++)
        for (int i = 0; i < STATES; i++) {
            const struct metric_label label[LABELS] = { { "rule", slice_of(c->defs.rule[r].id) },
                                                        { "state", slice_of(states[i]) } };
            if (i == FIRING || of_rule[r][i])
                metric_count(w, label, LABELS, of_rule[r][i]);
        }
}

static bool can_be_counted(const struct config *c, const struct status *s)
{
    for (uint32_t i = 0; s && i < s->n_shards; i++)
        if (!s->shard[i].up)
            return false;
    return s && c->defs.n_orgs && c->defs.n_orgs <= ALERT_METRICS_ORGS_MAX && c->defs.n_rules &&
           c->defs.n_rules <= ALERT_METRICS_RULES_MAX && !definitions_org(&c->defs, SLICE("*"));
}

enum data_state alert_metrics_write(struct body *to, bool openmetrics, struct data *d, const struct config *c,
                                    const struct status *s)
{
    static const struct metric family = { "crmpulse_alerts", "",
                                          "Alerts of the orgs of the configuration, by rule and state.", METRIC_GAUGE };
    struct metric_writer w = { to, openmetrics, NULL };
    counts *of_rule = can_be_counted(c, s) ? calloc(c->defs.n_rules, sizeof *of_rule) : NULL;
    if (!of_rule)
        return DATA_READY;
    const enum data_state state = count_all(d, c, of_rule);
    if (state == DATA_READY) {
        metric_begin(&w, &family);
        write_counts(&w, c, of_rule);
    }
    free(of_rule);
    return state == DATA_WAIT ? DATA_WAIT : DATA_READY;
}

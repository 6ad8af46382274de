/* crmpulse appraise: appraisal methods on a file. It picks the sections; their readers are in appraise_*.c. */
#include "appraise.h"

#include "crmpulse/cli.h"

static const struct {
    const char *name;
    void (*run)(struct plan *p, const struct node *key);
} sections[] = {
    { "panel", appraise_panel },
    { "ahp", appraise_ahp },
    { "fuzzy", appraise_fuzzy },
    { "before_after", appraise_before_after },
    { "trend", appraise_trend },
    { "pyramid", appraise_pyramid },
    { "eva", appraise_eva },
    { "turnover", appraise_turnover },
    { "goals_down", appraise_goals_down },
    { "measures_up", appraise_measures_up },
    { "go_live", appraise_go_live },
};

enum { N_SECTIONS = sizeof(sections) / sizeof(*sections) };

static void evaluate(struct plan *p)
{
    const char *known[N_SECTIONS + 2] = { "title" };
    bool any = false;
    for (int i = 0; i < N_SECTIONS; i++)
        known[i + 1] = sections[i].name;
    check_keys(p->l, p->root, known, "an appraisal file");
    for (int i = 0; i < N_SECTIONS; i++) {
        const struct node *key = node_key(p->root, sections[i].name);
        any |= key != NULL;
        if (key)
            sections[i].run(p, key);
    }
    if (!any && !p->l->n_errors)
        report(p->l, p->root,
               "nothing to appraise: no panel, ahp, fuzzy, before_after, trend, pyramid, eva, turnover, goals_down, "
               "measures_up or go_live");
}

bool appraise_names(struct plan *p, const struct node *list, uint32_t max, struct slice *ret, uint32_t *ret_n)
{
    if (!want_list(p->l, list, "a list of names"))
        return false;
    if (plan_count(list) < 1 || plan_count(list) > max) {
        report(p->l, list, "%u names, where 1 to %u are allowed", plan_count(list), max);
        return false;
    }
    bool ok = true;
    *ret_n = 0;
    for (const struct node *i = list->first; i; i = i->next) {
        struct slice *name = &ret[*ret_n];
        ok &= value_text(p->l, i, name);
        for (uint32_t j = 0; j < *ret_n && ok; j++)
            if (slice_eq(ret[j], *name)) {
                report(p->l, i, "'%s' is listed twice", i->text.p);
                ok = false;
            }
        ++*ret_n;
    }
    return ok;
}

int cmd_appraise(int argc, char **argv)
{
    return plan_command(argc, argv,
                        "Appraises what a file describes: expert panel, AHP, fuzzy evaluation, before/after, trend, "
                        "performance pyramid, EVA, turnover, goals down and measures up, and KPIs before and after a "
                        "go-live from a file of events.\n"
                        "  --json prints JSON, --svg writes a chart. Exit code 78 if the file has an error.",
                        evaluate);
}

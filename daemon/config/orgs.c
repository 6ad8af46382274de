/* Organisations: zone, currency and calendar (hours: hours.c). What "*" says holds for every org that does not say otherwise. */
#include <errno.h>
#include <stdlib.h>

#include "crmpulse/customer_value.h"
#include "crmpulse/zone_icu.h"
#include "loader.h"

static const char *const org_keys[] = { "zone",     "currency", "week_start", "fiscal_shift", "cycle", "business_hours",
                                        "holidays", "stages",   "go_live",    "rfm_monetary", NULL };
static const char *const weekdays[] = { "monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday",    NULL };
static const char *const cycles[] = {
    [PERIOD_DAY] = "day",        [PERIOD_WEEK] = "week", [PERIOD_MONTH] = "month", [PERIOD_QUARTER] = "quarter",
    [PERIOD_HALF] = "half-year", [PERIOD_YEAR] = "year", [PERIOD_COUNT] = NULL,
};

static void load_zone(struct loader *l, const char *name, const struct node *at, struct zone *ret)
{
    int r = zone_icu_load(name, ret);
    if (r == 0)
        return;
    const char *why = r == -EINVAL   ? "unknown time zone"
                      : r == -ENOMEM ? "out of memory for time zone"
                                     : "cannot load time zone";
    if (at)
        report(l, at, "%s '%s' (an IANA name such as Asia/Shanghai)", why, name);
    else
        report_place(l, "defaults", (struct position){ 1, 1 }, "%s '%s'", why, name);
}

static void load_currency(struct loader *l, const struct node *n, char *ret)
{
    struct slice s;
    if (!value_text(l, n, &s))
        return;
    if (s.n && (s.n != 3 || strspn(s.p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        report(l, n, "expected an ISO 4217 code (CNY) or \"\", not '%s'", s.p);
    else
        memcpy(ret, s.p, s.n + 1);
}

/* Four amounts, falling: from which on M scores 5, 4, 3, 2. */
static void load_cuts(struct loader *l, const struct node *n, int64_t *ret)
{
    int k = 0;
    const struct node *item = n->kind == NODE_LIST ? n->first : NULL;
    for (; item && k < RFM_CUTS; item = item->next, k++)
        if (!value_int(l, item, 0, INT64_C(1) << 53, &ret[k]))
            return;
    if (item || k < RFM_CUTS || ret[0] < ret[1] || ret[1] < ret[2] || ret[2] < ret[3])
        report(l, n, "expected four amounts in micro-units, falling: the least for the scores 5, 4, 3 and 2");
}

static const struct node *key_of(const struct entry *e, const struct entry *any, const char *name)
{
    const struct node *n = e ? node_get(e->map, name) : NULL;
    return n || !any ? n : node_get(any->map, name);
}

static void load_stages(struct loader *l, const struct node *n, struct org_def *ret)
{
    uint32_t count = 0;
    if (!want_list(l, n, "a list of stages"))
        return;
    for (const struct node *i = n->first; i; i = i->next)
        count++;
    ret->stage = calloc(count ? count : 1, sizeof *ret->stage);
    if (!ret->stage) {
        report_memory(l);
        return;
    }
    for (const struct node *i = n->first; i; i = i->next) {
        struct slice name;
        bool again = false;
        if (!value_text(l, i, &name))
            continue;
        for (uint32_t k = 0; k < ret->n_stages; k++)
            again |= slice_eq(slice_of(ret->stage[k]), name);
        if (again || !name.n)
            report(l, i, again ? "stage '%s' is there twice" : "a stage has a name, not '%s'", name.p);
        else
            ret->stage[ret->n_stages++] = copy_text(l, name);
    }
}

/* In the org's zone, so after it. */
static void load_go_live(struct loader *l, const struct node *n, struct calendar *cal)
{
    struct slice s;
    int64_t t_ms;
    if (!value_text(l, n, &s))
        return;
    if (time_parse(cal, s, &t_ms) < 0 || t_ms <= 0)
        report(l, n, "expected a date after 1970 (2025-03-01), not '%s'", s.p);
    else
        cal->go_live_ms = calendar_period(cal, PERIOD_DAY, t_ms).start_ms;
}

static void load_org(struct loader *l, const struct entry *e, const struct entry *any, struct org_def *ret)
{
    struct calendar *cal = &ret->calendar;
    const struct node *n;
    int i;
    *cal = (struct calendar){ .week_start = 1, .cycle = PERIOD_MONTH, .fine_ms = l->defs->fine_pane_ms };
    ret->id = copy_text(l, e ? e->id : SLICE("*"));
    if (e)
        check_keys(l, e->map, org_keys, "org");
    if ((n = key_of(e, any, "currency")))
        load_currency(l, n, ret->currency);
    if ((n = key_of(e, any, "week_start")) && (i = value_choice(l, n, weekdays, "week day")) >= 0)
        cal->week_start = i + 1;
    int64_t shift = 0;
    if ((n = key_of(e, any, "fiscal_shift")) && value_int(l, n, -11, 11, &shift))
        cal->fiscal_shift_months = (int32_t)shift;
    if ((n = key_of(e, any, "cycle")) && (i = value_choice(l, n, cycles, "cycle")) >= 0)
        cal->cycle = (enum period)i;
    org_hours_load(l, key_of(e, any, "business_hours"), key_of(e, any, "holidays"), ret);
    if ((n = key_of(e, any, "stages")))
        load_stages(l, n, ret);
    if ((n = key_of(e, any, "rfm_monetary")))
        load_cuts(l, n, ret->rfm_monetary_micros);
    struct slice zone = SLICE("UTC");
    n = key_of(e, any, "zone");
    if (!n || value_text(l, n, &zone))
        load_zone(l, zone.p, n, &cal->zone);
    if ((n = key_of(e, any, "go_live")))
        load_go_live(l, n, cal);
}

void orgs_load(struct loader *l)
{
    struct section *s = &l->section[SECTION_ORGS];
    const struct entry *any = section_find(l, SECTION_ORGS, SLICE("*"));
    l->defs->org = calloc(s->n + 1, sizeof(*l->defs->org));
    if (!l->defs->org) {
        report_memory(l);
        return;
    }
    for (uint32_t i = 0; i < s->n; i++)
        load_org(l, &s->v[i], any == &s->v[i] ? NULL : any, &l->defs->org[l->defs->n_orgs++]);
    if (!s->n) /* no org listed: every org is welcome; else only those listed, and any under "*" */
        load_org(l, NULL, NULL, &l->defs->org[l->defs->n_orgs++]);
}

/* Cohorts of users: who was first active in an interval, and how many of them came back 1, 2, .. intervals later. Read from the cells (cohort.h), which hold what
 * has been applied: KPI rows of ended intervals are no part of the live views. The same numbers as `crmpulse query --kpi user_cohort`; judges nothing. */
#include <stdio.h>

#include "crmpulse/cell.h"
#include "daemon/core/cohort.h"
#include "daemon/http/api.h"

enum { KEY_MAX = 900, FIELD_MAX = 900, ESCAPED_MAX = 800, LABEL_MAX = 32 };

static const char letters[] = "dwm"; /* enum period */

/* switch retention_kind: which cells say how many came back by age k. */
static const struct kind {
    const char *name;
    enum cohort_cell cell;
} kinds[] = {
    { "recurring", COHORT_ACTIVE },
    { "rolling", COHORT_LAST },          /* of age k and later ones */
    { "cumulative", COHORT_FIRST_BACK }, /* of the ages 1 .. k */
};

static const struct kind *kind_of(const char *value)
{
    for (size_t i = 0; value && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(value, kinds[i].name) == 0)
            return &kinds[i];
    return &kinds[0];
}

/* 0 for what is no number. */
static int64_t number(struct slice text)
{
    int64_t v = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || i > 15)
            return 0;
        v = v * 10 + (text.p[i] - '0');
    }
    return v;
}

/* Fields are in bytewise order. O(log n). */
struct cohort_reader {
    const struct data_hash *h;
    struct slice dim, subject; /* escaped */
    enum period period;
    const struct kind *kind;
};

static int64_t members(const struct cohort_reader *r, enum cohort_cell part, int age)
{
    char field[FIELD_MAX];
    const int n = snprintf(field, sizeof field, "%.*s:%.*s|active_users.%s%c.%d", (int)r->dim.n, r->dim.p,
                           (int)r->subject.n, r->subject.p, cohort_names[part], letters[r->period], age);
    return n > 0 && n < (int)sizeof field ? number(data_value(r->h, (struct slice){ field, (uint32_t)n })) : 0;
}

static int64_t back(const struct cohort_reader *r, int age)
{
    const enum cohort_cell part = r->kind->cell;
    const int first = part == COHORT_FIRST_BACK ? 1 : age, last = part == COHORT_LAST ? cohort_age_max(r->period) : age;
    int64_t sum = 0;
    for (int k = first; k <= last; k++)
        sum += members(r, part, k);
    return sum;
}

static enum data_state read_pane(struct data *d, struct slice org, int64_t start_ms, struct data_hash *h)
{
    char escaped[ESCAPED_MAX], key[KEY_MAX];
    const size_t n = cell_escape(org, escaped, sizeof escaped);
    const int len = snprintf(key, sizeof key, "pane:%.*s:%c:%lld", (int)n, escaped, CELL_HOUR, (long long)start_ms);
    *h = (struct data_hash){ 0 };
    return n && len < (int)sizeof key ? data_hash(d, org, (struct slice){ key, (uint32_t)len }, h) : DATA_READY;
}

/* Of the interval that starts then, since which `begun` others have begun; nothing if nobody was first active in it. */
static void cohort(struct body *to, const struct cohort_reader *r, const struct calendar *cal, int64_t start_ms,
                   int begun)
{
    char label[LABEL_MAX];
    const int64_t users = members(r, COHORT_ACTIVE, 0);
    if (users <= 0)
        return;
    label[calendar_label(cal, r->period, start_ms, label, sizeof label - 1)] = '\0';
    body_addf(to, "%s{\"label\":\"%s\",\"start_ms\":%lld,\"users\":%lld,\"back\":[", to->p[to->n - 1] == '[' ? "" : ",",
              label, (long long)start_ms, (long long)users);
    for (int k = 1; k <= begun; k++)
        body_addf(to, "%s%lld", k > 1 ? "," : "", (long long)back(r, k));
    body_add_z(to, "]}");
}

enum data_state api_cohorts(struct data *d, const struct config *c, const struct api_filter *f, int64_t now_ms,
                            struct body *to)
{
    const struct org_def *org = definitions_org(&c->defs, f->org);
    const char *letter = f->window.n == 1 ? memchr(letters, f->window.p[0], COHORT_PERIODS) : NULL;
    char subject[ESCAPED_MAX];
    struct data_hash h;
    struct cohort_reader r = { &h,
                               f->dim,
                               { subject, (uint32_t)cell_escape(f->subject, subject, sizeof subject) },
                               letter ? (enum period)(letter - letters) : PERIOD_DAY,
                               kind_of(config_switch_value(c, "retention_kind")) };
    enum data_state worst = DATA_READY;
    body_addf(to, "{\"window\":\"%c\",\"kind\":\"%s\",\"cohorts\":[", letters[r.period], r.kind->name);
    struct span at = { 0, 0 };
    for (int begun = 0; org && begun <= API_COHORT_AGES; begun++) {
        at = begun ? calendar_previous(&org->calendar, r.period, at.start_ms)
                   : calendar_period(&org->calendar, r.period, now_ms);
        const enum data_state state = read_pane(d, f->org, pane_start(&org->calendar, GRAIN_HOUR, at.start_ms), &h);
        worst = state > worst ? state : worst; /* all are asked for at once */
        if (state == DATA_READY)
            cohort(to, &r, &org->calendar, at.start_ms, begun);
    }
    body_add_z(to, "]}");
    if (worst != DATA_READY)
        body_clear(to);
    return worst;
}

/* What a configuration books, as rows of text. Comparing them with what a store holds: booking_match.c. */
#include <stdlib.h>

#include "loader.h"

enum { MINUTE_MS = 60000, DAY_MS = 86400000 };

static void add_row(struct loader *l, struct slice kind, struct slice id, const struct text *value, uint64_t switches,
                    bool informs)
{
    struct booking *b = &l->config->booking;
    struct text key = { .l = l };
    text_put(&key, "%.*s:%.*s", (int)kind.n, kind.p, (int)id.n, id.p);
    if (!key.p)
        return;
    b->row[b->n++] = (struct booking_row){ .key = copy_text(l, (struct slice){ key.p, key.n }),
                                           .value = copy_text(l, (struct slice){ value->p ? value->p : "", value->n }),
                                           .switches = switches,
                                           .informs = informs };
}

/* Dimensions apart from the hash: more of them is another thing than a changed formula. */
static void add_measure(struct loader *l, uint32_t index)
{
    const struct measure_def *m = &l->defs->measure[index];
    const struct entry *e = &l->section[SECTION_MEASURES].v[index];
    struct text identity = { .l = l }, value = { .l = l };
    if (m->agg == AGG_DERIVED)
        return;
    text_put(&identity, "%s,trailing=%u", e->formula ? e->formula : "", m->trailing_days);
    if (m->asof && m->agg != AGG_DISTINCT)
        text_put(&identity, ",moved"); /* the past is noted beside it, see cell.h */
    text_put(&value, "%016llx ", (unsigned long long)text_hash(&identity));
    const char *comma = "";
    for (int d = 0; d < DIM_COUNT; d++)
        if (m->dims >> d & 1) {
            text_put(&value, "%s%s", comma, dim_name((enum dim)d));
            comma = ",";
        }
    text_put(&value, "%s", m->fine ? " fine" : "");
    if (m->fine && l->defs->fine_pane_ms != MINUTE_MS)
        text_put(&value, "=%lld", (long long)l->defs->fine_pane_ms);
    add_row(l, SLICE("measure"), e->id, &value, e->books, false);
}

static void add_switch(struct loader *l, uint32_t index)
{
    uint64_t bit = (uint64_t)1 << index;
    struct text value = { .l = l };
    text_put(&value, "%s", l->config->switches[index].value);
    add_row(l, SLICE("switch"), l->switches[index].name, &value, bit, !(l->obeyed & bit));
}

static void put_hours(struct text *t, const struct calendar *cal)
{
    static const struct day_hours office = { 1, { { 9 * 3600000, 18 * 3600000 } } }, closed = { 0 };
    for (int d = 0; d < 7; d++) {
        const struct day_hours *day = cal->business ? &cal->business->day[d] : d < 5 ? &office : &closed;
        text_put(t, "%s", d ? ";" : " hours=");
        for (uint32_t i = 0; i < day->n; i++)
            text_put(t, "%s%d-%d", i ? "," : "", day->v[i].from_ms / 60000, day->v[i].to_ms / 60000);
    }
}

/* go_live only places windows, so it is free. */
static void add_org(struct loader *l, const struct org_def *org)
{
    const struct calendar *cal = &org->calendar;
    struct text value = { .l = l };
    text_put(&value, "zone=%s week_start=%d fiscal_shift=%d cycle=%d currency=%s",
             cal->zone.name ? cal->zone.name : "UTC", (int)cal->week_start, (int)cal->fiscal_shift_months,
             (int)cal->cycle, org->currency);
    put_hours(&value, cal);
    for (uint32_t i = 0; i < org->n_stages; i++)
        text_put(&value, "%s%s", i ? "," : " stages=", org->stage[i]);
    for (int i = 0; org->rfm_monetary_micros[0] && i < 4; i++)
        text_put(&value, "%s%lld", i ? "," : " rfm=", (long long)org->rfm_monetary_micros[i]);
    add_row(l, SLICE("org"), slice_of(org->id), &value, 0, false);
}

static void add_holidays(struct loader *l, const struct org_def *org)
{
    const struct business *b = org->calendar.business;
    const struct zone utc = zone_utc();
    struct text value = { .l = l };
    for (uint32_t i = 0; b && i < b->n_holidays; i++) {
        struct civil day = civil_from_unix(&utc, b->holiday[i] * DAY_MS);
        text_put(&value, "%s%04d-%02d-%02d", i ? " " : "", (int)day.year, (int)day.month, (int)day.day);
    }
    add_row(l, SLICE("holidays"), slice_of(org->id), &value, 0, false);
}

static void add_all(struct loader *l)
{
    for (uint32_t i = 0; i < l->defs->n_measures; i++)
        add_measure(l, i);
    for (uint32_t i = 0; i < l->n_switches; i++)
        add_switch(l, i);
    for (uint32_t i = 0; i < l->defs->n_orgs; i++) {
        add_org(l, &l->defs->org[i]);
        add_holidays(l, &l->defs->org[i]);
    }
}

void booking_load(struct loader *l)
{
    struct config *c = l->config;
    struct booking *b = &c->booking;
    struct text all = { .l = l };
    uint64_t books = l->obeyed;
    b->row = calloc(l->defs->n_measures + l->n_switches + 2 * l->defs->n_orgs + 1, sizeof *b->row);
    if (!b->row) {
        report_memory(l);
        return;
    }
    add_all(l);
    for (uint32_t i = 0; i < b->n; i++) {
        text_put(&all, "%s=%s\n", b->row[i].key, b->row[i].value);
        books |= b->row[i].informs ? 0 : b->row[i].switches;
    }
    for (uint32_t i = 0; i < c->n_switches; i++)
        c->switches[i].books = books >> i & 1;
    snprintf(b->hash, sizeof b->hash, "%016llx", (unsigned long long)text_hash(&all));
}

void booking_release(struct booking *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        free(b->row[i].key);
        free(b->row[i].value);
    }
    free(b->row);
    *b = (struct booking){ 0 };
}

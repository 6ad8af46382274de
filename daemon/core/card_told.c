/* Remembering scorecards. */
#include "card_told.h"

#include <stdio.h>
#include <stdlib.h>

#include "row.h"

struct card_told {
    struct card_part *part; /* by item; NULL: nothing was told */
    double score;
    bool unsaved;
};

bool card_compare(const struct subject *s, uint32_t card, const struct scorecard_def *def, const struct card_part *now,
                  double score, struct card_contribution *ret, double *ret_change)
{
    const struct card_told *told = s->card_told ? &s->card_told[card] : NULL;
    if (!told || !told->part)
        return false;
    card_contributions(told->part, now, def->n_items, ret);
    *ret_change = score - told->score;
    return true;
}

static struct card_told *told_of(struct evaluator *e, struct subject *s, uint32_t card)
{
    if (!s->card_told)
        s->card_told = calloc(e->defs->n_scorecards + 1u, sizeof *s->card_told);
    struct card_told *told = s->card_told ? &s->card_told[card] : NULL;
    if (told && !told->part)
        told->part = calloc(e->defs->scorecard[card].n_items + 1u, sizeof *told->part);
    return told && told->part ? told : NULL;
}

static int note(struct evaluator *e, struct subject *s)
{
    if (s->listed_carded)
        return 0;
    s->listed_carded = true;
    return subject_set_add(&e->carded, s);
}

int card_remember(struct evaluator *e, struct subject *s, uint32_t card, const struct card_part *now, double score)
{
    struct card_told *told = told_of(e, s, card);
    if (!told)
        return -1;
    memcpy(told->part, now, e->defs->scorecard[card].n_items * sizeof *now);
    told->score = score;
    told->unsaved = true;
    return note(e, s);
}

int card_forget(struct evaluator *e, struct subject *s, uint32_t card)
{
    struct card_told *told = s->card_told ? &s->card_told[card] : NULL;
    if (!told || !told->part)
        return 0;
    free(told->part);
    *told = (struct card_told){ .unsaved = true };
    return note(e, s);
}

void card_told_release(struct subject *s, uint32_t n_scorecards)
{
    for (uint32_t i = 0; s->card_told && i < n_scorecards; i++)
        free(s->card_told[i].part);
    free(s->card_told);
}

/* ---- saved and restored ---------------------------------------------------------------------------------------------------------------------------- */

static int save_card(struct evaluator *e, const struct subject *s, uint32_t card, evaluator_state_sink sink, void *ctx)
{
    char key[1200], value[4096];
    const struct scorecard_def *def = &e->defs->scorecard[card];
    const struct card_told *told = &s->card_told[card];
    int n = snprintf(key, sizeof key, "prt|%016llx|%s|%.*s", (unsigned long long)def->hash, dim_name(s->dim),
                     (int)s->escaped.n, s->escaped.p);
    size_t at = 0;
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    if (told->part)
        at = (size_t)snprintf(value, sizeof value, "%llx", (unsigned long long)double_bits(told->score));
    for (uint32_t i = 0; told->part && i < def->n_items && at < sizeof value - 40; i++) {
        const struct card_part *p = &told->part[i];
        at += (size_t)snprintf(value + at, sizeof value - at, " %llx:", (unsigned long long)double_bits(p->weight));
        at += p->has_score
                  ? (size_t)snprintf(value + at, sizeof value - at, "%llx", (unsigned long long)double_bits(p->score))
                  : (size_t)snprintf(value + at, sizeof value - at, "-");
    }
    return sink(ctx, s->org->id, (struct slice){ key, (uint32_t)n }, (struct slice){ value, (uint32_t)at });
}

static int save_subject(struct evaluator *e, struct subject *s, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t c = 0; s->card_told && c < e->defs->n_scorecards; c++) {
        struct card_told *told = &s->card_told[c];
        if (rc == 0 && (only_changed ? told->unsaved : told->part != NULL))
            rc = save_card(e, s, c, sink, ctx);
        told->unsaved = false;
    }
    return rc;
}

static int save_all(struct evaluator *e, evaluator_state_sink sink, void *ctx)
{
    int rc = 0;
    for (uint32_t o = 0; o < e->store.n_orgs; o++)
        for (int d = 0; d < DIM_COUNT; d++)
            for (uint32_t i = 0; rc == 0 && i < e->store.org[o]->dim[d].n; i++)
                rc = save_subject(e, e->store.org[o]->dim[d].v[i], false, sink, ctx);
    return rc;
}

int card_told_save(struct evaluator *e, bool only_changed, evaluator_state_sink sink, void *ctx)
{
    int rc = only_changed ? 0 : save_all(e, sink, ctx);
    for (uint32_t i = 0; i < e->carded.n; i++) {
        if (rc == 0 && only_changed)
            rc = save_subject(e, e->carded.v[i], true, sink, ctx);
        e->carded.v[i]->listed_carded = false;
    }
    e->carded.n = 0;
    return rc;
}

static double double_of(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int parse_parts(char *at, struct card_told *told, uint32_t n)
{
    told->score = double_of(strtoull(at, &at, 16));
    for (uint32_t i = 0; i < n; i++) {
        if (*at != ' ')
            return -1;
        told->part[i].weight = double_of(strtoull(at + 1, &at, 16));
        if (*at++ != ':')
            return -1;
        told->part[i].has_score = *at != '-';
        if (told->part[i].has_score)
            told->part[i].score = double_of(strtoull(at, &at, 16));
        else
            at++;
    }
    return *at ? -1 : 0;
}

static int card_of_hash(const struct evaluator *e, uint64_t hash)
{
    for (uint32_t c = 0; c < e->defs->n_scorecards; c++)
        if (e->defs->scorecard[c].hash == hash)
            return (int)c;
    return -1;
}

int card_told_restore(struct evaluator *e, struct slice org_id, struct slice rest, struct slice value)
{
    char text[4096];
    const char *end = rest.p + rest.n, *bar = memchr(rest.p, '|', rest.n);
    const char *bar2 = bar ? memchr(bar + 1, '|', (size_t)(end - bar - 1)) : NULL;
    if (!bar2 || value.n >= sizeof text)
        return -1;
    memcpy(text, value.p, value.n);
    text[value.n] = 0;
    int card = card_of_hash(e, strtoull(rest.p, NULL, 16)); /* stops at the bar */
    int dim = dim_by_name((struct slice){ bar + 1, (uint32_t)(bar2 - bar - 1) });
    if (card < 0)
        return 0; /* another definition: nothing to compare with */
    struct org *org = store_org(&e->store, org_id);
    struct slice escaped = { bar2 + 1, (uint32_t)(end - bar2 - 1) };
    struct subject *s = org && dim >= 0 ? org_subject(&e->store, org, (enum dim)dim, escaped) : NULL;
    struct card_told *told = s ? told_of(e, s, (uint32_t)card) : NULL;
    return told ? parse_parts(text, told, e->defs->scorecard[card].n_items) : -1;
}

/* Memberships of a scorecard, and the weights that a panel of experts gives it. What a membership means is fuzzy.c's business. */
#include "card_fuzzy.h"

#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/reweight.h"
#include "kpi_read.h"

enum { ID_MAX = 600 };

struct card_row card_row_of_score(const struct scorecard_def *def, double score)
{
    struct card_row row = { .any = true };
    fuzzy_of_score(&def->fuzzy.scale, score, row.share);
    return row;
}

static struct card_row row_of_counts(const struct scorecard_def *def, const double *n)
{
    struct card_row row = { 0 };
    row.any = fuzzy_of_survey(&def->fuzzy.scale, n, row.share) == 0;
    return row;
}

/* Answers lie in bins, one per value on 1..5. The grades are spread evenly over the scale, best at its upper end; an answer counts for the nearest one,
 * between two for the worse: with as many steps as grades each step is a grade. */
static struct card_row row_of_answers(const struct scorecard_def *def, const struct scorecard_item *item,
                                      const struct reading *r, struct subject *s)
{
    const int64_t top = 5000000, width = 4000000;
    struct measure_reader m = measure_reader_of(r, s);
    const struct node *node = measure_node(&m, item->answers);
    double n[FUZZY_GRADES_MAX] = { 0 };
    for (uint32_t i = 0; node && i < node->n_bins; i++) {
        int64_t off = (top - node->bin[i]->sub) * (def->fuzzy.scale.n - 1);
        int64_t grade = (2 * off + width) / (2 * width);
        if (grade >= 0 && grade < def->fuzzy.scale.n)
            n[grade] += (double)measure_sum(&m, node->bin[i]);
    }
    measure_needs_window(&m, &r->e->defs->measure[item->answers]);
    return m.flags & VALUE_INCOMPLETE ? (struct card_row){ 0 } : row_of_counts(def, n);
}

static struct subject *kind_subject(const struct org *org, const char *id, const char *part)
{
    char text[ID_MAX];
    int n = snprintf(text, sizeof text, "%s/%s", id, part);
    return n > 0 && (size_t)n < sizeof text ? org_find_subject(org, DIM_KIND, (struct slice){ text, (uint32_t)n })
                                            : NULL;
}

static double level_of(const struct reading *r, struct subject *s, int measure)
{
    if (!s)
        return 0;
    struct measure_reader m = measure_reader_of(r, s);
    double n = 0;
    (void)expr_number(measure_load(&m, measure * MEASURE_PARTS + PART_VALUE), &n);
    return n;
}

static struct card_row row_of_grades(const struct scorecard_def *def, const struct scorecard_item *item,
                                     const struct reading *r, const struct subject *s)
{
    double n[FUZZY_GRADES_MAX] = { 0 };
    for (uint32_t k = 0; k < def->fuzzy.scale.n; k++)
        n[k] = level_of(r, kind_subject(s->org, item->of, def->fuzzy.grade[k]), item->answers);
    return row_of_counts(def, n);
}

struct card_row card_row_of(const struct scorecard_def *def, const struct scorecard_item *item, const struct reading *r,
                            struct subject *s, double score)
{
    if (item->membership == MEMBERSHIP_ANSWERS)
        return row_of_answers(def, item, r, s);
    return item->membership == MEMBERSHIP_GRADES ? row_of_grades(def, item, r, s) : card_row_of_score(def, score);
}

double card_row_score(const struct scorecard_def *def, const struct card_row *row)
{
    return fuzzy_judge(&def->fuzzy.scale, row->share).score;
}

/* ---- composition ---- */

struct level {
    double *weight, *row;
    uint32_t n;
};

static void add_row(struct level *l, const struct scorecard_def *def, double weight, const struct card_row *row)
{
    if (!row->any)
        return;
    memcpy(l->row + (size_t)l->n * def->fuzzy.scale.n, row->share, def->fuzzy.scale.n * sizeof *l->row);
    l->weight[l->n++] = weight;
}

static struct card_row compose(const struct level *l, const struct scorecard_def *def)
{
    struct card_row row = { 0 };
    row.any = l->n && fuzzy_compose(&def->fuzzy.scale, def->fuzzy.operator, l->weight, l->row, l->n, row.share) == 0;
    return row;
}

static bool first_of_perspective(const struct card_item *item, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (slice_eq(item[k].perspective, item[i].perspective))
            return false;
    return true;
}

int card_compose(const struct scorecard_def *def, const struct card_item *item, const struct card_row *row,
                 struct card_row *ret_perspective, struct card_row *ret_whole)
{
    uint32_t n = def->n_items;
    struct level parts = { calloc(n + 1, sizeof(double)), calloc((size_t)n * FUZZY_GRADES_MAX + 1, sizeof(double)), 0 };
    struct level whole = { calloc(n + 1, sizeof(double)), calloc((size_t)n * FUZZY_GRADES_MAX + 1, sizeof(double)), 0 };
    bool ok = parts.weight && parts.row && whole.weight && whole.row;
    for (uint32_t i = 0; ok && i < n; i++) {
        if (!first_of_perspective(item, i))
            continue;
        parts.n = 0;
        for (uint32_t k = i; k < n; k++)
            if (slice_eq(item[k].perspective, item[i].perspective) && (item[k].usable || item[k].counts_zero))
                add_row(&parts, def, item[k].kpi_bp, &row[k]);
        ret_perspective[i] = compose(&parts, def);
        add_row(&whole, def, item[i].perspective_bp, &ret_perspective[i]);
    }
    if (ok)
        *ret_whole = compose(&whole, def);
    free(parts.weight);
    free(parts.row);
    free(whole.weight);
    free(whole.row);
    return ok ? 0 : -1;
}

/* ---- weights of a panel ---- */

bool card_panel_weights(const struct scorecard_def *def, const struct reading *r, const struct org *org,
                        struct card_item *item)
{
    int32_t bp[SCORECARD_ITEMS_MAX];
    int64_t sum = 0;
    for (uint32_t i = 0; i < def->n_items; i++) {
        struct subject *s = kind_subject(org, def->panel.id, def->item[i].perspective);
        if (level_of(r, s, def->panel.final) <= 0)
            return false;
        bp[i] = (int32_t)level_of(r, s, def->panel.bp);
        sum += first_of_perspective(item, i) ? bp[i] : 0;
    }
    for (uint32_t i = 0; sum == WEIGHT_TOTAL_BP && i < def->n_items; i++)
        item[i].perspective_bp = bp[i];
    return sum == WEIGHT_TOTAL_BP;
}

/* Rankings: all subjects of a dimension in order of a KPI. */
#ifndef CRMPULSE_CORE_RANKING_H
#define CRMPULSE_CORE_RANKING_H

#include "kpi_value.h"

/* What is ranked, and how. */
struct ranking_rule {
    enum dim dim;
    int kpi;
    enum ties ties;
    int64_t min_samples; /* fewer: rank 0, behind all others */
    bool ascending;      /* the smallest value is the best */
};
struct ranking_rule ranking_rule_of(const struct definitions *defs, enum dim dim, int kpi, enum ties ties);

/* Fill `ret` (zeroed or used before) with every subject of the dim known at the instant, best first: value, then earlier reach, then the subject
 * bytewise; null after all values. Users who are disabled at the instant have left: they are not in it. 0 or -1 (out of memory). */
int ranking_make(const struct reading *r, const struct org *org, const struct ranking_rule *rule, struct ranking *ret);
/* One subject of it, its value with the sign that makes greater better; false: it does not belong in. */
bool ranking_see(const struct reading *r, struct subject *s, const struct ranking_rule *rule, struct ranked *ret);
/* The order of what ranking_see gives: 0 for the same subject and figures only. */
int ranked_cmp(const struct ranked *a, const struct ranked *b);
/* Rank and gap of the next in order, `i` from 0; `before` and `first` are its neighbour and the best, NULL for the best itself. `better` is kept between calls. */
void ranked_number(struct ranked *x, const struct ranked *before, const struct ranked *first, uint32_t i,
                   enum ties ties, double *better);
int ranking_reserve(struct ranking *ranking, uint32_t n);
void ranking_release(struct ranking *ranking);

/* Rank of one subject among its dim, ties by competition; -1 when out of memory, 0 when it is not known at the instant. The last rankings are kept, so
 * asking for all subjects in turn costs one. */
int32_t ranking_of(const struct reading *r, struct subject *s, int kpi, enum ties ties);

#endif

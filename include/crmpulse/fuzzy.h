/* Multi-level fuzzy comprehensive evaluation (domain specification 4.4): indicators become memberships in grades, levels are composed upwards. */
#ifndef CRMPULSE_FUZZY_H
#define CRMPULSE_FUZZY_H

#include <stdbool.h>
#include <stdint.h>

enum { FUZZY_GRADES_MAX = 10 };

/* Grades from best to worst: value[k] is the score grade k stands for, strictly falling. */
struct fuzzy_scale {
    uint32_t n;
    double value[FUZZY_GRADES_MAX];
};

/* excellent 95, good 80, fair 65, poor 45 */
struct fuzzy_scale fuzzy_scale_default(void);
/* 2..FUZZY_GRADES_MAX strictly falling, finite values. */
bool fuzzy_scale_ok(const struct fuzzy_scale *s);

/* Membership of a score: triangles between neighbouring values, 1 beyond the ends. The row has s->n cells and sums to 1. */
void fuzzy_of_score(const struct fuzzy_scale *s, double score, double *ret_row);

/* Membership of a surveyed indicator: answers per grade as shares. 0; -1: a negative count or no answer at all. */
int fuzzy_of_survey(const struct fuzzy_scale *s, const double *answers, double *ret_row);

enum fuzzy_operator {
    FUZZY_WEIGHTED,   /* M(., +): b_k = sum(a_i r_ik); nothing is lost */
    FUZZY_MAX_MIN,    /* b_k = max(min(a_i, r_ik)), renormalised */
    FUZZY_MAX_PRODUCT /* b_k = max(a_i r_ik), renormalised */
};

/* B = A o R. `weight` (n, each >= 0, any positive sum) is normalised; `row` holds n rows of s->n. 0; -1: no weight, or a B of zeros only. */
int fuzzy_compose(const struct fuzzy_scale *s, enum fuzzy_operator op, const double *weight, const double *row,
                  uint32_t n, double *ret_b);

/* A node of a hierarchy of any depth. Parents stand before their children; node 0 is the root. */
struct fuzzy_node {
    uint32_t parent;              /* below the node's own index; ignored for the root */
    double weight;                /* among its siblings */
    bool is_leaf;                 /* an indicator: row is given; else row is computed */
    double row[FUZZY_GRADES_MAX]; /* membership */
};

/* Fill the rows of all nodes that are no leaves, bottom up. 0; -1: order broken, or a node with nothing below it. O(n^2). Uses the heap. */
int fuzzy_evaluate(const struct fuzzy_scale *s, enum fuzzy_operator op, struct fuzzy_node *node, uint32_t n);

struct fuzzy_verdict {
    double score;       /* sum(b_k c_k) */
    uint32_t largest;   /* grade with the largest membership; a tie takes the worse */
    bool alpha_is_null; /* only one grade has any membership: nothing to doubt */
    double alpha;       /* validity of taking the largest */
    uint32_t grade;     /* largest, or the one nearest to the score if alpha < 0.5 (equally near: the worse) */
    bool by_score;      /* the latter was taken */
};

struct fuzzy_verdict fuzzy_judge(const struct fuzzy_scale *s, const double *b);

#endif

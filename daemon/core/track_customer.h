/* What the trackers of customers share: the case at hand, membership as a timeline, facts that belong to the customer as of now. */
#ifndef CRMPULSE_TRACK_CUSTOMER_H
#define CRMPULSE_TRACK_CUSTOMER_H

#include "track.h"

#define CUSTOMER_DAY_MS INT64_C(86400000)
#define TREND_MS        (90 * CUSTOMER_DAY_MS) /* churn risk: sales of so long against those of as long before */

/* Where membership turns. Ascending, joins and ends in turn, the first is a join. */
struct member_turn {
    int64_t t_ms;
    bool in;
    bool lapse;          /* an end by inactivity */
    struct slice reason; /* of an explicit end */
    uint32_t at;         /* position of its event in the log; log.n: none */
};

struct customer_case {
    struct entry_log log;
    struct ledger_view ledger;
    const struct customer_rules *rules;
    const struct fact *base;  /* member, dimensions, owner as of now */
    uint32_t acquired;        /* position in the log; log.n: never */
    struct member_turn *turn; /* none: never a member */
    uint32_t n_turns;
    const int64_t *sale_ms; /* of every sale, ascending */
    uint32_t n_sales;
};

/* A fact of the customer with all that `base` says. */
struct fact *customer_fact(struct track_view *v, const struct customer_case *c, enum fact_type type, int64_t t_ms);

/* Fills turn and n_turns (track_member.c). */
void member_turns(struct track_view *v, struct customer_case *c);
bool member_at(const struct customer_case *c, int64_t t_ms);
void member_facts(struct track_view *v, const struct customer_case *c);

void purchase_facts(struct track_view *v, const struct customer_case *c); /* gaps, repeats, reminders */
/* What KPIs by customer need: sales and uses as of now. Nothing unless somebody asks for customers one by one. */
void one_by_one_facts(struct track_view *v, const struct customer_case *c);
/* With segment_by rfm: what happened to the customer, by the RFM segment it was in just before. */
void segment_facts(struct track_view *v, const struct customer_case *c);
/* The RFM segment at an instant, -1 before the first sale. O(log n). */
int rfm_segment_at(const struct customer_case *c, int64_t t_ms);
/* Adds the instants at which a sale's age changes the segment to `times` (room for 5; the last one is the year); their number. */
uint32_t rfm_ages(int64_t sale_ms, int64_t *times);
void rfm_facts(struct track_view *v, const struct customer_case *c);
void risk_facts(struct track_view *v, const struct customer_case *c);
void mrr_facts(struct track_view *v, const struct customer_case *c);

/* How many of n ascending times are <= t_ms. O(log n). */
uint32_t times_upto(const int64_t *times, uint32_t n, int64_t t_ms);
/* Sort times and drop repetitions; the new number. */
uint32_t times_settle(int64_t *times, uint32_t n);
/* The standing amounts together at t_ms. O(n). */
int64_t mrr_at(const struct ledger_list *mrr, int64_t t_ms);

#endif

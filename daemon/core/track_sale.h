/* Deals and orders folded from their logs, shared by their trackers and track_refund.c. */
#ifndef CRMPULSE_TRACK_SALE_H
#define CRMPULSE_TRACK_SALE_H

#include "track.h"

enum { STAGES_MAX = 32 };

struct deal_state {
    struct slice id, lead, customer;
    const struct entry *close;    /* the one that stands; NULL = open */
    uint32_t close_at, opened_at; /* positions in the log */
    bool opened;                  /* the time of the opening is known: deal_opened, else opened_at_ms of a close */
    bool really_opened;           /* deal_opened has been seen: only such a deal can be open */
    bool has_amount, has_prob, has_cost;
    bool has_expected;
    int64_t opened_ms, close_ms, expected_ms, amount, cost, items, prob_ppm;
    uint32_t n_stages;
    struct slice stage[STAGES_MAX];
};

struct deal_log {
    struct deal_state s;
    struct entry_log log, lead; /* lead: empty if there is none */
};

/* A fact of the sale: credited like the close, basis deals. */
struct fact *deal_sale_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct deal_log *d);
/* Refunds of a won deal, its orders' among them. */
void deal_refund_facts(struct track_view *v, const struct deal_log *d);

struct order_log {
    struct entry_log log, deal, lead, customer; /* parents: empty if there is none */
    const struct entry *placed;
    bool cancelled, has_cost;
    int64_t amount, items, cost;
};

/* A fact of the order: credited like order_placed, basis orders. */
struct fact *order_fact(struct track_view *v, enum fact_type type, int64_t t_ms, const struct order_log *o);
void order_refund_facts(struct track_view *v, const struct order_log *o);
/* Of an order on credit: what is owed, and what a refund that counts takes off it. */
void order_receivable_facts(struct track_view *v, const struct order_log *o);
void order_receivable_refund(struct track_view *v, const struct order_log *o, int64_t t_ms, int64_t amount);

/* Turns a fact of a sale (of type FACT_MARKET, the newest one) into one per region and one per segment. */
void market_facts(struct track_view *v, struct fact *f);

/* Refunds of one sale. */
struct refund_list {
    const struct entry **v; /* in the event's scratch memory, borrowed */
    uint32_t n;
};

#endif

/* A customer's ledger: what its facts need of other entities' facts: sales, refunds, uses, changes of subscriptions. Internal to the core.
 *
 * Sales come from deals and orders, uses from users: reading all of those records for every event of a customer would cost too much. So the contributions
 * themselves are kept, in a record "ledger" of the customer: each item with its causes, +1 where an event made it, -1 where one withdrew it. A correction,
 * a merge or a change of owner reaches it as any other difference of facts. As of a cause T the ledger holds the items whose counts up to T are above 0. */
#ifndef CRMPULSE_LEDGER_H
#define CRMPULSE_LEDGER_H

#include "crmpulse/record.h"

enum ledger_kind { LEDGER_SALE, LEDGER_REFUND, LEDGER_USE, LEDGER_MRR, LEDGER_FACT, LEDGER_KINDS };

/* LEDGER_FACT: a whole fact, packed into the first text (ledger_fact.c), that the customer's tracker says again with a segment. */
enum ledger_text { LEDGER_REP, LEDGER_TEAM, LEDGER_PRODUCT, LEDGER_SEGMENT, LEDGER_TEXTS };

struct ledger_item {
    enum ledger_kind kind;
    int64_t t_ms, cause_ms;
    int64_t value; /* sale, refund: amount; mrr: by how much the standing amount changes, micro-units */
    int32_t n;
    struct slice text[LEDGER_TEXTS];
};

/* Items are kept by kind, time, value, texts, cause. A list: those of one kind as of an instant, n > 0. */
struct ledger_list {
    const struct ledger_item *v;
    uint32_t n;
};

/* Beyond these a ledger takes no more: newer sales are left out; of uses the oldest are forgotten, they matter least. */
enum { LEDGER_ITEMS_MAX = 4096, LEDGER_USES_MAX = 256 };

/* Unpack a record's log to `to` (room for ledger_count items); the texts borrow. False if it is malformed. */
uint32_t ledger_count(const struct bytes *log);
bool ledger_unpack(const struct bytes *log, struct ledger_item *to);
/* Well-formed to the last byte, with times, values and counts that sums can hold. */
bool ledger_sound(const struct bytes *log);
/* Add a change to n items in their order (room for one more): the same item with the same cause nets. The new number. */
uint32_t ledger_add(struct ledger_item *items, uint32_t n, const struct ledger_item *change);
/* Keep within the bounds; the new number. *ret_dropped grows by what was left out. O(n). */
uint32_t ledger_trim(struct ledger_item *items, uint32_t n, uint64_t *ret_dropped);
/* Leave out what was made and withdrawn again if `names` says so of it; the new number. */
uint32_t ledger_forget(struct ledger_item *items, uint32_t n, bool (*names)(void *ctx, const struct ledger_item *item),
                       void *ctx);
/* 0 or -1 (out of memory). The items may borrow from `log`. */
int ledger_pack(const struct ledger_item *items, uint32_t n, struct bytes *scratch, struct bytes *log);
/* The items as of `upto_ms`, netted over causes, to `to` (room for n). Their number. O(n). */
uint32_t ledger_as_of(const struct ledger_item *items, uint32_t n, int64_t upto_ms, struct ledger_item *to);

#endif

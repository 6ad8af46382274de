/* Between the engine and the customers' ledgers: which facts go in, the ledger as a customer's tracker sees it, the commit. */
#include <stdlib.h>

#include "engine_int.h"

static const int64_t hour_ms = 3600000;

/* Does the fact concern the ledger, and as what? */
static bool item_of(const struct track_view *v, const struct fact *f, struct ledger_item *ret)
{
    const struct customer_rules *rules = &v->e->defs->customers;
    *ret = (struct ledger_item){ .t_ms = f->t_ms, .value = f->n[FN_AMOUNT] };
    switch (f->type) {
    case FACT_TXN:
        ret->kind = LEDGER_SALE;
        return slice_eq(f->s[FT_BASIS], rules->sales_are_orders ? SLICE("orders") : SLICE("deals"));
    case FACT_REFUND:
        ret->kind = LEDGER_REFUND;
        return slice_eq(f->s[FT_BASIS], rules->sales_are_orders ? SLICE("orders") : SLICE("deals")) &&
               slice_eq(f->s[FT_MODE], rules->refunds_at_order ? SLICE("at_order") : SLICE("at_refund"));
    case FACT_CUSTOMER_ACTIVITY:
        ret->kind = LEDGER_USE; /* who and where do not matter, nor does the minute */
        ret->value = 0;
        ret->t_ms -= f->t_ms % hour_ms;
        return slice_eq(f->s[FT_KIND], SLICE("usage"));
    case FACT_SUBSCRIPTION:
        ret->kind = LEDGER_MRR;
        ret->value = f->n[FN_VALUE];
        return true;
    default:
        return false;
    }
}

/* "ent:ledger:<org>:<id>" for "ent:customer:<org>:<id>". */
static struct slice ledger_key(struct track_view *v, struct slice customer)
{
    const struct slice head = SLICE("ent:ledger");
    const uint32_t skip = sizeof "ent:customer" - 1;
    char buf[KEY_MAX];
    memcpy(buf, head.p, head.n);
    memcpy(buf + head.n, customer.p + skip, customer.n - skip);
    struct slice key = arena_copy(&v->e->scratch, (struct slice){ buf, head.n + customer.n - skip });
    v->e->no_memory |= !key.p;
    return key;
}

static void note_item(struct track_view *v, const struct signed_fact *sf, struct slice member, struct ledger_item *item)
{
    struct engine *e = v->e;
    if (!member.n || id_is_nobody(member) ||
        !engine_room(e, &e->ledger_ops, e->n_ledger_ops, &e->ledger_ops_cap, sizeof *e->ledger_ops))
        return;
    item->n = sf->sign;
    item->cause_ms = sf->cause_ms;
    struct slice customer = view_key(v, SLICE("customer"), member);
    if (!customer.p)
        return;
    e->ledger_ops[e->n_ledger_ops++] = (struct ledger_op){ customer, *item };
    (void)view_record(v, ledger_key(v, customer)); /* asks for it if it is not cached */
}

/* With segment_by rfm: the whole fact. */
static void note_fact(struct track_view *v, const struct signed_fact *sf)
{
    struct ledger_item item = { .kind = LEDGER_FACT, .t_ms = sf->f->t_ms };
    struct bytes *packed = &v->e->record_bytes;
    packed->n = 0;
    v->e->no_memory |= !ledger_fact_pack(sf->f, packed);
    item.text[0] = arena_copy(&v->e->scratch, (struct slice){ packed->p, packed->n });
    v->e->no_memory |= !item.text[0].p;
    note_item(v, sf, sf->f->dim[DIM_CUSTOMER], &item);
}

void ledger_note(struct track_view *v, const struct signed_fact *sf)
{
    struct engine *e = v->e;
    const struct fact *f = sf->f;
    struct ledger_item item;
    if (slice_eq(key_kind(v->self), SLICE("customer"))) /* its own facts rest on the ledger */
        return;
    if (e->defs->customers.segment_by_rfm && fact_in_segment(f))
        note_fact(v, sf);
    if (!f->member.n || !item_of(v, f, &item))
        return;
    const struct slice text[LEDGER_TEXTS] = { f->dim[DIM_REP], f->dim[DIM_TEAM], f->dim[DIM_PRODUCT],
                                              f->dim[DIM_SEGMENT] };
    for (int i = 0; i < LEDGER_TEXTS && item.kind != LEDGER_USE; i++)
        item.text[i] = arena_copy(&e->scratch, text[i]);
    note_item(v, sf, f->member, &item);
}

static bool reserve(struct engine *e, uint32_t n)
{
    struct ledger_scratch *s = &e->ledger;
    struct ledger_item **room[] = { &s->before, &s->after, &s->view };
    if (n <= s->cap)
        return true;
    for (int i = 0; i < 3; i++) {
        struct ledger_item *p = realloc(*room[i], (size_t)n * 2 * sizeof *p);
        if (!p) {
            e->no_memory = true;
            return false;
        }
        *room[i] = p;
    }
    s->cap = n * 2;
    return true;
}

/* The ledger without and with the event's changes. False if it could not be read. */
static bool fill(struct track_view *v, struct slice customer)
{
    struct engine *e = v->e;
    struct ledger_scratch *s = &e->ledger;
    const struct record *r = view_record(v, ledger_key(v, customer));
    uint32_t n = r ? ledger_count(&r->log) : 0, n_ops = 0;
    for (uint32_t i = 0; i < e->n_ledger_ops; i++)
        n_ops += slice_eq(e->ledger_ops[i].customer, customer);
    if (!reserve(e, n + n_ops + 1) || (r && !ledger_unpack(&r->log, s->before)))
        return false;
    if (n)
        memcpy(s->after, s->before, n * sizeof *s->after);
    s->n_before = s->n_after = n;
    s->from_ms = INT64_MAX;
    s->dropped = 0;
    for (uint32_t i = 0; i < e->n_ledger_ops; i++) {
        const struct ledger_op *op = &e->ledger_ops[i];
        if (!slice_eq(op->customer, customer))
            continue;
        s->n_after = ledger_add(s->after, s->n_after, &op->item);
        s->from_ms = op->item.t_ms < s->from_ms ? op->item.t_ms : s->from_ms;
    }
    s->n_after = ledger_trim(s->after, s->n_after, &s->dropped);
    return true;
}

static bool seen_before(const struct engine *e, uint32_t op)
{
    for (uint32_t i = 0; i < op; i++)
        if (slice_eq(e->ledger_ops[i].customer, e->ledger_ops[op].customer))
            return true;
    return false;
}

void ledger_each_customer(struct track_view *v, void (*each)(struct track_view *v))
{
    struct engine *e = v->e;
    uint32_t n_ops = e->n_ledger_ops;
    for (uint32_t i = 0; i < e->affected.n && !e->no_memory; i++) {
        v->self = e->affected.v[i];
        if (!slice_eq(key_kind(v->self), SLICE("customer")) || !fill(v, v->self))
            continue;
        e->ledger.from_ms = INT64_MIN; /* anything about it may have changed */
        each(v);
    }
    for (uint32_t i = 0; i < n_ops && !e->no_memory; i++) {
        bool done = seen_before(e, i);
        v->self = e->ledger_ops[i].customer;
        for (uint32_t k = 0; k < e->affected.n && !done; k++)
            done = slice_eq(e->affected.v[k], v->self);
        if (!done && fill(v, v->self))
            each(v);
    }
}

void view_ledger(struct track_view *v, struct ledger_view *ret)
{
    struct ledger_scratch *s = &v->e->ledger;
    const struct ledger_item *from = v->after ? s->after : s->before;
    uint32_t n = v->after ? s->n_after : s->n_before;
    for (uint32_t i = 0; i < n; i++)
        (void)view_reached(v, from[i].cause_ms);
    n = ledger_as_of(from, n, v->upto_ms, s->view);
    *ret = (struct ledger_view){ .from_ms = s->from_ms };
    for (uint32_t i = 0; i < n; i++) {
        struct ledger_list *list = &ret->list[s->view[i].kind];
        list->v = list->n ? list->v : &s->view[i];
        list->n++;
    }
}

static bool has_record(struct engine *e, struct slice key)
{
    const struct record *r = record_cache_get(e->cache, key);
    return r && r->log.n;
}

void ledger_commit(struct track_view *v)
{
    struct engine *e = v->e;
    for (uint32_t i = 0; i < e->n_ledger_ops; i++) {
        if (seen_before(e, i))
            continue;
        struct record *r = record_cache_put(e->cache, ledger_key(v, e->ledger_ops[i].customer));
        size_t before = r ? record_bytes(r) : 0;
        bool empty = r && r->log.n == 0;
        if (!r || !fill(v, e->ledger_ops[i].customer) ||
            ledger_pack(e->ledger.after, e->ledger.n_after, &e->record_bytes, &r->log) < 0) {
            e->no_memory = true;
            return;
        }
        e->stats.ledger_capped += e->ledger.dropped;
        e->stats.unacquired += empty && e->ledger.n_after && !has_record(e, e->ledger_ops[i].customer);
        record_cache_touch(e->cache, r, true);
        record_cache_resized(e->cache, r, before);
    }
}

void ledger_release(struct engine *e)
{
    free(e->ledger_ops);
    free(e->ledger.before);
    free(e->ledger.after);
    free(e->ledger.view);
}

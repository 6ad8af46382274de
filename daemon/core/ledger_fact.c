/* Facts as items of a customer's ledger (segment_by: rfm): what happened to a customer counts in the RFM segment that the customer was in just before, and
 * that follows from the sales in the same ledger. So the fact travels there, packed, and the customer's tracker says it again with the segment alone.
 *
 * Packed: u8 type, then per number that the fact has u8 number + 1, svarint; u8 0; texts; evidence, svarint of its time. */
#include "crmpulse/customer_value.h"
#include "engine_int.h"
#include "track_customer.h"

bool ledger_fact_pack(const struct fact *f, struct bytes *to)
{
    char byte = (char)f->type;
    int rc = bytes_put(to, &byte, 1);
    for (uint64_t left = f->has; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        byte = (char)(i + 1);
        rc |= bytes_put(to, &byte, 1);
        rc |= bytes_put_svarint(to, f->n[i]);
    }
    byte = 0;
    rc |= bytes_put(to, &byte, 1);
    for (int i = 0; i < FT_COUNT; i++)
        rc |= bytes_put_text(to, f->s[i]);
    rc |= bytes_put_text(to, f->evidence);
    rc |= bytes_put_svarint(to, f->evidence_ms);
    return rc >= 0;
}

bool ledger_fact_unpack(struct slice packed, struct fact *f)
{
    struct reader r = { packed.p, packed.p + packed.n, packed.n > 0 };
    if (!packed.n || (uint8_t)*r.p >= FACT_TYPE_COUNT)
        return false;
    f->type = (enum fact_type)(uint8_t)*r.p++;
    while (r.ok && r.p < r.end && *r.p) {
        int i = (uint8_t)*r.p++ - 1;
        int64_t value = read_svarint(&r);
        if (i >= FN_COUNT)
            return false;
        fact_set(f, (enum fact_number)i, value);
    }
    if (r.p >= r.end)
        return false;
    r.p++;
    for (int i = 0; i < FT_COUNT; i++)
        f->s[i] = read_text(&r);
    f->evidence = read_text(&r);
    f->evidence_ms = read_svarint(&r);
    return r.ok;
}

/* A customer that had not bought before is in no segment. */
static void again(struct track_view *v, const struct customer_case *c, const struct ledger_item *item)
{
    int segment = rfm_segment_at(c, item->t_ms - 1);
    struct fact told = { .t_ms = item->t_ms };
    if (segment < 0 || !ledger_fact_unpack(item->text[0], &told))
        return;
    struct fact *f = view_fact(v, told.type, item->t_ms);
    *f = told;
    f->member = c->base->member;
    f->dim[DIM_SEGMENT] = slice_of(rfm_segment_name((enum rfm_segment)segment));
    f->no_org = true;
}

void segment_facts(struct track_view *v, const struct customer_case *c)
{
    const struct ledger_list *list = &c->ledger.list[LEDGER_FACT];
    for (uint32_t i = 0; c->rules->segment_by_rfm && i < list->n; i++)
        for (int32_t same = 0; same < list->v[i].n && list->v[i].t_ms >= c->ledger.from_ms; same++)
            again(v, c, &list->v[i]);
}

/* What numbers are made of: counts, money or time. It only answers where the fields of the facts tell. */
#include "crmpulse/fact_slot.h"
#include "loader.h"

int slot_measure(const struct definitions *d, int slot)
{
    if (slot >= SLOT_REF)
        return d->ref[slot - SLOT_REF].measure;
    return slot >= SLOT_BUILTIN ? -1 : slot / MEASURE_PARTS;
}

static int slot_part(const struct definitions *d, int slot)
{
    return slot >= SLOT_REF ? d->ref[slot - SLOT_REF].part : slot % MEASURE_PARTS;
}

static uint32_t field_content(int slot)
{
    switch (slot) {
    case FACT_SLOT_NUMBER + FN_AMOUNT:
    case FACT_SLOT_NUMBER + FN_WEIGHTED:
    case FACT_SLOT_NUMBER + FN_COST:
        return CONTENT_MONEY;
    case FACT_SLOT_NUMBER + FN_CYCLE_MS:
    case FACT_SLOT_NUMBER + FN_LEAD_CYCLE_MS:
    case FACT_SLOT_NUMBER + FN_QUALIFY_MS:
    case FACT_SLOT_NUMBER + FN_FRT_MS:
    case FACT_SLOT_NUMBER + FN_RES_MS:
    case FACT_SLOT_NUMBER + FN_COMPLAINT_MS:
    case FACT_SLOT_NUMBER + FN_DURATION_MS:
        return CONTENT_TIME;
    case FACT_SLOT_NUMBER + FN_N:
    case FACT_SLOT_NUMBER + FN_ITEMS:
    case FACT_SLOT_NUMBER + FN_USES:
        return CONTENT_COUNT;
    default:
        return CONTENT_OTHER;
    }
}

static uint32_t value_content(const struct expr *value)
{
    uint32_t n, all = 0;
    const int *slot = expr_slots(value, &n);
    for (uint32_t i = 0; i < n; i++)
        all |= field_content(slot[i]);
    return n ? all : CONTENT_COUNT;
}

static uint32_t measure_content(const struct loader *l, const struct measure_def *m, int depth)
{
    uint32_t n, all = 0;
    if (m->agg == AGG_COUNT || m->agg == AGG_DISTINCT)
        return CONTENT_COUNT;
    if (m->agg == AGG_DURATION)
        return CONTENT_TIME;
    if (m->agg != AGG_DERIVED)
        return m->value ? value_content(m->value) : CONTENT_OTHER;
    if (!m->derived || depth > 32)
        return CONTENT_OTHER;
    const int *slot = expr_slots(m->derived, &n);
    for (uint32_t i = 0; i < n; i++)
        all |= slot_measure(l->defs, slot[i]) < 0
                   ? CONTENT_OTHER
                   : measure_content(l, &l->defs->measure[slot_measure(l->defs, slot[i])], depth + 1);
    return all;
}

uint32_t formula_content(const struct loader *l, const struct expr *e)
{
    uint32_t n, all = 0;
    const int *slot = expr_slots(e, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (slot_measure(l->defs, slot[i]) < 0)
            continue; /* elapsed and days scale, they do not make money of counts */
        const struct measure_def *m = &l->defs->measure[slot_measure(l->defs, slot[i])];
        all |= slot_part(l->defs, slot[i]) == PART_N ? CONTENT_COUNT : measure_content(l, m, 0);
    }
    return all;
}

/* Fields of facts as slots of expressions: what `where` and `value` of a measure are compiled over (config) and read with (core). */
#ifndef CRMPULSE_FACT_SLOT_H
#define CRMPULSE_FACT_SLOT_H

#include "crmpulse/expr.h"
#include "crmpulse/fact.h"

/* Slot numbers: base + enumerator. `kind` is the text field, not the dimension; the org is no slot. */
enum {
    FACT_SLOT_NUMBER = 0,                /* + enum fact_number */
    FACT_SLOT_TEXT = FN_COUNT,           /* + enum fact_text */
    FACT_SLOT_DIM = FN_COUNT + FT_COUNT, /* + enum dim, DIM_TEAM .. DIM_SEGMENT */
    FACT_SLOT_MEMBER = FACT_SLOT_DIM + DIM_COUNT
};

/* A name in a measure's `where` or `value`: a fact number, a fact text, "team" .. "segment", "member". -1 if unknown. */
int fact_slot_by_name(struct slice name);
const char *fact_slot_name(int slot); /* NULL if `slot` is none */

/* expr_load over a `const struct fact *`: null for a number that the fact does not have and for empty text. Texts are borrowed. */
struct expr_value fact_slot_load(void *fact, int slot);

#endif

/* Reading the texts of views, boards, alerts and scorecards as daemon/commit.c writes them. Pure. A text that is not what it should be is passed over. */
#ifndef CRMPULSE_HTTP_SHOWN_H
#define CRMPULSE_HTTP_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "crmpulse/slice.h"

/* "<dim>:<subject>|<id>"; the subject still escaped. */
struct shown_field {
    struct slice dim, subject, id;
};
bool shown_field(struct slice text, struct shown_field *ret);
/* "<rule>|<dim>:<subject>" */
bool shown_rule_field(struct slice text, struct shown_field *ret);

/* The first word, which is cut off; false: nothing is left. */
bool shown_word(struct slice *rest, char between, struct slice *ret);
/* "name=value" of a word that begins with "name="; p NULL: it does not. */
struct slice shown_named(struct slice word, const char *name);
/* What JSON takes as a number, or "null". */
bool shown_number(struct slice text);

struct shown_value {
    struct slice value;                  /* a number or "null" */
    struct slice numerator, denominator; /* p NULL: it is no ratio */
    struct slice count, sum, p50, p90;   /* p NULL: it is no distribution */
    struct slice extras;                 /* "new=3,returning=null"; empty: none */
};
bool shown_value(struct slice text, struct shown_value *ret);

#endif

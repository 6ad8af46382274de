/* Reading measures: one number of one measure in a window. */
#ifndef CRMPULSE_CORE_KPI_READ_H
#define CRMPULSE_CORE_KPI_READ_H

#include "kpi_value.h"

struct measure_reader {
    const struct reading *r;
    struct subject *s;         /* read from: the row's, or the org */
    const struct subject *row; /* the row's */
    enum compared prev;
    int depth;
    bool at_start;  /* levels: at the start of the window */
    int32_t age;    /* of cohorts, in intervals */
    int32_t year;   /* of a reading year by year, 1 the first */
    bool prev_zero; /* a comparison value was read and is 0 */
    uint32_t flags;
    const struct reading *own;     /* the row's */
    bool own_cut;                  /* its window begins before what is kept */
    int64_t kept_ms, kept_fine_ms; /* hour and minute panes are kept from here on: see VALUE_INCOMPLETE */
};

/* Of a row: in the reading's own window, or where it is compared. O(1). */
struct measure_reader measure_reader_of(const struct reading *r, struct subject *s);

/* Something from that instant on is to be read: without what the store has dropped there is no figure. */
void measure_needs(struct measure_reader *m, int64_t from_ms);
/* The same of a measure in the reader's window, for those who read its series themselves. */
void measure_needs_window(struct measure_reader *m, const struct measure_def *def);

/* expr_load over a struct measure_reader: slots as in defs.h. */
struct expr_value measure_load(void *ctx, int slot);

/* A part of a measure in the reader's window. */
struct expr_value measure_part_value(struct measure_reader *m, int measure, enum measure_part part);

/* From here on what is read of `s` in the present windows of a view is remembered, until memo_end; no cell may change meanwhile. */
void memo_begin(struct evaluator *e, enum view_id v, const struct subject *s);
void memo_end(struct evaluator *e);

int64_t measure_sum(struct measure_reader *m, struct series *s); /* over the window; NULL counts 0 */
struct node *measure_node(const struct measure_reader *m, int measure);

/* Span that a measure is summed over: whole hours where it has no minute panes, the cycle to date in a gauge window. */
struct span measure_span(const struct measure_reader *m, const struct measure_def *def, enum compared prev);

/* The instant as-of measures are read at. */
int64_t as_of_ms(const struct measure_reader *m, enum compared prev);

/* From where on steps of a level do not count: the end (or start) of the window, at most the end of the hour asked for. */
int64_t level_cut_ms(const struct measure_reader *m, const struct measure_def *def, bool at_start);

#endif

/* Cells: where numbers live. A cell is (org, grain, pane, field) -> int64; its field is text a person can read in redis-cli:
 *
 *   <dim>:<subject>|<measure>            counts, sums; a distinct measure's rolling histogram; a gauge
 *   <dim>:<subject>|<measure>.n .sum     durations: count and sum          <measure>#<bin>   durations: DDSketch bin
 *   <dim>:<subject>|<measure>#<value>    min and max: how often the value stands
 *   <dim>:<subject>|<measure>.d .w .m .q .h .y   distinct, once per civil period, in the pane where the period starts
 *   <dim>:<subject>|<measure>.new.d .ret.d .res.d .dor.d (likewise .w .m)   lifecycle; .dor counts positive
 *   <dim>:<subject>|<measure>.cohort.w.<age>     members first active in the week of the pane, active again <age> weeks later (likewise .d .m)
 *   <dim>:<subject>|<measure>.return.w.<age> .last.w.<age>   of these, active for the second and for the last time then
 *   <dim>:<subject>|<measure>.first .trail       members by the pane of their first fact; by day, active in the trailing days to its end
 *
 *   <dim>:<subject>|<measure>.moved#<pane>   as-of measures: what entered or left that pane, in the hour pane of the cause; pane 0: steps of a gauge
 *
 * A delta whose cause still lies ahead is parked: key pane:<org>:f:<hour of the cause>, field "<cause>|<grain>|<pane>|<field>" (ARCHITECTURE.md).
 *
 * Subjects are escaped: every byte below 0x21, 0x7f and any of | : # { } % " ' < > & becomes %XX; so a field cannot be forged. */
#ifndef CRMPULSE_CELL_H
#define CRMPULSE_CELL_H

#include "crmpulse/fact.h"

#define CELL_MOVED ".moved"

enum cell_grain {
    CELL_MINUTE = 'm',
    CELL_HOUR = 'h',
    CELL_GAUGE = 'g',  /* pane_ms is 0: one running total */
    CELL_PARKED = 'f', /* of a key only: cells of any grain, by cause */
    CELL_EVIDENCE =
        'e' /* in the feed only, no cell: "<field>@<event id>", pane_ms = time the fact counts at (daemon/core/evidence.h) */
};

/* One change of one cell. */
struct cell_delta {
    struct slice org;
    struct slice field;
    enum cell_grain grain;
    int64_t pane_ms; /* start of the pane */
    int64_t
        cause_ms; /* event time of what made the change: a view judged at T holds exactly the deltas with cause_ms < T */
    int64_t value;
    bool
        ahead; /* the passing of time makes it (fact.from_ms), no event: the store may park it until its cause (cell_delta_parks) */
    bool exact; /* a batch keeps its causes apart: a rule dates changes by them. Not stored */
};

struct cell_field {
    enum dim dim;
    struct slice subject; /* still escaped */
    struct slice measure;
    struct slice part; /* after the first '.', without it; empty if none */
    bool has_sub;
    int64_t sub; /* after '#' */
};

/* Whether a flush parks the delta: time alone makes it, later than anything that has happened. `newest_ms`: newest event time, INT64_MIN if none. */
static inline bool cell_delta_parks(const struct cell_delta *d, int64_t newest_ms)
{
    return d->ahead && d->cause_ms > newest_ms;
}
/* Start of the hour of a cause: parked deltas of one hour share a key. */
int64_t cell_parked_hour(int64_t cause_ms);
/* "<cause>|<grain>|<pane>|<field>"; length, or 0 if cap is too small. */
size_t cell_parked_field(const struct cell_delta *d, char *buf, size_t cap);
/* The inverse: cause, grain, pane and field, which borrows. -1 if it is none. */
int cell_parked_parse(struct slice parked, struct cell_delta *ret);

/* Split the key of a pane, "pane:<org>:<grain>:<start>", into org (unescaped into buf), grain and pane. -1 if it is none, if its start is no time of
 * the calendar or the org does not fit. */
int cell_pane_parse(struct slice key, char *buf, size_t cap, struct cell_delta *ret);

/* Split a field; -1 if it is none. */
int cell_field_parse(struct slice field, struct cell_field *ret);

/* Escape `raw` into buf (worst case 3 bytes per byte). Returns the length, or 0 if cap is too small. */
size_t cell_escape(struct slice raw, char *buf, size_t cap);
/* The inverse; malformed escapes stay as they are. */
size_t cell_unescape(struct slice escaped, char *buf, size_t cap);

/* The feed: deltas of one flush as bytes, self-contained (strings are stored once). */
struct feed_writer;                                 /* opaque, reused */
struct feed_writer *feed_writer_new(uint64_t seed); /* of its hash; the bytes do not depend on it */
void feed_writer_free(struct feed_writer *w);
void feed_writer_clear(struct feed_writer *w);
int feed_writer_add(struct feed_writer *w, const struct cell_delta *d); /* 0 or -1 (out of memory) */
struct slice feed_writer_bytes(struct feed_writer *w);                  /* valid until the next add or clear */

/* Walk a feed entry; `each` gets deltas that borrow from `bytes`. Returns 0, or -1 if the bytes are malformed (no call is undone). */
int feed_read(struct slice bytes, int (*each)(void *ctx, const struct cell_delta *d), void *ctx);

#endif

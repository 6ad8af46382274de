/* What decides in which cells an event is booked: the definitions of measures and the dimensions they are kept in, the switches that trackers obey, the
 * calendars and currencies of orgs. It is written beside the cells (cp:{s}:booked), so that nobody reads them under another definition's name, and nobody
 * goes on booking by another one: a correction would withdraw what was never counted.
 *
 * Rows follow from the definitions: a switch decides what is booked if the formula of a measure with cells uses it, or the engine takes it over
 * (switches.c). All others only decide how cells are read. Pure; part of the configuration. */
#ifndef CRMPULSE_BOOKING_H
#define CRMPULSE_BOOKING_H

#include "crmpulse/slice.h"

struct config;

/* Keys: "measure:ID" -> hash of the definition, dimensions, "fine" with minute panes; "switch:NAME" -> value; "org:ID" and "holidays:ID". */
struct booking_row {
    char *key, *value;
    uint64_t switches; /* bit per switch (config.switches) that this row depends on */
    bool informs;      /* not compared by itself: a switch that acts by way of measures, or when cells are read */
};

struct booking {
    uint32_t n;
    struct booking_row *row;
    char hash[17]; /* of all keys and values */
};

void booking_release(struct booking *b);

/* What a shard holds. */
struct booked {
    const struct slice *pair; /* key, value, key, value .. */
    uint32_t n_pairs;         /* 0: nothing is known */
    const struct slice *pane; /* keys of its panes: an org that has none may be defined anew */
    uint32_t n_panes;
    int64_t newest_ms; /* newest event, INT64_MIN: none; holidays after it are not booked yet */
};

enum booking_match {
    BOOKING_SAME,
    BOOKING_FREE,    /* differs in nothing that is booked, or books less */
    BOOKING_UNKNOWN, /* the shard says nothing */
    BOOKING_OTHER,   /* cells would be missing or mean another thing */
    BOOKING_CURRENCY /* that too, and amounts in two currencies would be added: nobody may accept it */
};

enum { BOOKING_WHY_MAX = 1000 };

/* Compare what a configuration books with what a shard holds. `why` gets the differences for people, the first of many, "" if none. O(rows x pairs). */
enum booking_match booking_compare(const struct config *c, const struct booked *held, char why[static BOOKING_WHY_MAX]);

/* Whether pair i of what a shard holds stays beside what a configuration books: it tells of an org that the configuration does not know, whose cells are still
 * there. It may come back, and is compared then. O(rows + panes). */
bool booking_keeps(const struct config *c, const struct booked *held, uint32_t i);

#endif

/* From CSV rows to events: a mapping written in YAML (docs in config/maps/), and its conversion.
 *
 *   lookups:                                   # values to values; what is not listed stays as it is
 *     priority: { urgent: 1, high: 2 }
 *   tables:                                    # rows of other files, joined to the present row
 *     team: { file: teams.csv, key: agent, of: "{sales_agent}", where: ["{team.since} <= {day}"], best: [since] }
 *   every: { org_id: acme }                    # fields of all events
 *   events:
 *     - type: deal_opened
 *       rows: pipeline.csv                     # default: the file named by the caller
 *       when: ["{engage_date} present", "{stage} = Won|Lost"]
 *       fields:
 *         event_id: "{id}-1-open"
 *         occurred_at_ms: { text: "{engage_date}", date: "%d/%m/%Y", at: "12:00", plus: "{delay}", unit: min }
 *
 * A text holds {column}, {table.column}, {column|lookup}, {row} (the row's number from 0) or {row:5} (padded with zeros); {{ is
 * a brace. If one of them is empty, so is the whole, and an empty field is absent. Conditions: A present, A absent, A = B|C,
 * A != B|C, and A < B (<= > >=), by number if both are numbers, else by bytes. The field's kind says how the text is read: money
 * is in units of the currency, MILLI fields in units, durations and `plus` in `unit` (ms s min h d), times in UTC. middle_of: [A, B]
 * is the instant halfway between two. `best`: of several rows of a table, the one largest in these columns; default the first.
 *
 * Reads no files itself: bytes come through map_read. Does not validate events. */
#ifndef CRMPULSE_MAP_H
#define CRMPULSE_MAP_H

#include "crmpulse/arena.h"
#include "crmpulse/event.h"

struct map;

struct map_calls {
    void *ctx;
    /* Bytes of a CSV file by the name the mapping uses; they stay valid. 0 or -1 (reported by the callee). */
    int (*read)(void *ctx, struct slice file, struct slice *ret_bytes);
    /* A mistake: of the mapping (column > 0) or of a row. */
    void (*problem)(void *ctx, struct slice file, uint32_t line, uint32_t column, const char *message);
    /* An event; its texts live until map_free. Non-zero ends the conversion. */
    int (*event)(void *ctx, const struct event *ev, struct slice file, uint32_t line);
};

/* Reads the mapping; NULL after at least one problem. `yaml` must stay valid. */
struct map *map_new(const char *name, struct slice yaml, const struct map_calls *calls);

/* Converts all rows, in order of the mapping's events and then of rows. Events with a field that cannot be read are problems and
 * left out. Returns 0, -1 if a file or a column is missing, or what `event` returned. */
int map_convert(struct map *map, struct slice main_file);

void map_free(struct map *map);

#endif

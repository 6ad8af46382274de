/* What the demo shows, read from the daemon's views in Redis as anyone could: see the key list in daemon/commit.c. */
#ifndef CRMPULSE_DEMO_VIEW_H
#define CRMPULSE_DEMO_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIEW_ROWS_MAX = 64, VIEW_ALERTS_MAX = 16, VIEW_TILES = 12, VIEW_NAME_MAX = 512 };

enum tile_unit { TILE_MONEY, TILE_COUNT, TILE_SHARE, TILE_DURATION };

/* Which field of which view a tile shows. */
struct tile_info {
    const char *id;    /* in plain output */
    const char *title; /* on the screen */
    const char *window, *kpi;
    const char *part; /* of a duration: "p50="; else NULL */
    enum tile_unit unit;
};
extern const struct tile_info tile_info[VIEW_TILES];

struct view_tile {
    bool known;
    double value; /* as in the view: micros, a count, a share, ms */
};

struct view_row {
    char key[VIEW_NAME_MAX];  /* as in Redis, escaped */
    char name[VIEW_NAME_MAX]; /* as it was sent; may hold anything */
    int rank, movement;
    double value_micros, gap_micros;
    bool has_target;
    double attained; /* of this month's target; 1 is all of it */
};

/* A change of an alert's state that was seen. */
struct view_alert {
    char key[VIEW_NAME_MAX];  /* "<rule>|<dim>:<subject>", escaped */
    char id[80];              /* of the transition */
    char text[VIEW_NAME_MAX]; /* "<rule> <dim>:<subject>", as it was sent */
    char state[16], level[16];
    double value;
    int64_t samples, at_ms;
};

struct view {
    void *redis; /* redisContext */
    struct view_tile tile[VIEW_TILES];
    uint32_t n_rows;
    struct view_row row[VIEW_ROWS_MAX];       /* by rank */
    uint32_t n_alerts;                        /* seen so far; the newest VIEW_ALERTS_MAX are kept */
    struct view_alert alert[VIEW_ALERTS_MAX]; /* number i lies at i % VIEW_ALERTS_MAX */
};

/* True once connected; may be tried again and again. */
bool view_open(struct view *v, const char *socket_path);

/* Reads everything anew. 0, or -1 if Redis does not answer. */
int view_read(struct view *v);

/* Is there anything to show yet? */
bool view_has_numbers(const struct view *v);

void view_close(struct view *v);

#endif

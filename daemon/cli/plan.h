/* What `crmpulse appraise` and `crmpulse tco` share: the command line, one YAML file read with the configuration's messages, and three outputs that are
 * filled together: text, JSON and bars. Nothing is printed when the file has an error. */
#ifndef CRMPULSE_CLI_PLAN_H
#define CRMPULSE_CLI_PLAN_H

#include "crmpulse/cost_return.h"
#include "daemon/codec/json_text.h"
#include "daemon/config/loader.h"
#include "svg_chart.h"

enum { PLAN_LIST_MAX = 1024 };

struct plan {
    struct loader *l;        /* for the messages only: no configuration is loaded */
    const struct node *root; /* a map */
    struct slice title;
    struct arena arena;
    struct json_text json; /* inside the outer object */
    FILE *text;
    struct svg_chart chart;
};

/* Runs one command: `evaluate` reads p->root, reports what is wrong with it and fills the outputs. Returns the exit code. */
int plan_command(int argc, char **argv, const char *what, void (*evaluate)(struct plan *p));

/* Reading; false after reporting ---------------------------------------------------------------------------------------------------------------- */

/* A list of numbers; `want_n` 0: 1..`max`. */
bool plan_numbers(struct plan *p, const struct node *n, uint32_t want_n, uint32_t max, double *ret, uint32_t *ret_n);
/* A key of a map; `fallback` NULL: it must be there. `low`..`high` inclusive. */
bool plan_number(struct plan *p, const struct node *owner, const struct node *map, const char *key,
                 const double *fallback, double low, double high, double *ret);
/* The same as money: value x scale in micros. */
bool plan_money(struct plan *p, const struct node *owner, const struct node *map, const char *key, double scale,
                int64_t *ret_micros);
/* `value` x `scale` as micros; reported at `at` if it does not fit. */
bool plan_micros(struct plan *p, const struct node *at, double value, double scale, int64_t *ret_micros);
uint32_t plan_count(const struct node *parent);

/* JSON members ---------------------------------------------------------------------------------------------------------------------------------- */

void plan_json_number(struct plan *p, const char *key, double value);
void plan_json_figure(struct plan *p, const char *key, struct figure f);
void plan_json_text(struct plan *p, const char *key, const char *value);
void plan_json_numbers(struct plan *p, const char *key, const double *value, uint32_t n);

/* A bar whose text is the number with `digits` decimals. */
void plan_bar(struct plan *p, struct slice label, double value, int digits);
/* The number with `digits` decimals, or "-" for null; `buf` is returned. */
const char *plan_figure_text(struct figure f, int digits, char buf[32]);

#endif

/* What the parts of the loader share: the problems, the files read, the definitions found and helpers to read one value. Not for other modules.
 *
 * Order of work (load.c): files -> switches -> orgs, runtime keys -> measures -> KPIs -> boards, rules, scorecards -> closure (which measure needs
 * which dimension and pane, hashes). A step after an error still runs, so that every problem is found in one go. */
#ifndef CRMPULSE_CONFIG_LOADER_H
#define CRMPULSE_CONFIG_LOADER_H

#include "crmpulse/config.h"
#include "node.h"

enum section_id {
    SECTION_SWITCHES,
    SECTION_ORGS,
    SECTION_MEASURES,
    SECTION_KPIS,
    SECTION_BOARDS,
    SECTION_RULES,
    SECTION_SCORECARDS,
    SECTION_COUNT
};

/* One definition; its index is the index of the compiled one. */
struct entry {
    struct slice id;
    struct node *key;
    struct node *map;    /* its value */
    const char *formula; /* canonical text of what it computes, with the texts of what it uses; NULL until known */
    uint64_t switches;   /* bit per switch that it or anything it uses depends on */
    uint64_t books;      /* measures with cells: bit per switch that decides what lies in them */
    int *slot; /* what its formulas name in any branch: cells are kept for those not taken too, so that a switch */
    uint32_t n_slots, cap_slots; /* which only decides what is read can be turned at any time; arena */
    const char
        *identity;  /* KPIs: formula with everything that makes a value another value, without windows and dimensions */
    uint32_t visit; /* 0 new, 1 in work, 2 done: for what refers to its own kind */
};

struct section {
    uint32_t n, cap;
    struct entry *v;
};

enum { SWITCHES_MAX = 64, SWITCH_VALUES_MAX = 12, FILES_MAX = 256 };

struct switch_def {
    struct slice name;
    bool number;
    bool list; /* any words; `chosen` holds them with a blank between */
    uint32_t n_values;
    struct slice value[SWITCH_VALUES_MAX];
    struct slice chosen;
};

struct file {
    struct source *source;
    struct node *root; /* NULL: empty or unreadable */
    char *real;        /* resolved path, NULL for what is no file; owned */
    char *owned;       /* bytes, if read by us; owned */
};

struct loader {
    struct arena arena;
    struct config *config;
    struct definitions *defs; /* &config->defs */
    struct config_problems *problems;
    uint32_t first_problem; /* those before it are not ours */
    uint32_t n_errors;
    bool no_catalogue;
    struct node *given; /* a map that takes the place of the file, NULL: none */
    uint32_t n_files;
    struct file file[FILES_MAX]; /* in loading order: included, the file itself, built-in, --set */
    struct section section[SECTION_COUNT];
    uint32_t n_switches;
    struct switch_def switches[SWITCHES_MAX];
    uint64_t everywhere; /* bit per switch that every KPI depends on */
    uint64_t obeyed;     /* bit per switch that the engine or a tracker obeys, whatever the formulas say */
    bool lateness_given, orphan_wait_given;
    const struct node *by_customer; /* list of KPIs that are kept by customer, NULL: none */
    const struct node *receivers;   /* map of notify.receivers, NULL: none */
};

/* problems.c ------------------------------------------------------------------------------------------------------------------------------------ */
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
void report(struct loader *l, const struct node *at, const char *format, ...) PRINTF(3, 4);
void report_warning(struct loader *l, const struct node *at, const char *format, ...) PRINTF(3, 4);
/* At byte `offset` of a scalar's text. */
void report_inside(struct loader *l, const struct node *scalar, uint32_t offset, const char *format, ...) PRINTF(4, 5);
void report_place(struct loader *l, const char *file, struct position at, const char *format, ...) PRINTF(4, 5);
void report_memory(struct loader *l);
/* Into the order of files as loaded, then lines. */
void problems_sort(struct loader *l);

/* suggest.c: "; did you mean 'brokers'?" -------------------------------------------------------------------------------------------------------- */
struct suggest {
    struct slice word, best;
    uint32_t distance;
    char text[200];
};
void suggest_begin(struct suggest *s, struct slice word);
void suggest_try(struct suggest *s, struct slice candidate);
const char *suggest_text(struct suggest *s); /* "" if nothing is near */

/* values.c: one value each; false after reporting what is wrong. A NULL node is reported by nobody: check first. --------------------------------- */
bool value_text(struct loader *l, const struct node *n, struct slice *ret);
bool value_flag(struct loader *l, const struct node *n, bool *ret);
bool value_int(struct loader *l, const struct node *n, int64_t min, int64_t max, int64_t *ret);
bool value_double(struct loader *l, const struct node *n, double *ret);
bool value_duration(struct loader *l, const struct node *n, int64_t min_ms, int64_t max_ms,
                    int64_t *ret_ms); /* "250ms" "10s" "5m" "1h" "30d" */
bool value_size(struct loader *l, const struct node *n, int64_t min, int64_t max,
                int64_t *ret_bytes); /* "512" "64KiB" "64MiB" "1GiB" */
/* Index into a NULL-terminated list of words, or -1. `what` names the thing in the message. */
int value_choice(struct loader *l, const struct node *n, const char *const *words, const char *what);
int find_word(struct slice text, const char *const *words);
bool value_window(struct loader *l, const struct node *n, struct window *ret);
/* Switch rolling_days: rolling windows of whole days as civil days. */
void window_by_switch(struct loader *l, struct window *w);
bool value_dims(struct loader *l, const struct node *n, uint32_t *ret_bits);
bool value_dim(struct loader *l, const struct node *n, enum dim *ret);
/* "4h", "0.85", "-3": durations only where the unit is UNIT_MS. */
bool number_of(struct slice text, enum unit unit, double *ret);
bool duration_of(struct slice text, int64_t *ret_ms);
/* NULL, after reporting, unless `n` is of that kind. */
const struct node *want_map(struct loader *l, const struct node *n, const char *what);
const struct node *want_list(struct loader *l, const struct node *n, const char *what);
/* Report every key of `map` that is not in the NULL-terminated list. */
void check_keys(struct loader *l, const struct node *map, const char *const *known, const char *what);
/* The value of a key that must be there; else reported at `owner` (a key or map). */
const struct node *require(struct loader *l, const struct node *owner, const struct node *map, const char *key);
bool plain_id(struct slice text);                     /* lower case letters, digits and _ */
char *copy_text(struct loader *l, struct slice text); /* malloc, for the config */

/* files.c --------------------------------------------------------------------------------------------------------------------------------------- */
/* Reads everything: built-in files, `path` with its includes, overrides. Roots are maps. */
void files_read(struct loader *l, const char *path, const struct config_load_options *opt);
void files_release(struct loader *l);
/* A text made up by the loader, in the arena, as a built-in file; its index, -1 after reporting. */
int files_add_text(struct loader *l, const char *name, struct slice text);

/* sections.c ------------------------------------------------------------------------------------------------------------------------------------ */
void sections_collect(struct loader *l);
/* The sections of a text made up by the loader, as if it were one more file. `name` is said in messages. */
void sections_add(struct loader *l, const char *name, struct slice text);
struct entry *section_find(struct loader *l, enum section_id section, struct slice id);
/* Index of the entry an id names, or -1 after reporting. */
int section_index(struct loader *l, enum section_id section, const struct node *ref, const char *what);
void section_suggest(struct loader *l, enum section_id section, struct suggest *s);

/* keys.c ---------------------------------------------------------------------------------------------------------------------------------------- */
void keys_default(struct loader *l);
void keys_load(struct loader *l, const struct node *key); /* one top-level key of a file, e.g. kafka */
bool keys_is_section(struct slice name);
void keys_suggest(struct suggest *s);
void keys_finish(struct loader *l);
/* The node that a key got its value from: the last file that gives it. NULL: none. */
const struct node *keys_given_at(const struct loader *l, const char *section, const char *name);
/* security.c: keys that do not go together. */
void security_check(struct loader *l);
/* May this librdkafka property stand in a file? False after reporting. */
bool security_property(struct loader *l, const struct node *key, struct slice value);

/* formula.c: switches resolved, then compiled ------------------------------------------------------------------------------------------------------ */
enum scope {
    SCOPE_FACT,    /* fields of facts */
    SCOPE_DERIVED, /* measures, not prev nor builtins */
    SCOPE_FORMULA, /* measures and builtins */
    SCOPE_DURATION /* the name of one duration measure */
};
struct formula {
    struct expr *expr;     /* owned by the caller */
    const char *canonical; /* in the arena */
    uint64_t switches;
    const int *slot; /* of all branches, also those that the switches do not take; in the arena */
    uint32_t n_slots;
};
/* false after reporting. */
bool formula_compile(struct loader *l, const struct node *n, enum scope scope, struct formula *ret);
/* Note what a formula of an entry names. */
void formula_note(struct loader *l, struct entry *e, const struct formula *f);
/* The text with switches and if() over switches resolved, brackets around all of it removed. */
bool formula_resolve(struct loader *l, const struct node *n, struct slice *ret_text, uint64_t *switches);

/* reference.c: what a name stands for, as an expr_resolve over a struct scope_ctx ------------------------------------------------------------------- */
struct scope_ctx {
    struct loader *l;
    enum scope scope;
    char why[200]; /* said instead of "unknown name" */
    struct suggest suggest;
};
int resolve_field(void *ctx, struct slice name);
int resolve_measure(void *ctx, struct slice name);

/* switches.c ------------------------------------------------------------------------------------------------------------------------------------- */
void switches_load(struct loader *l);
int switch_find(struct loader *l, struct slice name);
/* Resolve into *ret (arena): `prune` drops branches not taken. at[i] is the byte of the source that byte i came from. */
struct resolved {
    char *text;
    uint32_t *at;
    uint32_t n, cap;
    uint64_t used;
};
bool switches_resolve(struct loader *l, const struct node *n, bool prune, struct resolved *ret);

/* the definitions --------------------------------------------------------------------------------------------------------------------------------- */
void orgs_load(struct loader *l);
/* hours.c: working hours and holidays of an org; either node may be NULL. */
void org_hours_load(struct loader *l, const struct node *hours, const struct node *holidays, struct org_def *ret);
void targets_load(struct loader *l); /* after the switches, before the measures: it adds to both sections */
void measures_load(struct loader *l);
void kpis_load(struct loader *l);
void boards_load(struct loader *l);
void rules_load(struct loader *l);
void scorecards_load(struct loader *l);
void closure(struct loader *l);
void reach_warn(struct loader *l);   /* reach.c: what reads further back than time.retention, as warnings */
void booking_load(struct loader *l); /* after the closure: into the config */
void notify_load(struct loader *l);  /* after orgs and rules */

/* content.c: what a number is made of, for the unit check (T2): union over the measures that an expression uses. */
enum content { CONTENT_COUNT = 1, CONTENT_MONEY = 2, CONTENT_TIME = 4, CONTENT_OTHER = 8 };
uint32_t formula_content(const struct loader *l, const struct expr *e);
/* The measure that a slot of a formula stands for, -1 for a builtin. */
int slot_measure(const struct definitions *d, int slot);

/* kpi_text.c: a KPI's formula as it is written, on one line; malloc, for the config. */
char *kpi_formula_text(struct loader *l, const struct node *kpi, enum kpi_form form);

/* boards.c */
extern const char *const ties_words[];

/* kpis.c */
extern const char *const unit_words[];
/* "mean" "p50" "p90" "p95" "p99" -> 0 50 90 95 99; false after reporting. Only durations have it. */
bool value_stat(struct loader *l, const struct node *n, const struct kpi_def *kpi, int *ret);
/* The KPI named by key `kpi` of a definition, -1 after reporting. */
int kpi_reference(struct loader *l, const struct entry *e);

/* Text under construction, in the arena. */
struct text {
    struct loader *l;
    char *p;
    uint32_t n, cap;
};
void text_put(struct text *t, const char *format, ...) PRINTF(2, 3);
uint64_t text_hash(const struct text *t);

/* card_fuzzy.c ---------------------------------------------------------------------------------------------------------------------------------- */
void card_load_fuzzy(struct loader *l, const struct node *card, struct scorecard_def *s);
/* What an item of a card reads beside the card's subject, and whether its membership in grades comes from a curve. */
void card_load_membership(struct loader *l, const struct node *key, const struct scorecard_def *s,
                          struct scorecard_item *item);
/* After all other items. */
void card_load_panel(struct loader *l, const struct node *key, const struct node *card, struct scorecard_def *s);

#endif

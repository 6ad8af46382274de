/* A test case of `crmpulse test`: configuration, events and expectations in one YAML file (docs/HOWTO.md shows the format). Private to the command. */
#ifndef CRMPULSE_TEST_CASE_H
#define CRMPULSE_TEST_CASE_H

#include "crmpulse/config.h"
#include "crmpulse/event_json.h"
#include "daemon/config/node.h"

struct test_case {
    const char *path;
    struct arena arena; /* of all nodes and texts */
    struct source source, defaults;
    char *bytes; /* of the file; owned */
    struct node *root;
    struct config_problems *problems;
    struct config *config; /* NULL: refused, as the case expects */
    uint32_t n_events;
    struct slice *event; /* JSON texts */
    int64_t now_ms;      /* processing time; default: no event lies in the future */
    int64_t until_ms;    /* judge on to here after the last event, INT64_MIN: no */
    uint32_t shuffles;   /* further runs with other orders of arrival, 0: none */
    bool judge_arrival;  /* judge after every event, as a live installation does; else once all have come */
    const struct node *expect, *boards, *alerts, *scorecards, *published;   /* lists, or NULL */
    const struct node *late, *dead_letter, *duplicates, *orphans, *waiting; /* counts, or NULL */
    uint32_t n_refused; /* messages of the configuration's problems that the case expects and that came */
};

/* Read the file at `path` and load its configuration. 0, or -1 after noting problems. Release in both cases. */
int test_case_load(struct test_case *c, const char *path, struct config_problems *problems);
void test_case_release(struct test_case *c);

/* Note a problem at a node. Always -1. */
int test_case_problem(struct test_case *c, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ISO 8601 with a zone, a date (midnight UTC) or unix ms. 0, or -1 after noting the problem. */
int test_case_time(struct test_case *c, const struct node *n, int64_t *ret_ms);

/* A whole number, with _ between digits if wanted. False if the text is none, or over 64 bits. */
bool test_case_integer(struct slice text, int64_t *ret);

/* test_case_events.c: the events as JSON texts, with defaults, ids and times filled in. 0 or -1. */
int test_case_events(struct test_case *c, const struct node *events, const struct node *defaults);

/* Report keys of `map` that are not in the NULL-terminated list. 0 or -1. */
int test_case_keys(struct test_case *c, const struct node *map, const char *const *known, const char *what);

#endif

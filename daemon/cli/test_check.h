/* Comparing what a run gave with what a case expects. Private to the command. */
#ifndef CRMPULSE_TEST_CHECK_H
#define CRMPULSE_TEST_CHECK_H

#include <jansson.h>

#include "core_run.h"
#include "test_case.h"

enum { TEST_TEXT_MAX = 256 };

/* One expectation that was not met. Texts are cut off at their size. */
struct test_failure {
    const char *file;
    uint32_t line, column;
    uint32_t order; /* 0: the events as given, else the number of the shuffled order */
    char what[64];  /* KPI, board, rule or scorecard */
    char window[64], subject[128], field[64];
    char expected[TEST_TEXT_MAX], got[TEST_TEXT_MAX];
};

struct test_report {
    uint64_t checks, failed; /* expectations compared, fields that differ */
    void (*failure)(void *ctx, const struct test_failure *f);
    void *ctx;
};

struct test_check {
    struct test_case *c;
    struct test_report *report;
    struct core_run *run;
    json_t *alerts, *published; /* arrays, as judged */
    uint32_t order;
    bool bad_case; /* an expectation that cannot be understood: problems were noted */
    bool out_of_memory;
};

/* Rows, boards, alerts, scorecards and counts of one run. */
void test_check_all(struct test_check *k);

/* test_compare.c ---- */

/* `place` names kpi, window and subject; `want` is a map whose keys are fields of `got`, but for those in the NULL-terminated list `passed_over`. */
void test_compare(struct test_check *k, const struct node *place, const struct node *want, const json_t *got,
                  const char *const *passed_over);
/* Note one failure. */
void test_fail(struct test_check *k, const struct node *place, const struct node *at, const char *field,
               const char *expected, const char *got);
/* Whether every one of these keys that `want` names is the same text in `got`. */
bool test_selects(const struct node *want, const json_t *got, const char *const *keys);

#endif

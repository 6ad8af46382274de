/* Running one test case: its events in the order given, then in shuffled orders if it wants them. Private to the command. */
#ifndef CRMPULSE_TEST_RUN_H
#define CRMPULSE_TEST_RUN_H

#include "test_check.h"

enum test_run_result {
    TEST_RUN_DONE, /* compared: report->failed says how */
    TEST_RUN_BAD,  /* an expectation cannot be understood; problems were noted */
    TEST_RUN_NO_MEMORY
};
enum test_run_result test_run(struct test_case *c, struct test_report *report);

#endif

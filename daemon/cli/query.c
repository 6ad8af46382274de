/* crmpulse query: KPI rows from what a running installation keeps in Redis, with the same code as replay. */
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "results.h"
#include "stored.h"

static int print(const struct query_args *args, const struct stored *s)
{
    struct results r;
    results_init(&r, args);
    int rc = results_print(&r, s->evaluator, s->newest_ms);
    results_release(&r);
    return rc;
}

int cmd_query(int argc, char **argv)
{
    struct query_args args = { 0 };
    struct config *config = NULL;
    int rc = query_args_parse(&args, QUERY_STORE, argc, argv, &config);
    if (rc == QUERY_ARGS_OK) {
        struct stored s;
        rc = stored_read(&s, config, "query", false);
        if (rc == EXIT_SUCCESS && *s.mixed && !args.quiet)
            fprintf(stderr, "crmpulse query: other definitions booked what is older than %s (run.accept_mixed)\n",
                    s.mixed);
        if (rc == EXIT_SUCCESS && print(&args, &s) < 0)
            rc = EXIT_FAILURE;
        stored_release(&s);
    }
    config_free(config);
    return rc;
}

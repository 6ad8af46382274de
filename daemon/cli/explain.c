/* crmpulse explain: why a rule is (not) firing for a subject, from a file of events or from what a running installation keeps in Redis.
 *
 * From a file everything is judged up to --at (default: the tick after the newest event). From Redis the state is the one judged last and the value is the
 * newest, which may be some ticks ahead. */
#include <stdio.h>
#include <stdlib.h>

#include "core_file.h"
#include "crmpulse/cli.h"
#include "explain_text.h"
#include "query_args.h"
#include "stored.h"

struct explain {
    struct config *config;
    struct query_args args;
    struct arena text;
    int rule;
    uint32_t told;
};

static int tell(void *ctx, const struct explanation *x)
{
    struct explain *e = ctx;
    const struct kpi_def *kpi = &e->config->defs.kpi[x->rule->kpi];
    e->told++;
    if (!e->args.json) {
        explain_text(stdout, kpi, x);
        return 0;
    }
    struct slice s = explain_json(&e->text, kpi, x);
    if (s.p)
        printf("%.*s\n", (int)s.n, s.p);
    arena_reset(&e->text);
    return s.p ? 0 : -1;
}

static int ask(struct explain *e, struct evaluator *evaluator, int64_t at_ms)
{
    const struct query_args *a = &e->args;
    uint32_t n_dims = a->n_dims ? a->n_dims : 1, n_subjects = a->n_subjects ? a->n_subjects : 1;
    int rc = 0;
    for (uint32_t d = 0; d < n_dims; d++)
        for (uint32_t s = 0; rc == 0 && s < n_subjects; s++) {
            const struct explain_query q = { .rule = e->rule,
                                             .dim = a->n_dims ? (int)a->dim[d] : -1,
                                             .subject = a->n_subjects ? a->subject[s] : (struct slice){ 0 },
                                             .at_ms = at_ms };
            rc = evaluator_explain(evaluator, &q, tell, e);
        }
    return rc;
}

static int from_file(struct explain *e)
{
    static const struct evaluator_sink silent = { 0 };
    struct core_run run;
    int rc = core_run_init(&run, &e->config->defs, core_file_now_ms());
    if (rc == 0)
        rc = core_file_read(&run, e->args.word[1], "explain", NULL, NULL);
    if (rc == 0 && run.newest_ms != INT64_MIN) {
        rc = e->args.n_at ? core_run_idle(&run, e->args.at_ms[0], &silent) : core_run_advance(&run, true, &silent);
        if (rc == 0)
            rc = ask(e, run.evaluator, evaluator_judged_tick(run.evaluator) - 1);
    }
    core_run_release(&run);
    return rc;
}

static int from_store(struct explain *e)
{
    struct stored s;
    int rc = stored_read(&s, e->config, "explain", true);
    if (rc == 0)
        rc = ask(e, s.evaluator, s.newest_ms == INT64_MIN ? 0 : s.newest_ms);
    stored_release(&s);
    return rc;
}

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "crmpulse explain: %s%s\n", what, value);
    return CLI_USAGE;
}

static int run(struct explain *e)
{
    e->rule = definitions_rule(&e->config->defs, slice_of(e->args.word[0]));
    if (e->rule < 0)
        return bad("no such rule: ", e->args.word[0]);
    if (e->args.n_at > 1 || (e->args.n_at && !e->args.word[1]))
        return bad("--at: one instant, and only with a file", "");
    arena_init(&e->text, 0, 0);
    int rc = e->args.word[1] ? from_file(e) : from_store(e);
    arena_release(&e->text);
    if (rc == 0 && !e->told && !e->args.quiet)
        fputs("crmpulse explain: the rule looks at no such subject\n", stderr);
    return rc < 0 ? EXIT_FAILURE : rc;
}

int cmd_explain(int argc, char **argv)
{
    struct explain e = { 0 };
    int rc = query_args_parse(&e.args, QUERY_RULE, argc, argv, &e.config);
    if (rc == QUERY_ARGS_OK)
        rc = run(&e);
    config_free(e.config);
    return rc;
}

/* The options that replay and query share: which rows, at which instants, in which form. */
#ifndef CRMPULSE_QUERY_ARGS_H
#define CRMPULSE_QUERY_ARGS_H

#include "crmpulse/config.h"
#include "crmpulse/eval.h"

enum { QUERY_LIST_MAX = 256, QUERY_WORDS_MAX = 2, QUERY_ARGS_OK = -1 };

/* replay takes a file, query none, explain a rule and perhaps a file. */
enum query_source { QUERY_FILE, QUERY_STORE, QUERY_RULE };

struct query_args {
    bool json, boards, alerts, scorecards, published, quiet;
    uint32_t n_at, n_kpis, n_windows, n_dims, n_subjects;
    int64_t at_ms[QUERY_LIST_MAX];
    int kpi[QUERY_LIST_MAX];
    struct window window[QUERY_LIST_MAX];
    enum dim dim[QUERY_LIST_MAX];
    struct slice subject[QUERY_LIST_MAX];
    const char *word[QUERY_WORDS_MAX]; /* what is no option, in order; NULL: not given */
    struct board_around around;        /* --around; subject.p NULL: not given */
};

/* Parse, load the configuration and resolve names with it. QUERY_ARGS_OK, or the exit code to end with (0 after --help; the message is printed). */
int query_args_parse(struct query_args *q, enum query_source source, int argc, char **argv, struct config **ret_config);

/* The query, borrowing from both; without --at the instant is *default_at_ms. */
void query_args_fill(const struct query_args *q, const int64_t *default_at_ms, struct row_query *ret);

#endif

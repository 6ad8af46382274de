/* One advance's results as a row of store commits, each of bounded size: a script keeps Redis from everybody else while it runs.
 *
 * Views, rows, boards and scorecards go first: writing them again does no harm, their ids are those of the values. Alert transitions, the judged state
 * they come from and the feed's trimming go together in the last part. So what is lost between two parts is made again, and never told twice with
 * another id. */
#include <stdlib.h>

#include "daemon/judge_int.h"

enum { PART_ARGS = 20000, PART_OUTS = 2000 };

/* Commands on one key keep their order; keys are independent of each other. */
static int by_key(const void *a, const void *b)
{
    const struct store_op *const *x = a, *const *y = b;
    int c = slice_cmp((*x)->key, (*y)->key);
    return c ? c : (*x > *y) - (*x < *y);
}

static bool joins(const struct store_op *a, const struct store_op *b)
{
    return a->n_args && slice_eq(a->command, b->command) && slice_eq(a->key, b->key);
}

/* The run of commands that become one: HSET k a 1, HSET k b 2 -> HSET k a 1 b 2. */
static uint32_t run_of(const struct store_op *const *v, uint32_t n, uint32_t *ret_args)
{
    uint32_t k = 1;
    *ret_args = v[0]->n_args;
    while (k < n && joins(v[0], v[k]) && *ret_args + v[k]->n_args <= PART_ARGS)
        *ret_args += v[k++]->n_args;
    return k;
}

static int join(struct arena *text, const struct store_op *const *v, uint32_t n, struct store_op *to, uint32_t *ret_n)
{
    uint32_t made = 0;
    for (uint32_t i = 0, k, n_args; i < n; i += k) {
        k = run_of(v + i, n - i, &n_args);
        struct slice *args = arena_alloc(text, (n_args + 1) * sizeof *args);
        if (!args)
            return -1;
        uint32_t at = 0;
        for (uint32_t m = i; m < i + k; m++) {
            memcpy(args + at, v[m]->args, v[m]->n_args * sizeof *args);
            at += v[m]->n_args;
        }
        to[made++] = (struct store_op){ v[i]->command, v[i]->key, n_args, args };
    }
    *ret_n = made;
    return 0;
}

/* The list's operations, sorted by key and joined. */
static int compact(struct commit *c, struct commit_list *list)
{
    uint32_t n = list->n_ops;
    if (n < 2)
        return 0;
    const struct store_op **order = arena_alloc(&c->text, n * sizeof(const struct store_op *));
    struct store_op *to = arena_alloc(&c->text, n * sizeof *to);
    if (!order || !to)
        return -1;
    for (uint32_t i = 0; i < n; i++)
        order[i] = &list->op[i];
    qsort(order, n, sizeof *order, by_key);
    if (join(&c->text, order, n, to, &n) < 0)
        return -1;
    memcpy(list->op, to, n * sizeof *to);
    list->n_ops = n;
    return 0;
}

int commit_seal(struct commit *c, int64_t lease_epoch, uint64_t trim_feed_before)
{
    c->next_op = c->next_out = 0;
    c->last_built = false;
    c->lease_epoch = lease_epoch;
    c->trim_feed_before = trim_feed_before;
    return compact(c, &c->list) < 0 || compact(c, &c->last) < 0 ? -1 : 0;
}

static uint32_t ops_that_fit(const struct commit *c)
{
    uint32_t n = 0, args = 0;
    while (c->next_op + n < c->list.n_ops && (!n || args + c->list.op[c->next_op + n].n_args <= PART_ARGS))
        args += c->list.op[c->next_op + n++].n_args + 3;
    return n;
}

const struct store_commit *commit_next(struct commit *c)
{
    uint32_t n_ops = ops_that_fit(c), left = c->list.n_outs - c->next_out;
    uint32_t n_outs = left < PART_OUTS ? left : PART_OUTS;
    if (!n_ops && !n_outs) {
        if (c->last_built || (!c->last.n_ops && !c->last.n_outs && !c->trim_feed_before))
            return NULL;
        c->last_built = true;
        c->built = (struct store_commit){ c->lease_epoch, c->last.n_ops, c->last.n_outs,
                                          c->last.op,     c->last.out,   c->trim_feed_before };
        return &c->built;
    }
    c->built = (struct store_commit){
        .lease_epoch = c->lease_epoch,
        .n_ops = n_ops,
        .n_outs = n_outs,
        .op = c->list.op + c->next_op,
        .out = c->list.out + c->next_out,
    };
    c->next_op += n_ops;
    c->next_out += n_outs;
    return &c->built;
}

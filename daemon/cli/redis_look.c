/* Asking Redis one thing after the other, on a loop that turns until the answer is there. */
#include "redis_look.h"

#include <stdio.h>

static void on_changed(void *ctx)
{
    (void)ctx; /* whoever turns the loop looks at the phase */
}

static void on_closed(void *ctx)
{
    ((struct redis_look *)ctx)->closed = true;
}

static bool settled(const struct redis_conn *c)
{
    return c->phase == PHASE_READY || c->phase == PHASE_REFUSED || (c->phase == PHASE_WAITING && *c->why);
}

int redis_look_open(struct redis_look *l, const struct config *config, uint32_t shard, char *why, size_t cap)
{
    *l = (struct redis_look){ 0 };
    l->conn = uv_loop_init(&l->loop) == 0 ? redis_conn_new(&l->loop, config, shard, &l->stats, on_changed, l) : NULL;
    if (!l->conn) {
        snprintf(why, cap, "out of memory");
        return -1;
    }
    l->conn->looks = true;
    while (!settled(l->conn))
        uv_run(&l->loop, UV_RUN_ONCE);
    if (l->conn->phase == PHASE_READY)
        return 0;
    snprintf(why, cap, "%s", l->conn->why);
    return -1;
}

static void on_answer(void *ctx, redisReply *reply, bool sent, const char *why)
{
    struct redis_look *l = ctx;
    (void)sent, (void)why;
    l->answered = true;
    l->hear(l->ctx, reply);
}

void redis_look_ask(struct redis_look *l, const char *const word[REDIS_LOOK_WORDS],
                    void (*hear)(void *ctx, const redisReply *reply), void *ctx)
{
    struct redis_argv argv;
    redis_argv_init(&argv, l->conn->shard);
    for (int i = 0; i < REDIS_LOOK_WORDS && word[i]; i++)
        if (word[i][0] == '@')
            redis_argv_key(&argv, slice_of(word[i] + 1));
        else
            redis_argv_text(&argv, word[i]);
    l->answered = false;
    l->hear = hear;
    l->ctx = ctx;
    if (l->conn->phase != PHASE_READY || redis_conn_send(l->conn, SCRIPT_NONE, &argv, on_answer, l) < 0)
        hear(ctx, NULL);
    else
        while (!l->answered)
            uv_run(&l->loop, UV_RUN_ONCE);
    redis_argv_release(&argv);
}

void redis_look_close(struct redis_look *l)
{
    if (!l->conn)
        return;
    redis_conn_close(l->conn, on_closed, l);
    while (!l->closed)
        uv_run(&l->loop, UV_RUN_ONCE);
    (void)uv_loop_close(&l->loop);
    l->conn = NULL;
}

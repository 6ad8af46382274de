/* Requests on a connection: send, answer, repeat once after NOSCRIPT, end without an answer. */
#include "daemon/redis/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/redis/reply.h"

static void list_add(struct redis_request_list *list, struct redis_request *q)
{
    q->next = NULL;
    q->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = q;
    list->last = q;
    list->n++;
}

static void list_remove(struct redis_request_list *list, struct redis_request *q)
{
    *(q->prev ? &q->prev->next : &list->first) = q->next;
    *(q->next ? &q->next->prev : &list->last) = q->prev;
    list->n--;
}

static void request_free(struct redis_request *q)
{
    if (q->secret)
        explicit_bzero(q->command, q->bytes);
    redisFreeCommand(q->command);
    free(q);
}

static bool has_prefix(const redisReply *reply, const char *prefix)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, prefix, strlen(prefix)) == 0;
}

static void on_reply(redisAsyncContext *ac, void *data, void *private);

static void lose(struct redis_conn *c, struct redis_request *q)
{
    list_add(&c->lost, q);
    redis_conn_settle_soon(c);
}

/* Hand the bytes to hiredis, which copies them. A connection that is not there loses the request. */
static void transmit(struct redis_conn *c, struct redis_request *q)
{
    q->since_ms = uv_now(c->loop);
    if (!c->ac || redisAsyncFormattedCommand(c->ac, on_reply, q, q->command, q->bytes) != REDIS_OK) {
        lose(c, q);
        return;
    }
    q->sent = true;
    c->stats->commands++;
    c->stats->bytes_out += q->bytes;
    list_add(&c->in_flight, q);
}

/* The script goes first on the same connection, so it is there when the repeat arrives. */
static void on_script_loaded(void *ctx, redisReply *reply, bool sent, const char *why)
{
    (void)ctx, (void)reply, (void)sent, (void)why; /* what went wrong shows in the answer to the repeat */
}

static void repeat_with_script(struct redis_conn *c, struct redis_request *q)
{
    q->repeated = true;
    redis_argv_clear(&c->argv);
    redis_argv_text(&c->argv, "SCRIPT");
    redis_argv_text(&c->argv, "LOAD");
    redis_argv_slice(&c->argv, redis_script_text(q->script));
    redis_request_send(c, SCRIPT_NONE, &c->argv, true, on_script_loaded, NULL);
    transmit(c, q);
}

static void on_reply(redisAsyncContext *ac, void *data, void *private)
{
    struct redis_request *q = private;
    struct redis_conn *c = q->conn;
    redisReply *reply = data;
    list_remove(&c->in_flight, q);
    if (!reply) { /* the connection is going down: hiredis answers all that is open this way */
        if (c->ac == ac)
            redis_conn_lost(c, ac->c.errstr);
        lose(c, q);
        return;
    }
    if (q->script != SCRIPT_NONE && !q->repeated && has_prefix(reply, "NOSCRIPT")) {
        repeat_with_script(c, q);
        return;
    }
    q->done(q->ctx, reply, true, "");
    if (c->ac == ac && reply->type == REDIS_REPLY_ERROR && redis_error_elsewhere(reply->str))
        redis_conn_follow(c, reply->str);
    request_free(q);
}

static void prepend_script(struct redis_conn *c, enum redis_script script, struct redis_argv *argv)
{
    /* Room for both in front: the arguments were pushed without them. */
    redis_argv_text(argv, "");
    redis_argv_text(argv, "");
    if (argv->failed)
        return;
    memmove(argv->text + 2, argv->text, (argv->n - 2) * sizeof *argv->text);
    memmove(argv->len + 2, argv->len, (argv->n - 2) * sizeof *argv->len);
    argv->text[0] = "EVALSHA";
    argv->len[0] = sizeof "EVALSHA" - 1;
    argv->text[1] = c->sha[script];
    argv->len[1] = REDIS_SHA_BYTES;
}

int redis_request_send(struct redis_conn *c, enum redis_script script, struct redis_argv *argv, bool internal,
                       redis_done_fn done, void *ctx)
{
    if (script != SCRIPT_NONE)
        prepend_script(c, script, argv);
    struct redis_request *q = calloc(1, sizeof *q);
    if (!q || argv->failed || argv->n > INT32_MAX) {
        free(q);
        return -ENOMEM;
    }
    long long bytes = redisFormatCommandArgv(&q->command, (int)argv->n, argv->text, argv->len);
    if (bytes < 0) {
        free(q);
        return -ENOMEM;
    }
    q->bytes = (size_t)bytes;
    q->conn = c;
    q->done = done;
    q->ctx = ctx;
    q->script = script;
    if (internal || c->phase == PHASE_READY)
        transmit(c, q);
    else
        lose(c, q);
    return 0;
}

int redis_conn_send(struct redis_conn *c, enum redis_script script, struct redis_argv *argv, redis_done_fn done,
                    void *ctx)
{
    if (c->phase == PHASE_CLOSED)
        return -ECANCELED;
    if (c->in_flight.n + c->lost.n >= REDIS_IN_FLIGHT_MAX)
        return -EBUSY;
    return redis_request_send(c, script, argv, false, done, ctx);
}

void redis_request_mark_secret(struct redis_conn *c)
{
    if (c->in_flight.last)
        c->in_flight.last->secret = true;
}

void redis_requests_settle(struct redis_conn *c)
{
    /* Only those lost until now: `done` may send again and lose again. */
    for (uint32_t n = c->lost.n; n > 0 && c->lost.first; n--) {
        struct redis_request *q = c->lost.first;
        list_remove(&c->lost, q);
        q->done(q->ctx, NULL, q->sent, c->why);
        request_free(q);
    }
}

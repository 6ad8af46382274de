/* hiredis' asynchronous side without sockets: commands travel to the server with a delay, answers travel back, and either may be lost with the connection.
 * Order within a connection is kept both ways. A command that was sent is executed even if its sender is gone by then. */
#include <hiredis/async.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/redis/uv_adapter.h"
#include "server.h"

struct pending {
    struct pending *next;
    redisCallbackFn *fn;
    void *private;
};

struct conn {
    redisAsyncContext ac; /* first: a context is its connection */
    struct conn *next;
    struct node *node;
    uint64_t incarnation;
    struct pending *first, *last;
    uint64_t sent, cut;           /* requests sent; those beyond `cut` never arrive */
    uint64_t arrive_us, reply_us; /* of the newest one on its way */
    uint32_t refs;                /* messages on their way */
    struct request *held;         /* those that wait until the server moves again, in order */
    bool open;                    /* as the client sees it */
    bool in_callback, freeing, ended;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct request {
    struct request *next; /* held back */
    struct conn *conn;
    uint64_t number;
    struct command command;
};

struct answer {
    struct conn *conn;
    redisReply *reply; /* NULL: the connection ended */
};

/* ---- life of a connection ---- */

static void run_closed(void *arg)
{
    struct conn *c = arg;
    c->refs--;
    c->closed(c->closed_ctx);
}

/* As hiredis: whoever waits gets NULL, then the end is told, then the context is gone. */
static void end_context(struct conn *c, int status)
{
    if (!c->open)
        return;
    c->open = false;
    for (struct pending *p; (p = c->first);) {
        c->first = p->next;
        p->fn(&c->ac, NULL, p->private);
        free(p);
    }
    c->last = NULL;
    if (c->ac.onDisconnect && (c->ac.c.flags & REDIS_CONNECTED))
        c->ac.onDisconnect(&c->ac, status);
    if (c->closed) {
        c->refs++;
        node_post(c->node, run_closed, c);
    }
}

void redisAsyncFree(redisAsyncContext *ac)
{
    struct conn *c = (struct conn *)ac;
    if (c->in_callback)
        c->freeing = true;
    else
        end_context(c, REDIS_OK);
}

static void run_connected(void *arg)
{
    struct conn *c = arg;
    bool up = server_up(c->node->w->server) && !c->node->dead;
    c->refs--;
    if (!c->open)
        return;
    if (up)
        c->ac.c.flags |= REDIS_CONNECTED;
    else
        snprintf(c->ac.c.errstr, sizeof c->ac.c.errstr, "Connection refused");
    c->in_callback = true;
    c->ac.onConnect(&c->ac, up ? REDIS_OK : REDIS_ERR);
    c->in_callback = false;
    if (!up || c->freeing)
        end_context(c, REDIS_OK);
}

redisAsyncContext *redisAsyncConnectUnix(const char *path)
{
    (void)path;
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->node = sim_running;
    c->incarnation = c->node->incarnation;
    c->open = true;
    c->cut = UINT64_MAX;
    c->next = c->node->conns;
    c->node->conns = c;
    c->refs++;
    node_post(c->node, run_connected, c);
    return &c->ac;
}

int redisAsyncSetConnectCallback(redisAsyncContext *ac, redisConnectCallback *fn)
{
    ac->onConnect = fn;
    return REDIS_OK;
}

int redisAsyncSetDisconnectCallback(redisAsyncContext *ac, redisDisconnectCallback *fn)
{
    ac->onDisconnect = fn;
    return REDIS_OK;
}

/* Replaces daemon/redis/uv_adapter.c: there is no socket to watch. */
int redis_uv_attach(uv_loop_t *loop, redisAsyncContext *ac, void (*closed)(void *ctx), void *ctx)
{
    struct conn *c = (struct conn *)ac;
    (void)loop;
    c->closed = closed;
    c->closed_ctx = ctx;
    return 0;
}

/* ---- messages ---- */

static void run_answer(void *arg)
{
    struct answer a = *(struct answer *)arg;
    struct conn *c = a.conn;
    free(arg);
    c->refs--;
    if (!c->open) {
        if (a.reply)
            freeReplyObject(a.reply);
        return;
    }
    if (!a.reply) {
        snprintf(c->ac.c.errstr, sizeof c->ac.c.errstr, "Server closed the connection");
        end_context(c, REDIS_ERR);
        return;
    }
    struct pending *p = c->first;
    c->first = p->next;
    c->last = c->first ? c->last : NULL;
    c->in_callback = true;
    p->fn(&c->ac, a.reply, p->private);
    c->in_callback = false;
    free(p);
    freeReplyObject(a.reply);
    if (c->freeing)
        end_context(c, REDIS_OK);
}

static void post_answer(struct conn *c, redisReply *reply)
{
    struct answer *a = malloc(sizeof *a);
    if (!a)
        abort();
    *a = (struct answer){ c, reply };
    c->refs++;
    node_post(c->node, run_answer, a);
}

static void answer_arrives(struct sim *w, void *arg, uint64_t tag)
{
    struct answer a = *(struct answer *)arg;
    struct conn *c = a.conn;
    (void)w, (void)tag;
    free(arg);
    c->refs--;
    if (!c->open || c->ended || c->incarnation != c->node->incarnation || !node_alive(c->node)) {
        freeReplyObject(a.reply);
        return;
    }
    post_answer(c, a.reply);
}

static uint64_t delay(struct sim *w)
{
    uint64_t us = 30 + dice_below(&w->dice, 300);
    return dice_one_in(&w->dice, 24) ? us + dice_below(&w->dice, 30000) : us;
}

static void request_free(struct request *r)
{
    r->conn->refs--;
    r->conn->node->w->in_flight--;
    free(r->command.argv);
    free(r->command.bytes);
    free(r);
}

static void execute(struct sim *w, struct request *r)
{
    struct conn *c = r->conn;
    redisReply *reply = r->number <= c->cut ? server_execute(w->server, &r->command) : NULL;
    request_free(r);
    if (!reply)
        return;
    uint64_t at = w->now_us + delay(w);
    struct answer *a = malloc(sizeof *a);
    if (!a)
        abort();
    *a = (struct answer){ c, reply };
    c->refs++;
    c->reply_us = at > c->reply_us ? at : c->reply_us;
    sim_at(w, c->reply_us, answer_arrives, a, 0);
}

/* The server moves again, once for each request it holds back: none overtakes another of its connection. */
static void server_moves(struct sim *w, void *arg, uint64_t tag)
{
    struct conn *c = arg;
    const uint64_t moves_us = server_frozen_until(w->server);
    (void)tag;
    if (moves_us > w->now_us) {
        sim_at(w, moves_us, server_moves, c, 0);
        return;
    }
    struct request *r = c->held;
    c->held = r->next;
    execute(w, r);
}

static void request_arrives(struct sim *w, void *arg, uint64_t tag)
{
    struct request *r = arg, **last = &r->conn->held;
    (void)tag;
    if (server_frozen_until(w->server) <= w->now_us && !*last) {
        execute(w, r);
        return;
    }
    while (*last)
        last = &(*last)->next;
    *last = r;
    sim_at(w, server_frozen_until(w->server), server_moves, r->conn, 0);
}

/* "*2\r\n$3\r\nfoo\r\n$1\r\nx\r\n" as its strings. */
static void parse(struct command *to, const char *text, size_t n)
{
    to->bytes = malloc(n);
    if (!to->bytes)
        abort();
    memcpy(to->bytes, text, n);
    char *p = to->bytes + 1;
    to->argc = (uint32_t)strtoul(p, &p, 10);
    to->argv = calloc(to->argc, sizeof *to->argv);
    if (!to->argv)
        abort();
    for (uint32_t i = 0; i < to->argc; i++) {
        p += 3;
        uint32_t len = (uint32_t)strtoul(p, &p, 10);
        to->argv[i] = (struct slice){ p + 2, len };
        p += 2 + len;
    }
}

int redisAsyncFormattedCommand(redisAsyncContext *ac, redisCallbackFn *fn, void *private, const char *cmd, size_t len)
{
    struct conn *c = (struct conn *)ac;
    struct sim *w = c->node->w;
    if (!c->open || c->freeing)
        return REDIS_ERR;
    struct pending *p = malloc(sizeof *p);
    if (!p)
        abort();
    *p = (struct pending){ NULL, fn, private };
    *(c->last ? &c->last->next : &c->first) = p;
    c->last = p;
    if (c->node->dead)
        return REDIS_OK;
    struct request *r = malloc(sizeof *r);
    if (!r)
        abort();
    *r = (struct request){ .conn = c, .number = ++c->sent };
    w->in_flight++;
    parse(&r->command, cmd, len);
    uint64_t at = w->now_us + delay(w);
    c->arrive_us = at > c->arrive_us ? at : c->arrive_us;
    c->refs++;
    sim_at(w, c->arrive_us, request_arrives, r, 0);
    return REDIS_OK;
}

/* ---- faults ---- */

/* How many of the newest requests get lost: mostly few. They are counted by number: those not arrived yet are the last of them. */
static void cut(struct conn *c)
{
    uint64_t most = c->sent < 8 ? c->sent : 8;
    uint64_t lost = dice_below(&c->node->w->dice, most + 1);
    if (c->sent - lost < c->cut)
        c->cut = c->sent - lost;
}

void conns_cut(struct node *n)
{
    for (struct conn *c = n->conns; c; c = c->next)
        if (c->open)
            cut(c);
}

static void connection_ends(struct conn *c)
{
    if (!c->open || c->ended || !(c->ac.c.flags & REDIS_CONNECTED))
        return;
    c->ended = true;
    post_answer(c, NULL);
}

void conns_break(struct node *n)
{
    if (!node_alive(n))
        return;
    sim_trace(n->w, "the connections of node %u break", n->index);
    n->w->n_lost++;
    for (struct conn *c = n->conns; c; c = c->next)
        if (c->open && !c->ended) { /* what is not cut off is executed, and its answer lost */
            cut(c);
            connection_ends(c);
        }
}

void conns_server_gone(struct sim *w)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        for (struct conn *c = w->node[i] ? w->node[i]->conns : NULL; c; c = c->next) {
            c->cut = 0;
            if (node_alive(w->node[i]))
                connection_ends(c);
        }
}

/* At the end of the world: nothing is on its way any more. */
void conns_free(struct node *n)
{
    struct conn *next;
    for (struct conn *c = n->conns; c; c = next) {
        next = c->next;
        for (struct pending *p; (p = c->first);) {
            c->first = p->next;
            free(p);
        }
        free(c);
    }
    n->conns = NULL;
}

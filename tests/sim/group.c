/* The consumer group: eager rebalances as the daemon's settings make them. Everybody gives back all partitions, then they are dealt out in turn; who stays
 * silent for the session timeout is left out and finds out when it wakes up: until then it believes that it owns what others have (a zombie). */
#include <stdlib.h>

#include "broker.h"

static uint64_t session_us(const struct broker *b)
{
    return (uint64_t)b->w->config->kafka.session_timeout_ms * SIM_MS;
}

struct member *member_of(struct broker *b, const struct node *n)
{
    struct member *m = &b->member[n->index];
    return m->node == n && m->incarnation == n->incarnation ? m : NULL;
}

static bool counts(const struct member *m)
{
    return m->node && !m->out;
}

static void deal(struct broker *b)
{
    struct member *in[NODES_MAX];
    uint32_t n = 0;
    b->rebalancing = false;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        struct member *m = &b->member[i];
        if (counts(m) && !m->joined)
            m->out = true;
        if (!counts(m))
            continue;
        m->n_parts = 0;
        m->must_assign = true;
        in[n++] = m;
    }
    for (uint32_t p = 0; n && p < b->n_parts; p++) {
        struct member *m = in[p % n];
        m->part[m->n_parts++] = (int32_t)p;
    }
}

static void look(struct broker *b)
{
    if (!b->rebalancing)
        return;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (counts(&b->member[i]) && !b->member[i].joined && b->w->now_us < b->rebalance_until_us)
            return;
    deal(b);
}

static void on_deadline(struct sim *w, void *arg, uint64_t tag)
{
    (void)arg, (void)tag;
    look(w->broker);
}

void group_rebalance(struct broker *b)
{
    sim_trace(b->w, "the group rebalances");
    b->w->n_rebalances++;
    b->rebalancing = true;
    b->rebalance_until_us = b->w->now_us + session_us(b);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        struct member *m = &b->member[i];
        m->must_revoke = counts(m);
        m->joined = m->must_assign = false;
    }
    sim_at(b->w, b->rebalance_until_us, on_deadline, NULL, 0);
}

void group_acked(struct broker *b, struct member *m)
{
    bool was_out = m->out;
    m->must_revoke = m->out = false;
    m->silent_since_us = SIM_NEVER;
    if (was_out || !b->rebalancing)
        group_rebalance(b);
    m->must_revoke = false;
    m->joined = true;
    look(b);
}

void group_join(struct broker *b, struct node *n)
{
    struct member *m = &b->member[n->index];
    *m = (struct member){ .node = n, .incarnation = n->incarnation, .silent_since_us = SIM_NEVER };
    group_rebalance(b);
    m->must_revoke = false;
    m->joined = true;
    look(b);
}

void group_leave(struct broker *b, const struct node *n)
{
    struct member *m = member_of(b, n);
    if (!m)
        return;
    *m = (struct member){ 0 };
    group_rebalance(b);
    look(b);
}

/* `tag`: incarnation and index. A member that has been silent since the timer was set is left out. */
static void on_silent(struct sim *w, void *arg, uint64_t tag)
{
    struct broker *b = w->broker;
    struct member *m = &b->member[tag % NODES_MAX];
    (void)arg;
    if (!m->node || m->incarnation != tag / NODES_MAX || m->out || w->now_us - m->silent_since_us < session_us(b) ||
        m->silent_since_us == SIM_NEVER)
        return;
    sim_trace(w, "node %u is left out of the group", m->node->index);
    m->out = true;
    if (m->node->incarnation != m->incarnation || !node_alive(m->node))
        *m = (struct member){ 0 };
    group_rebalance(b);
    look(b);
}

static void silent(struct node *n)
{
    struct member *m = member_of(n->w->broker, n);
    if (!m)
        return;
    m->silent_since_us = n->w->now_us;
    sim_at(n->w, n->w->now_us + session_us(n->w->broker), on_silent, NULL, m->incarnation * NODES_MAX + n->index);
}

void broker_gone(struct node *n)
{
    silent(n);
}

void broker_frozen(struct node *n)
{
    silent(n);
}

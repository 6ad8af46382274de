/* One daemon of the simulated world: a slot in which processes live one after the other. */
#ifndef CRMPULSE_SIM_NODE_H
#define CRMPULSE_SIM_NODE_H

#include <uv.h>

#include "daemon/daemon.h"
#include "sim.h"

/* Something the outside has for the process: handled in the I/O phase of its loop. */
struct post {
    struct post *next;
    void (*run)(void *arg);
    void *arg;
};

struct sim_loop {
    uv_loop_t *uv;
    uint64_t now_ms, start_id;
    uv_handle_t **handle;
    uint32_t n_handles, handles_cap;
    struct post *first, *last;
    bool stop;
};

struct node {
    struct sim *w;
    uint32_t index;
    uint64_t incarnation;      /* of the process; events of an earlier one are recognised by it */
    struct daemon *d;          /* NULL: no process */
    bool dead;                 /* it was killed: what it still does on its way out reaches nobody */
    struct config config;      /* a copy with its own instance id */
    uint64_t reads;            /* of its configuration, by reloads */
    const struct config *file; /* whose definitions it reads next */
    char instance_id[32], no_id[1];
    struct sim_loop loop;
    uint64_t busy_until_us, frozen_until_us;
    uint64_t hrtime_ns; /* ahead of the world: what its own work took */
    struct kafka_in *in;
    struct kafka_out *out;
    struct conn *conns; /* all that its processes opened and that are not freed yet */
};

void node_start(struct node *n);
/* Killed between two steps; of what it sent a part is still on its way. */
void node_crash(struct node *n);
void node_terminate(struct node *n); /* SIGTERM */
void node_reload(struct node *n);    /* SIGHUP: other settings, and maybe other definitions */
void node_freeze(struct node *n, uint64_t until_us);
bool node_alive(const struct node *n);
uint64_t node_wake_us(const struct node *n); /* when its loop turns next */
void node_turn(struct node *n);
void node_post(struct node *n, void (*run)(void *arg), void *arg);
void node_free(struct node *n);

/* fake_uv.c */
void loop_turn(struct sim_loop *l); /* timers, I/O, idle, closing, once */
uint64_t loop_next_timer_ms(const struct sim_loop *l);
bool loop_busy(const struct sim_loop *l); /* something to do now */
void loop_release(struct sim_loop *l);
void loop_signal(struct sim_loop *l, int signum);

#endif

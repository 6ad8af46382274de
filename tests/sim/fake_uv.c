/* libuv as far as the daemon uses it, on the world's clock: timers, idle handles, signals, closing. A loop belongs to a node; the world turns it.
 * Timers of the same instant run in the order they were started, as in libuv. */
#include <stdlib.h>
#include <string.h>

#include "node.h"

enum { ACTIVE = 1, CLOSING = 2 };

struct node *sim_running;

static struct sim_loop *loop_of(const uv_loop_t *uv)
{
    return uv->data;
}

static void add_handle(uv_loop_t *uv, uv_handle_t *h, uv_handle_type type)
{
    struct sim_loop *l = loop_of(uv);
    h->loop = uv;
    h->type = type;
    h->flags = 0;
    h->close_cb = NULL;
    if (l->n_handles == l->handles_cap) {
        l->handles_cap = l->handles_cap ? l->handles_cap * 2 : 32;
        l->handle = realloc(l->handle, l->handles_cap * sizeof *l->handle);
        if (!l->handle)
            abort();
    }
    l->handle[l->n_handles++] = h;
}

static void remove_handle(struct sim_loop *l, uint32_t i)
{
    l->n_handles--;
    memmove(l->handle + i, l->handle + i + 1, (l->n_handles - i) * sizeof(uv_handle_t *));
}

int uv_loop_init(uv_loop_t *uv)
{
    memset(uv, 0, sizeof *uv);
    struct sim_loop *l = &sim_running->loop;
    l->uv = uv;
    l->now_ms = sim_running->w->now_us / SIM_MS;
    l->stop = false;
    uv->data = l;
    return 0;
}

int uv_loop_close(uv_loop_t *uv)
{
    return loop_of(uv)->n_handles ? UV_EBUSY : 0;
}

uint64_t uv_now(const uv_loop_t *uv)
{
    return loop_of(uv)->now_ms;
}

/* Every look takes a little, and now and then much: work that is done by slices of time has to be cut somewhere. */
uint64_t uv_hrtime(void)
{
    struct node *n = sim_running;
    n->hrtime_ns += dice_one_in(&n->w->dice, 64) ? 60000000 : 1000 + dice_below(&n->w->dice, 4096);
    return n->w->now_us * 1000 + n->hrtime_ns;
}

int uv_gettimeofday(uv_timeval64_t *tv)
{
    *tv = (uv_timeval64_t){ SIM_WALL_MS / 1000, (int32_t)(SIM_WALL_MS % 1000) * 1000 };
    return 0;
}

void uv_stop(uv_loop_t *uv)
{
    loop_of(uv)->stop = true;
}

int uv_timer_init(uv_loop_t *uv, uv_timer_t *t)
{
    add_handle(uv, (uv_handle_t *)t, UV_TIMER);
    t->timer_cb = NULL;
    t->repeat = 0;
    return 0;
}

int uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    struct sim_loop *l = loop_of(t->loop);
    if (t->flags & CLOSING)
        return UV_EINVAL;
    t->timer_cb = cb;
    t->timeout = l->now_ms + timeout;
    t->repeat = repeat;
    t->start_id = l->start_id++;
    t->flags |= ACTIVE;
    return 0;
}

int uv_timer_stop(uv_timer_t *t)
{
    t->flags &= ~(unsigned)ACTIVE;
    return 0;
}

int uv_idle_init(uv_loop_t *uv, uv_idle_t *h)
{
    add_handle(uv, (uv_handle_t *)h, UV_IDLE);
    return 0;
}

int uv_idle_start(uv_idle_t *h, uv_idle_cb cb)
{
    h->idle_cb = cb;
    h->flags |= ACTIVE;
    return 0;
}

int uv_idle_stop(uv_idle_t *h)
{
    h->flags &= ~(unsigned)ACTIVE;
    return 0;
}

int uv_signal_init(uv_loop_t *uv, uv_signal_t *h)
{
    add_handle(uv, (uv_handle_t *)h, UV_SIGNAL);
    return 0;
}

int uv_signal_start(uv_signal_t *h, uv_signal_cb cb, int signum)
{
    h->signal_cb = cb;
    h->signum = signum;
    h->flags |= ACTIVE;
    return 0;
}

int uv_is_closing(const uv_handle_t *h)
{
    return (h->flags & CLOSING) != 0;
}

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
    h->flags = CLOSING;
    h->close_cb = cb;
}

void uv_walk(uv_loop_t *uv, uv_walk_cb cb, void *arg)
{
    struct sim_loop *l = loop_of(uv);
    for (uint32_t i = 0; i < l->n_handles; i++)
        cb(l->handle[i], arg);
}

/* ---- the turn ---- */

static uv_timer_t *first_timer(const struct sim_loop *l)
{
    uv_timer_t *first = NULL;
    for (uint32_t i = 0; i < l->n_handles; i++) {
        uv_timer_t *t = (uv_timer_t *)l->handle[i];
        if (t->type == UV_TIMER && (t->flags & ACTIVE) &&
            (!first || t->timeout < first->timeout || (t->timeout == first->timeout && t->start_id < first->start_id)))
            first = t;
    }
    return first;
}

uint64_t loop_next_timer_ms(const struct sim_loop *l)
{
    const uv_timer_t *t = first_timer(l);
    return t ? t->timeout : UINT64_MAX;
}

static void run_timers(struct sim_loop *l)
{
    uv_timer_t *t;
    while ((t = first_timer(l)) && t->timeout <= l->now_ms) {
        t->flags &= ~(unsigned)ACTIVE;
        if (t->repeat)
            uv_timer_start(t, t->timer_cb, t->repeat, t->repeat);
        t->timer_cb(t);
    }
}

/* Only what was there when the phase began. */
static void run_posts(struct sim_loop *l)
{
    struct post *p = l->first, *next;
    l->first = l->last = NULL;
    for (; p; p = next) {
        next = p->next;
        p->run(p->arg);
        free(p);
    }
}

static void run_idle(struct sim_loop *l)
{
    for (uint32_t i = 0; i < l->n_handles; i++) {
        uv_idle_t *h = (uv_idle_t *)l->handle[i];
        if (h->type == UV_IDLE && (h->flags & ACTIVE))
            h->idle_cb(h);
    }
}

static void run_closing(struct sim_loop *l)
{
    for (uint32_t i = 0; i < l->n_handles;) {
        uv_handle_t *h = l->handle[i];
        if (!(h->flags & CLOSING)) {
            i++;
            continue;
        }
        remove_handle(l, i);
        if (h->close_cb)
            h->close_cb(h);
    }
}

void loop_turn(struct sim_loop *l)
{
    run_timers(l);
    run_idle(l);
    run_posts(l);
    run_closing(l);
}

bool loop_busy(const struct sim_loop *l)
{
    if (l->first)
        return true;
    for (uint32_t i = 0; i < l->n_handles; i++)
        if ((l->handle[i]->flags & CLOSING) || (l->handle[i]->type == UV_IDLE && (l->handle[i]->flags & ACTIVE)))
            return true;
    return false;
}

/* Only on the way out of a process: the world stands still, so waiting for a timer takes no time of anybody else's. */
int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
    struct sim_loop *l = loop_of(uv);
    (void)mode;
    while (!l->stop && (loop_busy(l) || first_timer(l))) {
        if (!loop_busy(l) && loop_next_timer_ms(l) > l->now_ms)
            l->now_ms = loop_next_timer_ms(l);
        loop_turn(l);
    }
    l->stop = false;
    return 0;
}

void loop_signal(struct sim_loop *l, int signum)
{
    for (uint32_t i = 0; i < l->n_handles; i++) {
        uv_signal_t *h = (uv_signal_t *)l->handle[i];
        if (h->type == UV_SIGNAL && (h->flags & ACTIVE) && h->signum == signum) {
            h->signal_cb(h, signum);
            return;
        }
    }
}

void loop_release(struct sim_loop *l)
{
    struct post *next;
    for (struct post *p = l->first; p; p = next) {
        next = p->next;
        free(p);
    }
    free(l->handle);
    *l = (struct sim_loop){ 0 };
}

/* The world's queue of events, dice, and what is told of it. Knows nothing of what happens in it. */
#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64: every seed gives another stream, also small ones. */
uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_next(d) % n;
}

uint64_t dice_between(struct dice *d, uint64_t low, uint64_t high)
{
    return low + dice_below(d, high - low + 1);
}

bool dice_one_in(struct dice *d, uint64_t n)
{
    return dice_below(d, n) == 0;
}

void sim_init(struct sim *w, uint64_t seed, const struct catalogues *catalogues, const struct sim_options *opt)
{
    *w = (struct sim){ .seed = seed,
                       .plain = opt->plain,
                       .slow = opt->plain || opt->slow,
                       .trace = opt->trace,
                       .reloading = opt->reloads,
                       .catalogues = catalogues };
    w->dice.state = seed * 2 + 1;
    w->history_dice.state = ~seed * 2;
    w->reload_dice.state = seed * UINT64_C(0x9fb21c651e98df25) + 11;
    w->change_dice.state = seed * UINT64_C(0xaef17502108ef2d9) + 17;
    w->more_dice.state = seed * UINT64_C(0xd1342543de82ef95) + 7;
}

void sim_release(struct sim *w)
{
    free(w->heap);
    w->heap = NULL;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event t = *a;
    *a = *b;
    *b = t;
}

void sim_at(struct sim *w, uint64_t at_us, sim_fn run, void *arg, uint64_t tag)
{
    if (w->n_events == w->events_cap) {
        w->events_cap = w->events_cap ? w->events_cap * 2 : 256;
        w->heap = realloc(w->heap, w->events_cap * sizeof *w->heap);
        if (!w->heap)
            abort();
    }
    uint32_t i = w->n_events++;
    w->heap[i] = (struct sim_event){ at_us < w->now_us ? w->now_us : at_us, w->order++, run, arg, tag };
    for (; i && before(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

bool sim_next(struct sim *w, struct sim_event *ret)
{
    if (!w->n_events)
        return false;
    *ret = w->heap[0];
    w->heap[0] = w->heap[--w->n_events];
    for (uint32_t i = 0;;) {
        uint32_t least = i, left = 2 * i + 1;
        for (uint32_t k = left; k < left + 2 && k < w->n_events; k++)
            if (before(&w->heap[k], &w->heap[least]))
                least = k;
        if (least == i)
            return true;
        swap(&w->heap[i], &w->heap[least]);
        i = least;
    }
}

void sim_violation(struct sim *w, const char *format, ...)
{
    va_list ap;
    if (w->failed)
        return;
    w->failed = true;
    va_start(ap, format);
    vsnprintf(w->why, sizeof w->why, format, ap);
    va_end(ap);
    sim_trace(w, "VIOLATION %s", w->why);
}

void sim_trace(const struct sim *w, const char *format, ...)
{
    va_list ap;
    if (!w->trace)
        return;
    printf("%10.3f ms  ", (double)w->now_us / 1000);
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
}

void sim_dump(const char *name, struct slice payload)
{
    const char *folder = getenv("SIM_DUMP");
    char path[512];
    if (!folder || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return;
    FILE *f = fopen(path, "wb");
    if (f && (fwrite(payload.p, 1, payload.n, f) != payload.n) | fclose(f))
        perror(path);
}

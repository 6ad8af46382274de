/* Hours with parked cells, sorted. What is in them is the store's business. */
#include "daemon/parked.h"

#include <stdlib.h>

#define HOUR_MS INT64_C(3600000)

void parked_init(struct parked *p)
{
    *p = (struct parked){ 0 };
    arena_init(&p->text, 0, 0);
}

void parked_clear(struct parked *p)
{
    p->n = p->n_orgs = 0;
    arena_reset(&p->text);
}

void parked_release(struct parked *p)
{
    free(p->org);
    free(p->v);
    arena_release(&p->text);
    *p = (struct parked){ 0 };
}

/* UINT32_MAX: out of memory. Orgs are few. */
static uint32_t org_index(struct parked *p, struct slice org)
{
    for (uint32_t i = 0; i < p->n_orgs; i++)
        if (slice_eq(p->org[i], org))
            return i;
    if (p->n_orgs == p->cap_orgs) {
        uint32_t cap = p->cap_orgs ? p->cap_orgs * 2 : 8;
        struct slice *v = realloc(p->org, cap * sizeof *v);
        if (!v)
            return UINT32_MAX;
        p->org = v;
        p->cap_orgs = cap;
    }
    struct slice copy = arena_copy(&p->text, org);
    if (!copy.p)
        return UINT32_MAX;
    p->org[p->n_orgs] = copy;
    return p->n_orgs++;
}

static bool before(struct parked_hour a, struct parked_hour b)
{
    return a.start_ms != b.start_ms ? a.start_ms < b.start_ms : a.org < b.org;
}

int parked_note(struct parked *p, struct slice org, int64_t hour_ms)
{
    struct parked_hour h = { hour_ms, org_index(p, org) };
    uint32_t low = 0, high = p->n;
    if (h.org == UINT32_MAX)
        return -1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (before(p->v[mid], h))
            low = mid + 1;
        else
            high = mid;
    }
    if (low < p->n && !before(h, p->v[low]))
        return 0;
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 64;
        struct parked_hour *v = realloc(p->v, cap * sizeof *v);
        if (!v)
            return -1;
        p->v = v;
        p->cap = cap;
    }
    memmove(p->v + low + 1, p->v + low, (p->n - low) * sizeof *p->v);
    p->v[low] = h;
    p->n++;
    return 0;
}

bool parked_due(const struct parked *p, int64_t until_ms, struct slice *ret_org, int64_t *ret_hour_ms)
{
    if (!p->n || until_ms < INT64_MIN + HOUR_MS || p->v[0].start_ms > until_ms - HOUR_MS)
        return false;
    *ret_org = p->org[p->v[0].org];
    *ret_hour_ms = p->v[0].start_ms;
    return true;
}

void parked_drop_first(struct parked *p)
{
    p->n--;
    memmove(p->v, p->v + 1, p->n * sizeof *p->v);
}

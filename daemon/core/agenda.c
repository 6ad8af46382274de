/* The agenda: a sorted run and a binary heap, both by time. Items of one time come in no particular order. */
#include "agenda.h"

#include <stdlib.h>
#include <string.h>

static int append(struct agenda *a, const struct agenda_item *item)
{
    if (a->end == a->run_cap && a->first > a->run_cap / 2) {
        memmove(a->run, a->run + a->first, (a->end - a->first) * sizeof *a->run);
        a->end -= a->first;
        a->first = 0;
    }
    if (a->end == a->run_cap) {
        uint32_t cap = a->run_cap ? a->run_cap * 2 : 64;
        struct agenda_item *grown = realloc(a->run, cap * sizeof *grown);
        if (!grown)
            return -1;
        a->run = grown;
        a->run_cap = cap;
    }
    a->run[a->end++] = *item;
    return 0;
}

static int push_heap(struct agenda *a, const struct agenda_item *item)
{
    if (a->n == a->cap) {
        uint32_t cap = a->cap ? a->cap * 2 : 64;
        struct agenda_item *grown = realloc(a->item, cap * sizeof *grown);
        if (!grown)
            return -1;
        a->item = grown;
        a->cap = cap;
    }
    uint32_t i = a->n++;
    for (; i > 0 && a->item[(i - 1) / 2].at_ms > item->at_ms; i = (i - 1) / 2)
        a->item[i] = a->item[(i - 1) / 2];
    a->item[i] = *item;
    return 0;
}

int agenda_push(struct agenda *a, struct agenda_item item)
{
    bool in_order = a->first == a->end || item.at_ms >= a->run[a->end - 1].at_ms;
    return in_order ? append(a, &item) : push_heap(a, &item);
}

static void pop_heap(struct agenda *a, struct agenda_item *ret)
{
    *ret = a->item[0];
    struct agenda_item last = a->item[--a->n];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= a->n)
            break;
        if (child + 1 < a->n && a->item[child + 1].at_ms < a->item[child].at_ms)
            child++;
        if (a->item[child].at_ms >= last.at_ms)
            break;
        a->item[i] = a->item[child];
        i = child;
    }
    if (a->n)
        a->item[i] = last;
}

bool agenda_pop_due(struct agenda *a, int64_t until_ms, struct agenda_item *ret)
{
    int64_t heap_ms = a->n ? a->item[0].at_ms : INT64_MAX;
    bool runs = a->first < a->end;
    if (runs && a->run[a->first].at_ms <= heap_ms) {
        if (a->run[a->first].at_ms > until_ms)
            return false;
        *ret = a->run[a->first++];
        if (a->first == a->end)
            a->first = a->end = 0;
        return true;
    }
    if (!a->n || heap_ms > until_ms)
        return false;
    pop_heap(a, ret);
    return true;
}

int64_t agenda_next(const struct agenda *a)
{
    int64_t heap_ms = a->n ? a->item[0].at_ms : INT64_MAX;
    return a->first < a->end && a->run[a->first].at_ms < heap_ms ? a->run[a->first].at_ms : heap_ms;
}

void agenda_clear(struct agenda *a)
{
    a->n = a->first = a->end = 0;
}

uint32_t agenda_count(const struct agenda *a)
{
    return a->n + a->end - a->first;
}

uint32_t agenda_room(const struct agenda *a)
{
    return a->cap + a->run_cap;
}

void agenda_release(struct agenda *a)
{
    free(a->item);
    free(a->run);
    *a = (struct agenda){ 0 };
}

/* The agenda: a binary heap by time. Items of one time come in no particular order. */
#include "agenda.h"

#include <stdlib.h>

int agenda_push(struct agenda *a, struct agenda_item item)
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
    for (; i > 0 && a->item[(i - 1) / 2].at_ms > item.at_ms; i = (i - 1) / 2)
        a->item[i] = a->item[(i - 1) / 2];
    a->item[i] = item;
    return 0;
}

bool agenda_pop_due(struct agenda *a, int64_t until_ms, struct agenda_item *ret)
{
    if (a->n == 0 || a->item[0].at_ms > until_ms)
        return false;
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
    return true;
}

int64_t agenda_next(const struct agenda *a)
{
    return a->n ? a->item[0].at_ms : INT64_MAX;
}

void agenda_release(struct agenda *a)
{
    free(a->item);
    *a = (struct agenda){ 0 };
}

/* A list; how long it may be is the caller's to say. */
#include "daemon/notify/queue.h"

#include <stdlib.h>
#include <string.h>

int queue_push(struct queue *q, const struct told *told, struct mark *mark, int64_t now_ms)
{
    struct item *i = calloc(1, sizeof *i);
    if (!i)
        return -1;
    *i = (struct item){ .told = *told, .mark = mark, .since_ms = now_ms };
    i->told.note = note_keep((struct note *)(uintptr_t)told->note);
    if (mark)
        marks_hold(mark);
    if (q->last)
        q->last->next = i;
    else
        q->first = i;
    q->last = i;
    q->n++;
    return 0;
}

static void item_free(struct item *i, struct marks *p)
{
    if (i->mark)
        marks_done(p, i->mark);
    note_drop((struct note *)(uintptr_t)i->told.note);
    free(i);
}

void queue_pop(struct queue *q, struct marks *p)
{
    struct item *i = q->first;
    q->first = i->next;
    if (!q->first)
        q->last = NULL;
    q->n--;
    item_free(i, p);
}

void queue_cut(struct queue *q, uint32_t keep, struct marks *p)
{
    struct item **at = &q->first, *last = NULL;
    uint32_t kept = 0;
    for (; *at && kept < keep; kept++) {
        last = *at;
        at = &last->next;
    }
    struct item *rest = *at;
    *at = NULL;
    q->last = last;
    q->n = kept;
    while (rest) {
        struct item *next = rest->next;
        item_free(rest, p);
        rest = next;
    }
}

static bool same_group(const struct note *a, const struct note *b)
{
    return strcmp(a->m->rule, b->m->rule) == 0 && strcmp(a->m->org, b->m->org) == 0;
}

uint32_t queue_head(const struct queue *q, uint32_t max, bool grouped, struct told *ret)
{
    uint32_t n = 0;
    for (const struct item *i = q->first; i && n < max; i = i->next) {
        if (grouped && n && !same_group(ret[0].note, i->told.note))
            break;
        ret[n++] = i->told;
    }
    return n;
}

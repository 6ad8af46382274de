/* Marks in a list for each partition; the front of it is cut off as far as it is done. */
#include "daemon/notify/marks.h"

#include <stdlib.h>

static struct marks_row *row_of(struct marks *p, int32_t partition)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->row[i]->partition == partition)
            return p->row[i];
    return NULL;
}

int marks_begin(struct marks *p, int32_t partition, int64_t next)
{
    struct marks_row **v = realloc(p->row, (p->n + 1) * sizeof(struct marks_row *));
    if (v)
        p->row = v;
    struct marks_row *row = v ? calloc(1, sizeof *row) : NULL;
    if (!row)
        return -1;
    row->partition = partition;
    row->next = next;
    p->row[p->n++] = row;
    return 0;
}

struct mark *marks_read(struct marks *p, int32_t partition, int64_t offset)
{
    struct marks_row *row = row_of(p, partition);
    struct mark *m = row ? calloc(1, sizeof *m) : NULL;
    if (!m)
        return NULL;
    m->row = row;
    m->offset = offset;
    m->pending = 1;
    if (row->last)
        row->last->next = m;
    else
        row->first = m;
    row->last = m;
    return m;
}

void marks_hold(struct mark *m)
{
    m->pending++;
}

void marks_done(struct marks *p, struct mark *m)
{
    struct marks_row *row = m->row;
    if (--m->pending)
        return;
    if (!row) {
        free(m);
        return;
    }
    while (row->first && !row->first->pending) {
        struct mark *done = row->first;
        row->first = done->next;
        row->next = done->offset + 1;
        p->moved = true;
        free(done);
    }
    if (!row->first)
        row->last = NULL;
}

void marks_forget(struct marks *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        for (struct mark *m = p->row[i]->first, *next; m; m = next) {
            next = m->next;
            m->row = NULL;
            m->next = NULL;
            if (!m->pending)
                free(m);
        }
        free(p->row[i]);
    }
    p->n = 0;
    p->moved = false;
}

void marks_release(struct marks *p)
{
    marks_forget(p);
    free(p->row);
    *p = (struct marks){ 0 };
}

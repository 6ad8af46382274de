/* Revision counters: a table by org and state key. They live as long as the evaluator. */
#include "revision.h"

#include <stdio.h>
#include <stdlib.h>

struct revision *revision_at(struct evaluator *e, struct slice org, struct slice key)
{
    char text[4096];
    struct revisions *t = &e->revisions;
    if ((size_t)org.n + key.n + 1 > sizeof text)
        return NULL;
    memcpy(text, org.p, org.n);
    text[org.n] = '\n'; /* no id holds one in its escaped form, and keys hold none at all */
    memcpy(text + org.n + 1, key.p, key.n);
    bool is_new;
    uint32_t i = intern_add(&t->key, (struct slice){ text, org.n + 1 + key.n }, &is_new);
    if (i == UINT32_MAX)
        return NULL;
    if (i >= t->cap) {
        struct revision *v = realloc(t->v, t->key.cap * sizeof *v);
        if (!v)
            return NULL;
        t->v = v;
        t->cap = t->key.cap;
    }
    if (is_new)
        t->v[i] = (struct revision){ 0 };
    return &t->v[i];
}

int64_t revision_of(struct evaluator *e, const struct subject *s, uint32_t watch, int64_t start_ms, bool raise)
{
    char key[2048];
    const struct plan_watch *w = &e->plan.watch[watch];
    if (!raise)
        return 0; /* the first publication of an ended window */
    int n = snprintf(key, sizeof key, "rev|%s|%s|%s|%.*s|%lld", e->defs->kpi[w->kpi].id, e->plan.window[w->window].name,
                     dim_name(s->dim), (int)s->escaped.n, s->escaped.p, (long long)start_ms);
    if (n < 0 || (size_t)n >= sizeof key)
        return -1;
    struct revision *r = revision_at(e, s->org->id, (struct slice){ key, (uint32_t)n });
    if (!r)
        return -1;
    r->unsaved = true;
    return ++r->n;
}

int64_t revision_told(struct evaluator *e, struct slice org, struct slice key, uint64_t content, uint64_t first)
{
    struct revision *r = revision_at(e, org, key);
    if (!r)
        return -1;
    if (content == (r->n ? r->content : first))
        return 0;
    r->content = content;
    r->unsaved = true;
    return ++r->n;
}

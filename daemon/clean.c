/* Who was erased for good: the names of his cells, which hold 0, are deleted from the panes of his org, and his revision counters with what was touched of
 * him; then what names him in records of others is rewritten (forget.c). What is to be done lies in a record ("ent:final:..") that ends when it is done: after a crash it is done again, which changes nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum { PANES_AT_ONCE = 32, AGAIN_AFTER_MS = 5000 };

void clean_drop(struct shard *s)
{
    struct clean *c = &s->clean;
    free(c->pane);
    c->pane = NULL;
    c->n = c->next = 0;
    c->state = CLEAN_IDLE;
    c->n_found = 0;
    arena_release(&c->text);
    arena_init(&c->text, 0, 0);
    arena_release(&c->walk);
    arena_init(&c->walk, 0, 0);
}

void clean_failed(struct shard *s, const char *why)
{
    log_line(&s->d->log, LOG_INFO_, "clean", "shard %u: %s; again later", s->index, why);
    clean_drop(s);
    s->clean.not_before_ms = uv_now(&s->d->loop) + AGAIN_AFTER_MS;
}

static void step(struct shard *s);

static void on_cleaned(void *ctx, enum store_result r, const char *detail)
{
    struct shard *s = ingest_call_end(ctx);
    if (!s)
        return;
    if (r != STORE_OK) {
        clean_failed(s, detail ? detail : "");
        return;
    }
    CRASH_POINT(clean_midway);
    if (s->clean.next < s->clean.n) {
        step(s);
        return;
    }
    forget_begin(s);
}

static void step(struct shard *s)
{
    struct clean *c = &s->clean;
    uint32_t n = c->n - c->next < PANES_AT_ONCE ? c->n - c->next : PANES_AT_ONCE;
    struct ingest_call *call = ingest_call_new(s);
    const struct store_clean what = { judge_lease(s->judge), c->state_org, c->names, c->pane + c->next, n };
    c->next += n;
    if (redis_store_clean(s->store, &what, on_cleaned, call) < 0) {
        free(call);
        clean_drop(s);
    }
}

static void on_panes(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
    struct clean *c = s ? &s->clean : NULL;
    if (!s)
        return;
    c->pane = r == STORE_OK ? calloc(n + 1, sizeof *c->pane) : NULL;
    for (uint32_t i = 0; c->pane && i < n; i++)
        if (keys[i].n > c->panes.n && memcmp(keys[i].p, c->panes.p, c->panes.n) == 0)
            c->pane[c->n++] = arena_copy(&c->text, keys[i]);
    CRASH_POINT(clean_begun);
    if (c->pane)
        step(s);
    else
        clean_drop(s);
}

/* "<org>/": as commit.c writes fields of the state, an org's own slashes are escaped. */
static struct slice state_of(struct clean *c, struct slice org)
{
    char to[4900];
    size_t m = 0;
    for (uint32_t i = 0; i < org.n; i++) {
        memcpy(to + m, org.p[i] == '/' ? "%2F" : &org.p[i], org.p[i] == '/' ? 3 : 1);
        m += org.p[i] == '/' ? 3 : 1;
    }
    to[m++] = '/';
    return arena_copy(&c->text, (struct slice){ to, (uint32_t)m });
}

void clean_begin(struct shard *s, struct slice key, const struct orphan *o)
{
    struct clean *c = &s->clean;
    char escaped[1600], prefix[1700];
    if (c->state != CLEAN_IDLE || uv_now(&s->d->loop) < c->not_before_ms)
        return;
    clean_drop(s);
    struct slice org = { escaped, (uint32_t)cell_escape(o->org, escaped, sizeof escaped) };
    int n = snprintf(prefix, sizeof prefix, "pane:%.*s:", (int)org.n, org.p);
    c->key = arena_copy(&c->text, key);
    c->names = arena_copy(&c->text, o->from.payload);
    c->ids = arena_copy(&c->text, o->from.topic);
    c->org = arena_copy(&c->text, o->org);
    c->org_key = arena_copy(&c->text, org);
    c->panes = arena_copy(&c->text, (struct slice){ prefix, (uint32_t)n });
    c->state_org = state_of(c, org);
    struct ingest_call *call = ingest_call_new(s);
    bool ok = c->key.p && c->org.p && c->org_key.p && c->panes.p && c->state_org.p;
    if (ok && redis_store_pane_keys(s->store, on_panes, call) == 0) {
        c->state = CLEAN_BUSY;
        return;
    }
    free(call);
}

bool clean_end(struct shard *s)
{
    if (!forget_work(s))
        return false;
    enum apply_result r = s->clean.state == CLEAN_DONE ? engine_cleaned(s->engine, s->clean.key) : APPLY_DONE;
    if (r == APPLY_NO_MEMORY)
        abort();
    if (r == APPLY_NEED)
        return false;
    if (s->clean.state == CLEAN_DONE) {
        s->moved = true;
        clean_drop(s);
        CRASH_POINT(clean_ended);
    }
    return true;
}

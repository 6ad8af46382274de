/* What names somebody erased for good in the records of others: all records of the shard are walked over, in bounded steps; those that hold the id are
 * rewritten by the engine (core/forget.c) between two batches and go with the next flush, versioned like any change: a daemon that holds one of them in its
 * old form conflicts and reads it again. First come the records with the id in their key, for the others name them.
 *
 * Where the walk stands is not kept: the record that waits (clean.c) ends when all of it is done, and after a crash it begins again. */
#include <stdlib.h>

#include "crmpulse/cell.h"
#include "daemon/crash_point.h"
#include "daemon/ingest_int.h"

enum { KEYS_AT_ONCE = 500, TEXTS_MAX = 3 * 256, ID_MAX = 1600 };

static void ask(struct shard *s);

/* The next step, or what comes after the last. */
static void go_on(struct shard *s)
{
    struct clean *c = &s->clean;
    bool over = slice_eq(c->cursor, SLICE("0"));
    if (over && !c->moving) {
        c->state = CLEAN_DONE;
        ingest_step(s->d);
        return;
    }
    c->moving &= !over;
    ask(s);
}

static bool take(struct clean *c, const struct slice *keys, uint32_t n)
{
    arena_reset(&c->walk);
    c->found = arena_alloc(&c->walk, (n + 1) * sizeof *c->found);
    c->cursor = arena_copy(&c->walk, keys[0]);
    bool ok = c->found && c->cursor.p;
    for (uint32_t i = 1; i < n && ok; i++)
        ok = (c->found[i - 1] = arena_copy(&c->walk, keys[i])).p;
    c->n_found = ok ? n - 1 : 0;
    return ok;
}

static void on_names(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct shard *s = ingest_call_end(ctx);
    if (!s)
        return;
    if (r != STORE_OK || !n || !take(&s->clean, keys, n)) {
        clean_failed(s, "records cannot be looked through (does the Redis user have SCAN?)");
        return;
    }
    CRASH_POINT(forget_midway);
    if (!s->clean.n_found) {
        go_on(s);
        return;
    }
    s->clean.state = CLEAN_RECORDS;
    ingest_step(s->d);
}

static void add_text(struct slice *text, uint32_t *n, struct slice it)
{
    for (uint32_t i = 0; i < *n; i++)
        if (slice_eq(text[i], it))
            return;
    if (it.n && it.p && *n < TEXTS_MAX)
        text[(*n)++] = it;
}

/* An id as it stands in fields, in keys, and in keys of what is named by a key. */
static void add_forms(struct clean *c, struct slice *text, uint32_t *n, struct slice escaped)
{
    char buf[3 * ID_MAX];
    add_text(text, n, escaped);
    struct slice raw = { buf, (uint32_t)cell_unescape(escaped, buf, sizeof buf) };
    add_text(text, n, arena_copy(&c->walk, raw));
    struct slice twice = { buf, (uint32_t)cell_escape(escaped, buf, sizeof buf) };
    add_text(text, n, arena_copy(&c->walk, twice));
}

/* One line each: "<kind>:<id, escaped>". */
static uint32_t texts(struct clean *c, struct slice *text)
{
    uint32_t n = 0;
    for (uint32_t from = 0, end; from < c->ids.n; from = end + 1) {
        uint32_t colon = from;
        for (end = from; end < c->ids.n && c->ids.p[end] != '\n'; end++)
            colon = c->ids.p[end] == ':' && colon == from ? end : colon;
        if (colon > from)
            add_forms(c, text, &n, (struct slice){ c->ids.p + colon + 1, end - colon - 1 });
    }
    return n;
}

static void ask(struct shard *s)
{
    struct clean *c = &s->clean;
    struct slice text[TEXTS_MAX];
    struct store_names what = { .cursor = c->cursor, .org = c->org_key, .texts = text, .count = KEYS_AT_ONCE };
    what.n_texts = texts(c, text);
    struct ingest_call *call = ingest_call_new(s);
    c->state = CLEAN_BUSY;
    if (redis_store_names(s->store, &what, on_names, call) < 0) {
        free(call);
        clean_failed(s, "the store takes no reads now");
    }
}

void forget_begin(struct shard *s)
{
    struct clean *c = &s->clean;
    c->cursor = SLICE("0");
    c->moving = true;
    if (c->ids.n) {
        ask(s);
        return;
    }
    c->state = CLEAN_DONE; /* noted by a version that did not walk */
    ingest_step(s->d);
}

/* Records that are missing do not keep the others from asking for theirs: one round trip fetches them all. */
bool forget_work(struct shard *s)
{
    struct clean *c = &s->clean;
    bool need = false;
    for (uint32_t i = 0; c->state == CLEAN_RECORDS && i < c->n_found; i++) {
        enum apply_result r =
            c->found[i].n ? engine_forget(s->engine, c->org, c->found[i], c->moving) : APPLY_DUPLICATE;
        if (r == APPLY_NO_MEMORY)
            abort();
        need |= r == APPLY_NEED;
        s->moved |= r == APPLY_DONE;
        if (r != APPLY_NEED)
            c->found[i].n = 0; /* done */
    }
    if (c->state == CLEAN_RECORDS && !need) {
        c->state = CLEAN_FLUSH;
        CRASH_POINT(forget_rewritten);
    }
    return !need;
}

void forget_tick(struct shard *s)
{
    if (s->clean.state == CLEAN_FLUSH && s->store_state == STORE_READY)
        go_on(s);
}

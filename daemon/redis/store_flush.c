/* Writes a flush as the arguments of flush.lua. */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/redis/cell_groups.h"
#include "daemon/redis/part_text.h"

enum { VERSION_BYTES = 8 };

static void *take(struct redis_argv *a, size_t n)
{
    void *p = arena_alloc(&a->arena, n);
    if (!p)
        a->failed = true;
    return p;
}

static void push_part(struct redis_argv *a, const struct store_part *p)
{
    char *text = take(a, PART_TEXT_MAX);
    store_push_part_field(a, p);
    redis_argv_int(a, p->epoch);
    redis_argv_int(a, p->prev_next);
    if (text)
        redis_argv_bytes(a, text, part_text_write(p, text));
}

static void put_version(unsigned char *to, uint64_t version)
{
    for (int i = VERSION_BYTES - 1; i >= 0; i--, version >>= 8)
        to[i] = (unsigned char)version;
}

/* What flush.lua is to do with it. A correction that waits is listed beside its record. */
static const char *record_verb(const struct store_record *r)
{
    bool orphan = (r->key.n > 11 && memcmp(r->key.p, "ent:orphan:", 11) == 0) ||
                  (r->key.n > 10 && memcmp(r->key.p, "ent:final:", 10) == 0);
    if (r->version == r->expected)
        return r->keep && r->expected && r->ttl_ms > 0 ? "keep" : "check";
    if (r->bytes.n)
        return orphan ? "wait" : "set";
    return !orphan ? "del" : r->told ? "late" : "done";
}

static void push_record(struct redis_argv *a, const struct store_record *r)
{
    bool set = r->version != r->expected && r->bytes.n > 0;
    unsigned char *expected = take(a, VERSION_BYTES);
    unsigned char *value = set ? take(a, VERSION_BYTES + (size_t)r->bytes.n) : NULL;
    if (a->failed)
        return;
    put_version(expected, r->expected);
    redis_argv_slice(a, r->key);
    redis_argv_bytes(a, (char *)expected, r->expected ? VERSION_BYTES : 0);
    redis_argv_text(a, record_verb(r));
    if (set) {
        put_version(value, r->version);
        memcpy(value + VERSION_BYTES, r->bytes.p, r->bytes.n);
    }
    redis_argv_bytes(a, (char *)value, set ? VERSION_BYTES + (size_t)r->bytes.n : 0);
    redis_argv_int(a, r->due_ms ? r->due_ms : r->ttl_ms > 0 ? r->ttl_ms : 0);
}

static void push_group(struct redis_argv *a, const struct cell_groups *g, const struct cell_group *group)
{
    redis_argv_slice(a, group->key);
    redis_argv_int(a, group->expire_ms);
    redis_argv_uint(a, group->n);
    uint32_t at = group->first;
    for (uint32_t i = 0; i < group->n; i++, at = g->next[at])
        redis_argv_slice(a, g->field[at]);
    at = group->first;
    for (uint32_t i = 0; i < group->n; i++, at = g->next[at])
        redis_argv_int(a, g->value[at]);
}

static int push_flush(struct redis_store *s, const struct store_flush *f)
{
    static const char *const keys[] = { "meta", "off", "feed", "outbox", "panes", NULL };
    struct redis_argv *a = &s->argv;
    struct cell_groups groups;
    store_begin(s, keys);
    int rc = cell_groups_make(&groups, f->cell, f->n_cells, &a->arena);
    if (rc < 0)
        return rc;
    redis_argv_text(a, REDIS_LAYOUT);
    redis_argv_int(a, s->config->redis.outbox_max);
    redis_argv_uint(a, f->n_parts);
    redis_argv_uint(a, f->n_records);
    redis_argv_uint(a, f->n_outs);
    redis_argv_uint(a, groups.n_groups);
    redis_argv_slice(a, f->feed);
    for (uint32_t i = 0; i < f->n_parts; i++)
        push_part(a, &f->part[i]);
    for (uint32_t i = 0; i < f->n_records; i++)
        push_record(a, &f->record[i]);
    store_push_outs(a, f->out, f->n_outs);
    for (uint32_t i = 0; i < groups.n_groups; i++)
        push_group(a, &groups, &groups.group[i]);
    return a->failed ? -ENOMEM : 0;
}

static void finish_flush(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct redis_store *s = call->store;
    int64_t overflowed = 0;
    char sentence[REDIS_WHY_MAX];
    s->flushing = false;
    s->stats.last_flush_ms = (double)(uv_hrtime() - call->since_ns) / 1e6;
    if (reply)
        r = redis_script_result(reply, 3, &detail);
    if (reply && r == STORE_OK) {
        s->stats.flushes++;
        s->stats.flush_cells += call->cells;
        s->stats.flush_records += call->records;
        if (redis_reply_int(reply->element[2], &overflowed) == 0 && overflowed > 0) {
            snprintf(sentence, sizeof sentence, "%lld cells would leave the range of int64 and were not added",
                     (long long)overflowed);
            detail = sentence;
        }
    }
    s->stats.stale += r == STORE_STALE;
    s->stats.conflicts += r == STORE_CONFLICT;
    call->cb.flush(call->ctx, r, detail);
}

int redis_store_flush(struct redis_store *s, const struct store_flush *f, store_flush_cb cb, void *ctx)
{
    if (s->flushing)
        return -EBUSY;
    int rc = push_flush(s, f);
    if (rc < 0)
        return rc;
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_flush;
    call->cb.flush = cb;
    call->cells = f->n_cells;
    call->records = f->n_records;
    rc = store_call_send(call, LANE_INGEST, SCRIPT_FLUSH);
    s->flushing = rc == 0;
    return rc;
}

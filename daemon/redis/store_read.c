/* Plain reads: records, hashes, panes. */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { VERSION_BYTES = 8 };

/* ---- records ---- */

static int read_record(const redisReply *value, struct store_record *ret)
{
    if (value->type == REDIS_REPLY_NIL)
        return 0;
    if (value->type != REDIS_REPLY_STRING || value->len < VERSION_BYTES)
        return -1;
    for (int i = 0; i < VERSION_BYTES; i++)
        ret->version = ret->version << 8 | (unsigned char)value->str[i];
    ret->expected = ret->version;
    ret->bytes = (struct slice){ value->str + VERSION_BYTES, (uint32_t)(value->len - VERSION_BYTES) };
    return 0;
}

static enum store_result read_records(const struct store_call *call, const redisReply *reply, struct store_record **ret)
{
    if (reply->elements != call->n_asked)
        return STORE_BROKEN;
    *ret = calloc(call->n_asked, sizeof **ret);
    if (!*ret)
        return STORE_UNKNOWN;
    for (uint32_t i = 0; i < call->n_asked; i++) {
        (*ret)[i].key = call->asked[i];
        if (read_record(reply->element[i], &(*ret)[i]) < 0)
            return STORE_BROKEN;
    }
    return STORE_OK;
}

static void finish_load(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_record *records = NULL;
    if (reply)
        r = redis_array_result(reply, &detail);
    if (reply && r == STORE_OK)
        r = read_records(call, reply, &records);
    call->cb.records(call->ctx, r, r == STORE_OK ? records : NULL, r == STORE_OK ? call->n_asked : 0);
    free(records);
}

int redis_store_load(struct redis_store *s, const struct slice *keys, uint32_t n, store_records_cb cb, void *ctx)
{
    if (n == 0)
        return -EINVAL;
    struct store_call *call = store_call_new(s, keys, n, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_load;
    call->cb.records = cb;
    redis_argv_clear(&s->argv);
    redis_argv_text(&s->argv, "MGET");
    for (uint32_t i = 0; i < n; i++)
        redis_argv_key(&s->argv, keys[i]);
    return store_call_send(call, LANE_INGEST, SCRIPT_NONE);
}

/* ---- lists of strings: hashes and pane keys ---- */

static struct slice *read_strings(const redisReply *reply)
{
    struct slice *list = calloc(reply->elements ? reply->elements : 1, sizeof *list);
    for (size_t i = 0; list && i < reply->elements; i++)
        list[i] = redis_reply_slice(reply->element[i]);
    return list;
}

static enum store_result list_result(enum store_result r, const redisReply *reply, struct slice **ret)
{
    const char *detail;
    if (reply)
        r = redis_array_result(reply, &detail);
    if (reply && r == STORE_OK && !(*ret = read_strings(reply)))
        r = STORE_UNKNOWN;
    return r;
}

static void finish_hash(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    (void)detail;
    struct slice *list = NULL;
    r = list_result(r, reply, &list);
    call->cb.hash(call->ctx, r, list, list ? (uint32_t)(reply->elements / 2) : 0);
    free(list);
}

int redis_store_hash(struct redis_store *s, struct slice key, store_hash_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_hash;
    call->cb.hash = cb;
    redis_argv_clear(&s->argv);
    redis_argv_text(&s->argv, "HGETALL");
    redis_argv_key(&s->argv, key);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_NONE);
}

static void finish_keys(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    (void)detail;
    struct slice *list = NULL;
    r = list_result(r, reply, &list);
    call->cb.keys(call->ctx, r, list, list ? (uint32_t)reply->elements : 0);
    free(list);
}

static struct store_call *keys_call(struct redis_store *s, store_keys_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return NULL;
    call->finish = finish_keys;
    call->cb.keys = cb;
    return call;
}

int redis_store_orphans(struct redis_store *s, int64_t until_ms, int64_t day_ms, uint32_t max, store_keys_cb cb,
                        void *ctx)
{
    static const char *const keys[] = { "meta", "orphans", "erasures", NULL };
    struct store_call *call = keys_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    redis_argv_int(&s->argv, until_ms);
    redis_argv_int(&s->argv, day_ms);
    redis_argv_uint(&s->argv, max);
    return store_call_send(call, LANE_INGEST, SCRIPT_ORPHANS);
}

int redis_store_names(struct redis_store *s, const struct store_names *what, store_keys_cb cb, void *ctx)
{
    static const char *const keys[] = { "meta", NULL };
    struct store_call *call = keys_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    redis_argv_slice(&s->argv, what->cursor);
    redis_argv_uint(&s->argv, what->count);
    redis_argv_slice(&s->argv, what->org);
    for (uint32_t i = 0; i < what->n_texts; i++)
        redis_argv_slice(&s->argv, what->texts[i]);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_NAMES);
}

int redis_store_pane_keys(struct redis_store *s, store_keys_cb cb, void *ctx)
{
    struct store_call *call = keys_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    redis_argv_clear(&s->argv);
    redis_argv_text(&s->argv, "ZRANGE");
    redis_argv_key(&s->argv, SLICE("panes"));
    redis_argv_text(&s->argv, "0");
    redis_argv_text(&s->argv, "-1");
    return store_call_send(call, LANE_EVALUATE, SCRIPT_NONE);
}

/* ---- panes: (code, detail, feed sequence, fields and values of each key ..) ---- */

enum { PANES_HEAD = 3 };

static bool is_overflow_mark(struct slice field)
{
    return field.n > 0 && field.p[field.n - 1] == '!';
}

static int read_pane(struct slice key, const redisReply *pane, struct store_cell *cells, uint32_t *n)
{
    for (size_t i = 0; i + 1 < pane->elements; i += 2) {
        struct store_cell cell = { .key = key, .field = redis_reply_slice(pane->element[i]) };
        if (is_overflow_mark(cell.field))
            continue;
        if (redis_reply_int(pane->element[i + 1], &cell.value) < 0)
            return -1;
        cells[(*n)++] = cell;
    }
    return 0;
}

static enum store_result read_panes(const struct store_call *call, const redisReply *reply, struct store_cell **ret,
                                    uint32_t *n)
{
    size_t total = 1;
    if (reply->elements != PANES_HEAD + (size_t)call->n_asked)
        return STORE_BROKEN;
    for (uint32_t i = 0; i < call->n_asked; i++)
        total += reply->element[PANES_HEAD + i]->elements / 2;
    *ret = calloc(total, sizeof **ret);
    if (!*ret)
        return STORE_UNKNOWN;
    for (uint32_t i = 0; i < call->n_asked; i++)
        if (read_pane(call->asked[i], reply->element[PANES_HEAD + i], *ret, n) < 0)
            return STORE_BROKEN;
    return STORE_OK;
}

static void finish_panes(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_cell *cells = NULL;
    uint32_t n = 0;
    int64_t seq = 0;
    if (reply)
        r = redis_script_result(reply, PANES_HEAD, &detail);
    if (reply && r == STORE_OK && redis_reply_int(reply->element[2], &seq) < 0)
        r = STORE_BROKEN;
    if (reply && r == STORE_OK)
        r = read_panes(call, reply, &cells, &n);
    call->cb.panes(call->ctx, r, (uint64_t)seq, r == STORE_OK ? cells : NULL, r == STORE_OK ? n : 0);
    free(cells);
}

int redis_store_panes(struct redis_store *s, const struct slice *keys, uint32_t n, store_panes_cb cb, void *ctx)
{
    static const char *const meta[] = { "meta", NULL };
    struct store_call *call = store_call_new(s, keys, n, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_panes;
    call->cb.panes = cb;
    store_begin(s, meta);
    for (uint32_t i = 0; i < n; i++)
        redis_argv_slice(&s->argv, keys[i]);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_PANES);
}

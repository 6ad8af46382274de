/* The feed and the outbox: streams whose entry ids are "<sequence>-0". */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdlib.h>

static void push_range(struct redis_argv *a, struct slice key, uint64_t after_seq, uint32_t max)
{
    redis_argv_clear(a);
    redis_argv_text(a, "XRANGE");
    redis_argv_key(a, key);
    redis_argv_uint(a, after_seq + 1);
    redis_argv_text(a, "+");
    redis_argv_text(a, "COUNT");
    redis_argv_uint(a, max);
}

/* An entry is (id, (name, value, name, value, ..)). NULL if it is not. */
static const redisReply *entry_fields(const redisReply *entry, uint64_t *ret_seq)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        redis_reply_stream_id(entry->element[0], ret_seq) < 0)
        return NULL;
    return entry->element[1]->type == REDIS_REPLY_ARRAY ? entry->element[1] : NULL;
}

static int read_feed_entry(const redisReply *entry, struct store_feed_entry *ret)
{
    const redisReply *fields = entry_fields(entry, &ret->seq);
    if (!fields || fields->elements != 2 || !slice_eq(redis_reply_slice(fields->element[0]), SLICE("d")))
        return -1;
    ret->bytes = redis_reply_slice(fields->element[1]);
    return 0;
}

static void finish_feed(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_feed_entry *list = NULL;
    uint32_t n = 0;
    if (reply)
        r = redis_array_result(reply, &detail);
    if (reply && r == STORE_OK && !(list = calloc(reply->elements + 1, sizeof *list)))
        r = STORE_UNKNOWN;
    for (; list && r == STORE_OK && n < reply->elements; n++)
        if (read_feed_entry(reply->element[n], &list[n]) < 0)
            r = STORE_BROKEN;
    call->cb.feed(call->ctx, r, r == STORE_OK ? list : NULL, r == STORE_OK ? n : 0);
    free(list);
}

int redis_store_feed(struct redis_store *s, uint64_t after_seq, uint32_t max, store_feed_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_feed;
    call->cb.feed = cb;
    push_range(&s->argv, SLICE("feed"), after_seq, max);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_NONE);
}

static int read_outbox_entry(const redisReply *entry, struct store_outbox_entry *ret)
{
    const redisReply *fields = entry_fields(entry, &ret->seq);
    if (!fields)
        return -1;
    struct {
        const char *name;
        struct slice *value;
    } rows[] = {
        { "topic", &ret->out.topic }, { "key", &ret->out.key },         { "id", &ret->out.id },
        { "type", &ret->out.type },   { "payload", &ret->out.payload },
    };
    enum { N_ROWS = sizeof rows / sizeof rows[0] };
    if (fields->elements != (size_t)2 * N_ROWS)
        return -1;
    for (int i = 0; i < N_ROWS; i++) {
        if (!slice_eq(redis_reply_slice(fields->element[2 * i]), slice_of(rows[i].name)))
            return -1;
        *rows[i].value = redis_reply_slice(fields->element[2 * i + 1]);
    }
    return 0;
}

static void finish_outbox(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_outbox_entry *list = NULL;
    uint32_t n = 0;
    if (reply)
        r = redis_array_result(reply, &detail);
    if (reply && r == STORE_OK && !(list = calloc(reply->elements + 1, sizeof *list)))
        r = STORE_UNKNOWN;
    for (; list && r == STORE_OK && n < reply->elements; n++)
        if (read_outbox_entry(reply->element[n], &list[n]) < 0)
            r = STORE_BROKEN;
    call->cb.outbox(call->ctx, r, r == STORE_OK ? list : NULL, r == STORE_OK ? n : 0);
    free(list);
}

int redis_store_outbox(struct redis_store *s, uint64_t after_seq, uint32_t max, store_outbox_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_outbox;
    call->cb.outbox = cb;
    push_range(&s->argv, SLICE("outbox"), after_seq, max);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_NONE);
}

int redis_store_outbox_trim(struct redis_store *s, int64_t lease_epoch, uint64_t up_to, store_flush_cb cb, void *ctx)
{
    static const char *const keys[] = { "lease", "outbox", NULL };
    struct store_call *call = store_flush_call(s, cb, ctx);
    if (!call)
        return -ENOMEM;
    store_begin(s, keys);
    redis_argv_int(&s->argv, lease_epoch);
    redis_argv_uint(&s->argv, up_to + 1);
    return store_call_send(call, LANE_EVALUATE, SCRIPT_OUTBOX_TRIM);
}

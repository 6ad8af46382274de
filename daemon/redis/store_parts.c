/* Claims and offsets. */
#include "daemon/redis/store_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/redis/part_text.h"

static const char *const off_keys[] = { "meta", "off", NULL };

/* (code, detail, field, line, field, line, ..) to parts. */
static int read_parts(const redisReply *reply, struct store_part *parts)
{
    for (size_t i = 2; i + 1 < reply->elements; i += 2)
        if (part_text_read(redis_reply_slice(reply->element[i]), redis_reply_slice(reply->element[i + 1]),
                           &parts[i / 2 - 1]) < 0)
            return -1;
    return 0;
}

static void finish_parts(struct store_call *call, enum store_result r, const redisReply *reply, const char *detail)
{
    struct store_part *parts = NULL;
    uint32_t n = 0;
    if (reply)
        r = redis_script_result(reply, 2, &detail);
    if (reply && r == STORE_OK) {
        n = (uint32_t)(reply->elements / 2 - 1);
        parts = calloc(n ? n : 1, sizeof *parts);
        if (!parts)
            r = STORE_UNKNOWN;
        else if (read_parts(reply, parts) < 0)
            r = STORE_BROKEN;
    }
    call->cb.parts(call->ctx, r, r == STORE_OK ? parts : NULL, r == STORE_OK ? n : 0);
    free(parts);
}

int redis_store_claim(struct redis_store *s, const struct store_part *parts, uint32_t n, store_parts_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_parts;
    call->cb.parts = cb;
    store_begin(s, off_keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    for (uint32_t i = 0; i < n; i++)
        store_push_part_field(&s->argv, &parts[i]);
    return store_call_send(call, LANE_INGEST, SCRIPT_CLAIM);
}

int redis_store_offsets(struct redis_store *s, store_parts_cb cb, void *ctx)
{
    struct store_call *call = store_call_new(s, NULL, 0, ctx);
    if (!call)
        return -ENOMEM;
    call->finish = finish_parts;
    call->cb.parts = cb;
    store_begin(s, off_keys);
    redis_argv_text(&s->argv, REDIS_LAYOUT);
    return store_call_send(call, LANE_INGEST, SCRIPT_OFFSETS);
}

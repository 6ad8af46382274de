/* Reads answers of Redis. Does not own them. */
#include "daemon/redis/reply.h"

#include <errno.h>
#include <stdlib.h>

enum { INT_TEXT_MAX = 24 };

bool redis_error_denied(const char *error)
{
    return strncmp(error, "NOPERM", 6) == 0 || strncmp(error, "NOAUTH", 6) == 0;
}

static bool begins_with_one(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strncmp(text, *words, strlen(*words)) == 0)
            return true;
    return false;
}

bool redis_error_elsewhere(const char *error)
{
    static const char *const words[] = { "MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN", "READONLY", NULL };
    return begins_with_one(error, words);
}

enum store_result redis_error_result(const char *error)
{
    static const char *const passing[] = { "OOM",      "MISCONF",    "LOADING",
                                           "BUSY ",    "NOREPLICAS", "MASTERDOWN",
                                           "NOSCRIPT", "UNBLOCKED",  "ERR max number of clients",
                                           "NOPERM",   "NOAUTH",     NULL };
    return redis_error_elsewhere(error) || begins_with_one(error, passing) ? STORE_BUSY : STORE_BROKEN;
}

enum store_result redis_script_result(const redisReply *reply, size_t min, const char **ret_detail)
{
    enum store_result r = redis_array_result(reply, ret_detail);
    if (r != STORE_OK)
        return r;
    *ret_detail = "an answer of unexpected form";
    if (reply->elements < 2 || reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return STORE_BROKEN;
    long long code = reply->element[0]->integer;
    if (code < STORE_OK || code > STORE_BROKEN || (code == STORE_OK && reply->elements < min))
        return STORE_BROKEN;
    *ret_detail = reply->element[1]->str;
    return (enum store_result)code;
}

enum store_result redis_array_result(const redisReply *reply, const char **ret_detail)
{
    *ret_detail = "";
    if (reply->type == REDIS_REPLY_ARRAY)
        return STORE_OK;
    *ret_detail = reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer of unexpected form";
    return reply->type == REDIS_REPLY_ERROR ? redis_error_result(reply->str) : STORE_BROKEN;
}

struct slice redis_reply_slice(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        return (struct slice){ NULL, 0 };
    return (struct slice){ reply->str, (uint32_t)reply->len };
}

int redis_slice_int(struct slice text, int64_t *ret)
{
    char buf[INT_TEXT_MAX];
    if (text.n == 0 || text.n >= sizeof buf)
        return -1;
    memcpy(buf, text.p, text.n);
    buf[text.n] = '\0';
    char *end;
    errno = 0;
    long long value = strtoll(buf, &end, 10);
    if (*end || errno || (buf[0] != '-' && (buf[0] < '0' || buf[0] > '9')))
        return -1;
    *ret = value;
    return 0;
}

int redis_reply_int(const redisReply *reply, int64_t *ret)
{
    if (reply->type != REDIS_REPLY_INTEGER)
        return redis_slice_int(redis_reply_slice(reply), ret);
    *ret = reply->integer;
    return 0;
}

int redis_reply_stream_id(const redisReply *reply, uint64_t *ret_seq)
{
    struct slice id = redis_reply_slice(reply);
    const char *dash = id.n ? memchr(id.p, '-', id.n) : NULL;
    int64_t seq;
    if (!dash || redis_slice_int((struct slice){ id.p, (uint32_t)(dash - id.p) }, &seq) < 0 || seq < 0)
        return -1;
    *ret_seq = (uint64_t)seq;
    return 0;
}

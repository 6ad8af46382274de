/* What an answer of Redis means. */
#ifndef CRMPULSE_REDIS_REPLY_H
#define CRMPULSE_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "crmpulse/store.h"

/* STORE_BUSY if the error is one that passes (OOM, LOADING, rights withdrawn ..; Redis has executed nothing), else STORE_BROKEN. */
enum store_result redis_error_result(const char *error);
/* Rights are missing: at the first connection that is a configuration to mend, later something that was taken away and may come back. */
bool redis_error_denied(const char *error);

/* The server does not serve the shard, or not now: the cluster moved it (MOVED), is moving it (ASK, TRYAGAIN) or is down; the server is a replica. */
bool redis_error_elsewhere(const char *error);

/* The result of one of our scripts: an array that begins with (code, detail) and has at least `min` elements. *ret_detail borrows from the reply. */
enum store_result redis_script_result(const redisReply *reply, size_t min, const char **ret_detail);

/* The result of a plain command that answers an array. */
enum store_result redis_array_result(const redisReply *reply, const char **ret_detail);

struct slice redis_reply_slice(const redisReply *reply);    /* of a string; empty for anything else */
int redis_reply_int(const redisReply *reply, int64_t *ret); /* decimal text or integer; -1 if it is neither */
int redis_slice_int(struct slice text, int64_t *ret);       /* -1 if it is no decimal int64 */
int redis_reply_stream_id(const redisReply *reply, uint64_t *ret_seq); /* "<seq>-0" */

#endif

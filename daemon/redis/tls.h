/* TLS on a connection to Redis, with OpenSSL and hiredis 1.0 or later; a build without it refuses. */
#ifndef CRMPULSE_REDIS_TLS_H
#define CRMPULSE_REDIS_TLS_H

#include <hiredis/async.h>

#include "crmpulse/config.h"

struct redis_tls; /* of one connection; belongs to its context and goes with it */

/* Begin TLS on a context that has just connected: at least TLS 1.2, the server's certificate is verified and must be made out to redis.tls_name (else
 * `host`, a name or a numeric address). The files named in the configuration are read anew. NULL with the reason, *ret_local if it lies in our
 * configuration or files; the handshake goes on with what is sent next, and nothing is sent before it has succeeded. */
struct redis_tls *redis_tls_start(redisAsyncContext *ac, const struct config *config, const char *host, bool *ret_local,
                                  char *why, size_t cap);

/* Why a connection with TLS was lost, while its context is still there; `otherwise` if TLS has nothing to say. The text lives in `why` or elsewhere. */
const char *redis_tls_why(const struct redis_tls *tls, const char *otherwise, char *why, size_t cap);

#endif

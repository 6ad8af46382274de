/* Which shard an org lives in. Never to be changed: what is stored lies there. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/redis_store.h"

uint32_t redis_shard_of(struct slice org, uint32_t n_shards)
{
    return n_shards <= 1 ? 0 : (uint32_t)(XXH3_64bits(org.p, org.n) % n_shards);
}

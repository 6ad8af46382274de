/* What Redis shows of an org, kept for a moment: hashes by name, read whole and at most about once a second however many ask. So a thousand readers cost
 * Redis as much as one. A large hash is read more seldom: reading takes a fiftieth of Redis' time at most. */
#ifndef CRMPULSE_HTTP_DATA_H
#define CRMPULSE_HTTP_DATA_H

#include <uv.h>

#include "crmpulse/config.h"
#include "crmpulse/slice.h"

enum { DATA_ENTRIES_MAX = 256 };

struct data;

/* A hash as it was read last. Fields in bytewise order; borrowed until control goes back to the loop. */
struct data_hash {
    uint32_t n;
    const struct slice *pair; /* field, value, field, value .. */
    uint64_t version;         /* equal exactly if the content is (with all likelihood): a hash of it */
};

enum data_state {
    DATA_READY,
    DATA_WAIT, /* it is being read: `changed` comes */
    DATA_GONE  /* the shard's Redis is not there now, or there is too much asked for */
};

/* `changed` is called whenever something was read, or cannot be read. NULL: out of memory. `config` is borrowed. */
struct data *data_new(uv_loop_t *loop, const struct config *config, void (*changed)(void *ctx), void *ctx);
/* Closes the connections; run the loop until it is empty, then data_free. Accepts NULL. */
void data_close(struct data *d);
void data_free(struct data *d);

/* The hash "cp:{s}:<key>" of the org's shard. Asking keeps it fresh. */
enum data_state data_hash(struct data *d, struct slice org, struct slice key, struct data_hash *ret);
/* Of a field, borrowed like the hash; p NULL: there is no such field. O(log n). */
struct slice data_value(const struct data_hash *h, struct slice field);

#endif

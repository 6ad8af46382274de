/* What a consumer and a producer share: settings, waking the loop, an end that never hangs. */
#ifndef CRMPULSE_KAFKA_CLIENT_H
#define CRMPULSE_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "crmpulse/config.h"

struct client_setting {
    const char *name, *value;
};

/* A new configuration: `defaults`, then the brokers, the client id, security and the further properties of the user, then `fixed`,
 * which nobody overrides. Tables end with a row without name. NULL with the reason in `err`. */
rd_kafka_conf_t *client_conf(const struct config *config, const struct client_setting *defaults,
                             const struct client_setting *fixed, char *err, size_t err_cap);

/* One setting. 0, or -1 with the reason in `err`. */
int client_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *err, size_t err_cap);
int client_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, char *err, size_t err_cap);

/* An eventfd on the loop that a client's queue writes to. */
struct client_wake {
    uv_poll_t poll; /* .data is the owner's */
    int fd;
};

/* 0, or -1. `woken` is called on the loop; it must call client_wake_clear. The poll handle does not keep a loop alive that
 * has nothing else to do only if the caller unrefs it. */
int client_wake_start(struct client_wake *wake, uv_loop_t *loop, uv_poll_cb woken);
void client_wake_clear(struct client_wake *wake);
void client_wake_attach(struct client_wake *wake, rd_kafka_queue_t *queue);

/* After this the queue never writes to the eventfd again; gives the queue's reference back. */
void client_wake_detach(rd_kafka_queue_t *queue);

/* Closes a consumer's membership and destroys the client in a thread of its own; waits for that at most `wait_ms` (0: not
 * at all). True if it is over. False: the thread goes on by itself, and what its callbacks touch must stay. `owned` (or
 * NULL) is freed once the client is gone: it belongs to the client from here on. */
bool client_end(rd_kafka_t *rk, int64_t wait_ms, void *owned);

#endif

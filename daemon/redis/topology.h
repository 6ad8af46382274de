/* Where a shard lives: one of a list of servers, the node of a Redis Cluster that serves its slot, or the primary that Sentinels name. Decides what to
 * connect to next and learns from answers; asks nothing itself.
 *
 * All keys of a shard share one hash tag, so a shard lives in one slot, on one server, and each of its connections needs one address at a time. */
#ifndef CRMPULSE_REDIS_TOPOLOGY_H
#define CRMPULSE_REDIS_TOPOLOGY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "crmpulse/config.h"
#include "crmpulse/slice.h"
#include "daemon/redis/address.h"

enum { REDIS_SERVERS_MAX = 32, REDIS_REDIRECTS_MAX = 5 };

enum redis_topology_kind {
    TOPOLOGY_LIST,    /* one server or several; shard s lives on number s mod n */
    TOPOLOGY_CLUSTER, /* the servers given are where to ask first */
    TOPOLOGY_SENTINEL /* the servers given are Sentinels */
};

struct redis_topology {
    enum redis_topology_kind kind;
    uint32_t shard, slot;
    uint32_t n_given, n_learned;
    struct redis_address given[REDIS_SERVERS_MAX];
    struct redis_address learned[REDIS_SERVERS_MAX]; /* nodes that the cluster named last, beside those given */
    struct redis_address target;                     /* where the shard is said to live */
    bool has_target;                                 /* not tried yet */
    uint32_t next;                                   /* whom to ask next, counted on and on */
    uint32_t redirects;                              /* in a row */
};

/* What an answer about the topology means for the connection it came by. */
enum redis_whither {
    WHITHER_HERE,   /* this is the server */
    WHITHER_THERE,  /* another: connect to it */
    WHITHER_NOWHERE /* nobody, as far as this one knows: ask another, later */
};

/* The slot of a key in a cluster: CRC16 (XMODEM) of its hash tag, mod 16384 (Redis Cluster specification). */
uint32_t redis_slot(struct slice key);

/* From the configuration. 0, or -1 with a sentence in *ret_why (static text). */
int redis_topology_init(struct redis_topology *t, const struct config *config, uint32_t shard, const char **ret_why);

/* The address to connect to next. True: it is a Sentinel, to be asked for the primary. */
bool redis_topology_next(struct redis_topology *t, struct redis_address *ret);

/* An answer to CLUSTER SLOTS from the node at `here`. Learns the nodes' addresses. */
enum redis_whither redis_topology_slots(struct redis_topology *t, const redisReply *reply,
                                        const struct redis_address *here);
/* An answer to SENTINEL GET-MASTER-ADDR-BY-NAME. Never HERE. */
enum redis_whither redis_topology_master(struct redis_topology *t, const redisReply *reply);
/* An error "MOVED slot host:port" from the node at `here`. THERE, or NOWHERE if it cannot be read. */
enum redis_whither redis_topology_moved(struct redis_topology *t, const char *error, const struct redis_address *here);

/* May another redirection be followed at once? No after REDIS_REDIRECTS_MAX in a row: nodes that disagree are asked again later. */
bool redis_topology_may_follow(struct redis_topology *t);
/* The connection works: redirections are counted from anew. */
void redis_topology_settled(struct redis_topology *t);

/* Which server of how many this shard's is, for the signature of the shard: "<index>/<n>"; "" in a cluster, which moves slots as it likes. */
void redis_topology_place(const struct redis_topology *t, char *to, size_t cap);

#endif

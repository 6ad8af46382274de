/* The daemon's parts and how they hang together. Data goes one way: ingest -> shard (flush) -> judge -> publish; each part tells the next one only
 * that there may be something to do. */
#ifndef CRMPULSE_DAEMON_H
#define CRMPULSE_DAEMON_H

#include <uv.h>

#include "crmpulse/arena.h"
#include "crmpulse/config.h"
#include "crmpulse/engine.h"
#include "crmpulse/eval.h"
#include "crmpulse/event_decode.h"
#include "crmpulse/kafka_in.h"
#include "crmpulse/kafka_out.h"
#include "crmpulse/redis_store.h"
#include "crmpulse/status.h"
#include "daemon/log.h"

struct daemon;
struct judge;
struct publish;

enum part_state { PART_RUN, PART_PAUSED, PART_HALTED };

/* One assigned partition as ingest sees it. */
struct part {
    struct slice topic; /* owned by kafka_in */
    int32_t partition;
    enum part_state state;
    char why[160];    /* PAUSED, HALTED: the reason */
    int64_t position; /* next offset to take; -1: from the beginning */
    int64_t verify;   /* offset whose CRC is compared before anything is applied (I5), -1: none */
    uint32_t verify_crc;
    int64_t verified; /* what shards applied from here on was compared since they were asked */
    int64_t low;      /* first offset of the log, as far as we know; what is before it cannot be compared */
    int64_t last;     /* newest offset taken, -1 */
    uint32_t last_crc;
    int64_t max_event_ms;
    int64_t seen_ms; /* newest event of the batch at work that was looked at, applied or not */
    bool blocked;    /* in this pass a correction waits for records: what follows it must not be applied before it */
    bool
        behind; /* in this pass an event waits for records: no merge that follows may be applied before it, nothing be given up */
    uint64_t eof_at_ms; /* loop time since when the end of the log is reached; 0: not at the end */
    bool idle;
};

/* The chain of one partition in one shard. */
struct chain {
    int64_t stored_next;  /* what the store holds, as far as we know */
    int64_t flushed_next; /* in the flush in flight */
    int64_t epoch;
    int64_t last; /* newest record that it holds, -1 */
    uint32_t last_crc;
    int64_t read, applied, duplicate, late, dead;
    int64_t max_event_ms; /* newest event time before stored_next when reading began */
};

struct out_list {
    struct store_out *v;
    uint32_t n, cap;
    struct arena text;
};

/* Records of corrections to be given up (orphans.c). */
struct orphan_sweep {
    struct slice *key;
    uint32_t n, cap, next; /* of them is the next one */
    struct arena text;
    int64_t until_ms; /* event time asked for */
    int64_t seen_ms;  /* up to which nothing is due any more */
    uint64_t not_before_ms;
    bool asking;
};

/* Names that are being deleted (clean.c), and taken out of the records of others (forget.c). */
struct clean {
    enum {
        CLEAN_IDLE,
        CLEAN_BUSY,    /* the store is asked */
        CLEAN_RECORDS, /* `found` is rewritten between two batches */
        CLEAN_FLUSH,   /* until that is stored */
        CLEAN_DONE
    } state;
    struct arena text;
    struct slice key, names, panes,
        state_org; /* the record; names; how keys of panes and fields of the state of the org begin */
    struct slice *pane;
    uint32_t n, next;
    struct slice org, org_key, ids; /* as it is, and as in keys; "user:<id>", a line each */
    struct arena walk;              /* of one step: */
    struct slice cursor, *found;
    uint32_t n_found;
    bool moving; /* the first of two walks over all records */
    uint64_t not_before_ms;
};

struct shard {
    struct daemon *d;
    uint32_t index;
    struct redis_store *store;
    enum store_state store_state;
    uint64_t down_ms; /* loop time since when the store is not ready */
    /* Its store is gone for longer: the others go on without it. To ingest it is as if it had everything already (chain.stored_next); when it is back
     * reading starts again where it stands, and the others pass over what they have. */
    bool away;
    struct engine *engine;
    struct chain *chain; /* one per part, same order */
    struct out_list outs;
    bool flushing, loading, moved;
    bool booked;                             /* this configuration may go on with what the shard holds */
    struct look *look;                       /* while that is found out */
    bool tallying;                           /* counters are being written */
    struct engine_stats tallied, tally_sent; /* what the store was told, and is being told */
    uint64_t last_flush_ms;
    struct engine_stats bounds_told; /* counters as last said */
    uint64_t bounds_told_ms;
    struct judge *judge;
    struct publish *publish;
    struct orphan_sweep orphans;
    struct clean clean;
};

/* One record of Kafka in the batch at work. */
struct message {
    uint32_t part, shard;
    int64_t offset;
    uint32_t crc;
    struct slice value;
    int64_t newest_ms; /* newest event before it in its partition; since the message was looked at */
    bool looked, done;
};

enum ingest_state {
    INGEST_UNASSIGNED, /* no partitions */
    INGEST_CLAIMING,   /* waiting for the stores */
    INGEST_VERIFYING,  /* records that some shards have applied, ahead of where reading starts, are read and compared */
    INGEST_RUNNING,
    INGEST_REWINDING /* something went wrong: waiting to read the stores again */
};

struct ingest {
    bool begun; /* ingest_start was called */
    enum ingest_state state;
    uint64_t generation; /* raised whenever pending work is dropped: late answers are recognised by it */
    struct part *part;
    uint32_t n_parts;
    struct message *message;
    uint32_t n_messages, messages_cap, n_done;
    uint32_t cursor; /* next message of the pass under way */
    struct arena payload, decode;
    uint64_t looked_ms; /* loop time at which idle partitions were looked for last */
    uint32_t waiting;   /* answers from stores still to come */
    uint32_t asked;     /* stores that were asked for positions */
    uint32_t rewinds;   /* in a row */
    bool doubts;        /* the next start asks where the logs begin and end; until something was flushed */
    /* Messages taken at a time. A conflict throws a batch away: after one, batches are small, and grow again while there is none. */
    uint32_t batch_max;
    bool stepping;
    bool
        broker_lost; /* since reading began: the next message is not taken before the last applied records were compared */
    uv_timer_t retry, tick;
    uv_idle_t more;
    bool more_active;
};

/* Partitions of the input topics, in the order of the configuration. */
struct topic_sizes {
    uint32_t n;
    int32_t size[CONFIG_TOPICS_MAX];
    bool known, asking;
    bool again; /* asked for anew while a question was under way: its answer is old */
    uint64_t not_before_ms;
};

/* Whether the log, the group and the store agree; asked whenever partitions were claimed. */
struct standing {
    bool known;          /* answered since the partitions were claimed */
    bool wanted;         /* reading waits for the answer */
    uint64_t generation; /* of the work that asks */
    uint64_t question;   /* of the work whose question is under way, or was answered last */
    uint64_t not_before_ms;
    uint32_t asked;        /* times in a row */
    uint64_t committed_ms; /* when offsets were last committed to the group */
};

/* What systemd was told (supervisor.c). */
struct supervisor {
    uv_timer_t timer;
    bool told;            /* somebody listens */
    bool ready;           /* READY=1 was said */
    uint64_t watchdog_ms; /* 0: none */
    uint64_t watchdog_at_ms, status_at_ms, ticks_seen;
    char status[300]; /* as last told */
};

/* What the command line says of one run. */
struct daemon_options {
    bool until_idle;  /* stop once everything is read, judged and published */
    bool rebuild;     /* an emptied store is filled again from the beginning of the log */
    bool accept_loss; /* records that expired before they were read are passed over */
    /* Reads the configuration anew, for a reload; NULL: it cannot be. The result belongs to the caller. */
    struct config *(*read)(void *ctx, struct config_problems *problems);
    void (*release)(struct config *config); /* of what was read, or exchanged for it; NULL: config_free */
    void *read_ctx;
};

/* A new configuration on its way into the daemon (reload.c), and how the last one fared. */
struct reload {
    enum {
        RELOAD_NONE,
        RELOAD_ASKED,
        RELOAD_LOOKING, /* stores are asked what they hold */
        RELOAD_RESTING, /* until no judge waits for an answer */
        RELOAD_BOOKING  /* exchanged: until the stores know what is booked */
    } state;
    bool again; /* asked for while one is under way */
    struct config *next;
    uint32_t waiting; /* shards that have not answered */
    char why[1200];   /* the first thing against it; "": nothing */
    uint64_t since_ms;
    uint64_t done, failed; /* since the start */
    bool last_failed;
    int64_t last_ms;                               /* wall clock of the last that ended, 0: none */
    uint32_t rules_new, rules_changed, rules_gone; /* of the last that was taken over */
};

struct daemon {
    uv_loop_t loop;
    struct config *config;
    struct log log;
    struct event_codec codec;
    struct kafka_in *in;
    struct kafka_out *out;
    struct shard *shard;
    uint32_t n_shards;
    struct ingest ingest;
    struct topic_sizes sizes;
    struct standing standing;
    struct reload reload;
    struct supervisor supervisor;
    uint64_t ticks; /* of ingest.c, since the start */
    uv_signal_t on_term, on_int, on_hup;
    uv_timer_t stop_timer;
    char owner[256]; /* names this daemon in leases */
    bool stopping, refused, closing, started;
    int refused_code;                    /* exit code; 0: EXIT_FAILURE */
    uint64_t stop_deadline_ms, tally_ms; /* tally_ms: when counters are written next */
    bool tally_left;
    struct daemon_options opt;
    struct status_counts counts;
    struct http *http; /* NULL: http.listen is empty */
    uv_timer_t status_timer;
    int64_t started_ms;
};

int64_t wall_ms(void);

/* run.c: stop in an orderly way, within five seconds. */
void daemon_stop(struct daemon *d);
/* Run until stopped; the exit code. */
int daemon_run(struct config *config, const struct daemon_options *opt);
/* The same in steps, for who turns the loop himself: open (NULL: out of memory), run d->loop until it was stopped unless d->refused, close. */
struct daemon *daemon_open(struct config *config, const struct daemon_options *opt);
int daemon_close(struct daemon *d);

/* open_files.c: raises the limit of open files. -1: it is too low for Kafka's clients; the log says so. */
int open_files_allow(const struct daemon *d);

/* run.c: every store is ready; reading starts once all shards are `booked`. */
void daemon_begin(struct daemon *d);

/* supervisor.c: systemd, if it listens. 0, or a negative code of libuv. */
int supervisor_begin(struct daemon *d);
void supervisor_reloading(struct daemon *d);
void supervisor_reloaded(struct daemon *d);
void supervisor_stopping(struct daemon *d);

/* reload.c: another configuration while the daemon is at work. Asked for at any time; it is taken over whole, or not at all. */
void reload_ask(struct daemon *d);
void reload_tick(struct daemon *d);
void reload_drop(struct daemon *d); /* at the end */
/* Judging waits: no round may begin that would have to end with another configuration. */
bool reload_holds(const struct shard *s);
/* The answer to booking_try; `why` is NULL if nothing speaks against it. */
void reload_looked(struct shard *s, const char *why);
/* claim.c: drops what is pending and reads the stores again; partitions stay. */
void ingest_renew(struct daemon *d);
int shard_new_engine(struct shard *s); /* run.c: by the definitions in force; counters go on. -1: out of memory */

/* booking.c: would `next` go on with what the shard holds? The answer goes to reload_looked. Changes nothing. */
void booking_try(struct shard *s, const struct config *next);
/* booking.c: compares what the shard holds with the configuration, then daemon_begin; or refuses. Called whenever the store is ready. */
void booking_look(struct shard *s);
void booking_forget(struct shard *s);
/* bounds.c: warns of bounds that were hit since it was last called. */
void bounds_tell(struct shard *s, uint64_t now_ms);

/* status.c: HTTP, if it is configured, and what it tells. 0, or -1: it cannot listen; the log says why. */
int status_start(struct daemon *d);
/* What keeps partitions from being read that is not their own state, in a word. */
const char *status_phase(const struct daemon *d);
void status_stop(struct daemon *d);

/* tally.c: counters for people. tally_leave logs them at the end and is true when they are written. */
void tally_tick(struct daemon *d);
bool tally_leave(struct daemon *d);

/* ingest.c: messages */
int ingest_start(struct daemon *d);
void ingest_stop(struct daemon *d);
void ingest_readable(void *ctx);
void ingest_end(void *ctx, struct slice topic, int32_t partition, int64_t offset);
void ingest_fault(void *ctx, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why);
void ingest_step(struct daemon *d);
bool ingest_drained(const struct daemon *d); /* all partitions at their end, nothing pending */

/* claim.c: where reading starts */
void ingest_assigned(void *ctx, const struct store_part *parts, uint32_t n);
void ingest_revoked(void *ctx, const struct store_part *parts, uint32_t n);
/* Drop everything pending and start again from what the stores hold, after a delay; while the daemon is being stopped: drop it, and read no more. */
void ingest_rewind(struct daemon *d, const char *why, uint64_t delay_ms);
void ingest_halt(struct daemon *d, uint32_t part, const char *why);
/* All partitions; what is pending is dropped. */
void ingest_halt_all(struct daemon *d, const char *why);

/* Claims are answered and nothing speaks against the positions: reading starts. */
void ingest_begin(struct daemon *d);

/* standing.c: do log, group and store agree? */
void standing_ask(struct daemon *d); /* ends in ingest_begin */
void standing_tick(struct daemon *d);
void standing_leave(struct daemon *d); /* at the end, before the consumer is closed */

/* apply.c: one message of the batch */
void message_take(struct daemon *d, struct message *m);
/* Ask for the records that a message will need, as far as they can be told now; nothing else changes. */
void message_probe(struct daemon *d, const struct message *m);
/* Give up the correction that waits in a record, if it is due before until_ms, and tell it. False: records are missing. */
bool orphan_give_up(struct shard *s, struct slice key, int64_t until_ms);

/* orphans.c: corrections that have waited too long */
void orphans_init(struct shard *s);
void orphans_release(struct shard *s);
void orphans_drop(struct shard *s); /* pending work was dropped */
void orphans_tick(struct daemon *d);
bool orphans_work(struct daemon *d); /* between batches; false: records are missing */
bool orphans_settled(const struct shard *s);

/* clean.c: the names of who was erased for good */
void clean_begin(struct shard *s, struct slice key, const struct orphan *o); /* unless one is under way */
bool clean_end(struct shard *s);                     /* between batches; false: records are missing */
void clean_drop(struct shard *s);                    /* pending work was dropped, or there is none */
void clean_failed(struct shard *s, const char *why); /* later again, from the beginning */

/* forget.c: what names him in the records of others; two walks over all records, then CLEAN_DONE */
void forget_begin(struct shard *s);
bool forget_work(struct shard *s); /* between batches; false: records are missing */
void forget_tick(struct shard *s); /* nothing waits to be flushed */

/* flush.c */
bool shard_flush_due(const struct shard *s, uint64_t now_ms);
void shard_flush(struct shard *s);
int out_push(struct out_list *l, const struct store_out *out); /* copies */
void out_clear(struct out_list *l);

/* judge.c */
struct judge *judge_new(struct shard *s);
void judge_free(struct judge *j);
void judge_poke(struct judge *j);  /* there may be something to judge */
void judge_stir(struct judge *j);  /* there is something to judge */
void judge_doubt(struct judge *j); /* the store went away: it may come back as it was some time ago */
bool judge_rest(struct judge *j);  /* forgets its evaluator; false: a call of the store is under way, ask again later */
bool judge_settled(const struct judge *j);
int64_t judge_lease(const struct judge *j); /* its epoch, 0: none */
int64_t judge_reached(
    const struct judge *j); /* event time up to which it has judged; INT64_MIN: not its business, or nothing yet */
bool judge_leave(struct judge *j); /* at the end: gives the lease up; true when that is done. Called until then */

/* watermark.c */
void watermark_ask(struct daemon *d); /* topics may have grown: hold the watermark until their sizes are known */
void watermark_tick(struct daemon *d);

/* publish.c */
struct publish *publish_new(struct shard *s);
void publish_free(struct publish *p);
void publish_poke(struct publish *p, int64_t lease_epoch); /* 0: the lease is gone, stop */
void publish_tick(struct publish *p); /* dead letters and other daemons' entries are found by looking */
void publish_delivered(void *ctx, uint32_t shard, uint64_t seq);
void publish_failed(void *ctx, uint32_t shard, uint64_t seq, const char *why);
bool publish_settled(const struct publish *p);
uint32_t publish_open(const struct publish *p); /* entries handed to the producer that are still in the outbox */
bool publish_quiet(const struct publish *p);    /* at the end: nothing is under way any more */

#endif

/* The judge's inside, and the commit it collects. */
#ifndef CRMPULSE_JUDGE_INT_H
#define CRMPULSE_JUDGE_INT_H

#include "daemon/daemon.h"
#include "daemon/parked.h"

/* Results of one advance as store operations and outbox entries. */
struct commit_list {
    struct store_op *op;
    struct store_out *out;
    uint32_t n_ops, n_outs, ops_cap, outs_cap;
};

struct commit {
    struct commit_list list; /* views and what is told of them: may be written in parts, and again */
    struct commit_list last; /* alert transitions and the judged state: written together, after all else */
    struct arena text, encode;
    struct evaluator_sink sink;
    uint32_t next_op, next_out; /* of the list: what the next part begins with */
    bool last_built;
    int64_t lease_epoch;
    uint64_t trim_feed_before;
    struct store_commit built; /* the part under way */
    bool failed;
    const struct config *config;
    bool mute_rows;      /* no topic takes judged rows: they are counted and go nowhere */
    uint32_t rows_muted; /* since commit_clear */
};

void commit_init(struct commit *c);
void commit_clear(struct commit *c);
void commit_release(struct commit *c);
/* The sink that fills the commit. */
const struct evaluator_sink *commit_sink(struct commit *c);
int commit_state(void *ctx, struct slice org, struct slice key, struct slice value);

/* commit_parts.c: the collected results as commits of bounded size, in order. Sealed once, before the first part is taken. 0 or -1 (out of memory). */
int commit_seal(struct commit *c, int64_t lease_epoch, uint64_t trim_feed_before);
/* The next part, valid until the next call (c->built); NULL when all were taken. */
const struct store_commit *commit_next(struct commit *c);

struct pane_stand {
    struct slice key;
    uint64_t seq; /* feed sequence the pane was read at */
};

struct retained {
    uint64_t seq;
    int64_t max_cause_ms;
};

enum judge_phase { JUDGE_IDLE, JUDGE_LOADING, JUDGE_READY };

struct judge {
    struct shard *s;
    struct evaluator *evaluator;
    enum judge_phase phase;
    bool busy, settled, all_idle;
    bool doubt;        /* the connection broke since: the store may have lost what we committed last */
    bool commit_waits; /* c.built is to be sent: refused before, or the next part of several */
    int64_t lease_epoch;
    uint64_t lease_asked_ms, not_before_ms;
    uint64_t other_until_ms; /* loop time at which the lease of another daemon ends; 0: none seen */
    uint64_t feed_seq;       /* newest entry taken */
    uint64_t list_seq;       /* newest entry when the panes were listed */
    int64_t watermark_ms, newest_ms, judged_to_ms, chunk_ms;
    int64_t live_ms;           /* instant of the live view */
    struct retained *retained; /* entries of the feed with causes still to be judged */
    uint32_t retained_n, retained_cap;
    struct pane_stand *pane; /* while loading */
    uint32_t n_panes, loaded, loading_n;
    struct parked parked;
    struct arena text;
    struct commit commit;
};

/* Something went wrong: the evaluator is dropped and loaded again soon. */
void judge_fail(struct judge *j, const char *what, enum store_result r);
/* True at the end of the daemon: then nothing new is begun. */
bool judge_leaving(struct judge *j);

/* judge_load.c: a fresh evaluator from the store; in the end the phase is JUDGE_READY and judge_poke is called, or judge_fail. */
enum { JUDGE_FEED_READ = 200 /* entries at a time */ };
void judge_load(struct judge *j);
/* An entry of the feed into the evaluator. False: malformed or out of memory. */
bool judge_take_entry(struct judge *j, const struct store_feed_entry *entry, bool loading);

/* Moves the watermark, and newest_ms and all_idle, to what the store's partitions allow. */
void watermark_take(struct judge *j, const struct store_part *parts, uint32_t n);

/* The fields of the shard's `state`, n pairs of key and value, into an evaluator. False: malformed or out of memory. Also used by explain. */
bool judge_restore_state(struct evaluator *e, const struct slice *pairs, uint32_t n);
/* Cells as the store hands them out, into an evaluator; false if they are malformed. Also used by query. */
bool judge_restore_cells(struct evaluator *e, const struct store_cell *cells, uint32_t n);

#endif

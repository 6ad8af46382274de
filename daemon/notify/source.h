/* The alerts topic as a consumer group of its own: read_committed, from where the group stands, offsets committed as far as every receiver is done. */
#ifndef CRMPULSE_NOTIFY_SOURCE_H
#define CRMPULSE_NOTIFY_SOURCE_H

#include <uv.h>

#include "crmpulse/config.h"
#include "crmpulse/kafka_in.h"
#include "daemon/log.h"
#include "daemon/notify/marks.h"

struct source_events {
    void *ctx;
    /* One record; its mark has one reference, the receiver's. Non-zero: no more for now. */
    int (*record)(void *ctx, const struct kafka_message *m, struct mark *mark);
    void (*revoked)(void *ctx); /* all partitions are gone; marks are detached already */
    void (*running)(void *ctx); /* partitions are being read */
    void (*fatal)(void *ctx, const char *why);
};

struct source_counts {
    uint64_t read, lost; /* records; of them expired before they were read */
};

struct source;

/* NULL with the reason. `config`, `log` and `marks` are borrowed. */
struct source *source_new(uv_loop_t *loop, const struct config *config, const struct log *log, struct marks *marks,
                          const struct source_events *events, char *err, size_t err_cap);
/* Idempotent. */
void source_pause(struct source *s, bool pause);
/* Commits what is done; a commit that fails is made up by the next. */
void source_commit(struct source *s);
/* What was read and is behind the end of its partition, records; -1: not known. */
int64_t source_lag(const struct source *s);
const struct source_counts *source_counts(const struct source *s);
/* Commits, leaves the group, frees it by the loop; waits at most `deadline_ms`. Accepts NULL. */
void source_close(struct source *s, int64_t deadline_ms);

#endif

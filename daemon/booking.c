/* Before anything is read from Kafka, and again after each reconnect, for Redis may have lost what was written: what are the shard's cells booked by, and does this configuration book the same? If not, the daemon does not start:
 * a correction would withdraw what was never counted, and windows would mix two things under one name. Comparing: config/booking_match.c. */
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "daemon/crash_point.h"
#include "daemon/daemon.h"

enum { TIME_MAX = 40, PAIRS_MORE = 2 };

/* A look at one shard, while it is under way. */
struct look {
    struct arena text;
    int64_t newest_ms;
    bool used; /* some partition was read */
    struct slice *pane;
    uint32_t n_panes;
    char was[TIME_MAX], mixed[TIME_MAX]; /* fields "hash" and "mixed" as they were read */
    const struct config *next;           /* a reload asks for this one; NULL: that in force, which is to be written */
};

static void look_free(struct look *k)
{
    if (!k)
        return;
    arena_release(&k->text);
    free(k->pane);
    free(k);
}

static void end_look(struct shard *s)
{
    look_free(s->look);
    s->look = NULL;
}

static void refuse(struct shard *s, int exit_code)
{
    end_look(s);
    s->d->refused = true;
    s->d->refused_code = exit_code;
    uv_stop(&s->d->loop);
}

/* The connection was lost in between: the next one begins anew. What is wrong for good ends the start. */
static void failed(struct shard *s, enum store_result r, const char *what)
{
    const bool tries = s->look->next;
    end_look(s);
    if (tries)
        reload_looked(s, what);
    else if (!s->booked && s->d->started)
        return; /* reload.c looks again */
    else if (r == STORE_BROKEN) {
        log_line(&s->d->log, LOG_ERROR_, "booked", "shard %u: %s", s->index, what);
        refuse(s, EXIT_FAILURE);
    } else if (s->store_state == STORE_READY && !s->d->stopping) {
        booking_look(s);
    }
}

static void end_well(struct shard *s)
{
    CRASH_POINT(booked);
    end_look(s);
    if (!s->booked)
        log_line(&s->d->log, LOG_INFO_, "booked", "shard %u: by these definitions, %s", s->index,
                 s->d->config->booking.hash);
    s->booked = true;
    daemon_begin(s->d);
}

static void on_written(void *ctx, enum store_result r, const char *detail)
{
    struct shard *s = ctx;
    if (r == STORE_OK)
        end_well(s);
    else
        failed(s, r, detail ? detail : "what is booked could not be written");
}

static void write_booked(struct shard *s, const struct booked *held)
{
    const struct booking *b = &s->d->config->booking;
    struct slice *pair = calloc(2 * ((size_t)b->n + held->n_pairs + PAIRS_MORE), sizeof *pair);
    uint32_t n = 0;
    for (uint32_t i = 0; pair && i < held->n_pairs; i++) {
        if (!booking_keeps(s->d->config, held, i))
            continue;
        pair[2 * n] = held->pair[2 * i];
        pair[2 * n++ + 1] = held->pair[2 * i + 1];
    }
    for (uint32_t i = 0; pair && i < b->n; i++) {
        pair[2 * n] = slice_of(b->row[i].key);
        pair[2 * n++ + 1] = slice_of(b->row[i].value);
    }
    if (pair && *s->look->mixed) {
        pair[2 * n] = SLICE("mixed");
        pair[2 * n++ + 1] = slice_of(s->look->mixed);
    }
    if (pair) {
        pair[2 * n] = SLICE("hash");
        pair[2 * n++ + 1] = slice_of(b->hash);
    }
    int rc = pair ? redis_store_book(s->store, slice_of(s->look->was), pair, n, on_written, s) : -1;
    free(pair);
    if (rc < 0)
        failed(s, STORE_BROKEN, "what is booked cannot be written");
}

static void take_field(const struct slice *pair, const char *name, char to[static TIME_MAX])
{
    if (slice_eq(pair[0], slice_of(name)))
        snprintf(to, TIME_MAX, "%.*s", (int)pair[1].n, pair[1].p);
}

/* Whoever accepts a mix is asked no more; queries say since when. Nobody can accept a sum of two currencies. */
static void other(struct shard *s, const struct booked *held, enum booking_match match, const char *why)
{
    struct daemon *d = s->d;
    if (match == BOOKING_CURRENCY) {
        log_line(&d->log, LOG_ERROR_, "booked", "shard %u was booked in another currency: %s", s->index, why);
        log_line(
            &d->log, LOG_ERROR_, "booked",
            "amounts in two currencies are never added, nor are figures converted: go back to what Redis holds; or "
            "rebuild: stop all daemons, empty Redis, start again, and the topics are read from their beginning");
        refuse(s, CLI_CONFIG);
        return;
    }
    if (!d->config->run.accept_mixed) {
        log_line(&d->log, LOG_ERROR_, "booked", "shard %u was booked by other definitions: %s", s->index, why);
        log_line(&d->log, LOG_ERROR_, "booked",
                 "go back to what Redis holds; or rebuild: stop all daemons, empty Redis, start again, and the topics "
                 "are read from their beginning; "
                 "or set run.accept_mixed: figures and corrections that reach back then mix both");
        refuse(s, CLI_CONFIG);
        return;
    }
    log_line(&d->log, LOG_WARNING_, "booked", "shard %u: other definitions from now on: %s", s->index, why);
    size_t n = time_format(wall_ms(), s->look->mixed, sizeof s->look->mixed);
    s->look->mixed[n < TIME_MAX ? n : TIME_MAX - 1] = 0;
    write_booked(s, held);
}

/* What speaks against going on by another configuration: what would speak against a start. */
static void tried(struct shard *s, enum booking_match match, const char *why)
{
    char text[BOOKING_WHY_MAX + 100] = "";
    if (match == BOOKING_CURRENCY)
        snprintf(text, sizeof text, "amounts in two currencies would be added: %s", why);
    else if (match == BOOKING_OTHER && !s->d->config->run.accept_mixed)
        snprintf(text, sizeof text, "other cells would be booked: %s", why);
    end_look(s);
    reload_looked(s, *text ? text : NULL);
}

static void on_booked(void *ctx, enum store_result r, const struct slice *pairs, uint32_t n)
{
    struct shard *s = ctx;
    char why[BOOKING_WHY_MAX];
    if (r != STORE_OK) {
        failed(s, r, "what is booked could not be read");
        return;
    }
    struct look *k = s->look;
    for (uint32_t i = 0; i < n; i++) {
        take_field(&pairs[2 * i], "hash", k->was);
        take_field(&pairs[2 * i], "mixed", k->mixed);
    }
    const struct booked held = {
        .pair = pairs, .n_pairs = n, .pane = k->pane, .n_panes = k->n_panes, .newest_ms = k->newest_ms
    };
    enum booking_match match = booking_compare(k->next ? k->next : s->d->config, &held, why);
    if (k->next)
        tried(s, match, why);
    else if (match == BOOKING_SAME)
        end_well(s);
    else if (match == BOOKING_OTHER || match == BOOKING_CURRENCY)
        other(s, &held, match, why);
    else if (match == BOOKING_UNKNOWN && k->used && !s->booked) /* if we had booked it, Redis has lost that since */
        other(s, &held, match, "it does not say by which (cp:{s}:booked is missing)");
    else
        write_booked(s, &held);
}

static void on_panes(void *ctx, enum store_result r, const struct slice *keys, uint32_t n)
{
    struct shard *s = ctx;
    struct look *k = s->look;
    if (r == STORE_OK && !(k->pane = calloc(n + 1, sizeof *k->pane)))
        r = STORE_BROKEN;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++)
        k->pane[k->n_panes++] = arena_copy(&k->text, keys[i]);
    if (r != STORE_OK)
        failed(s, r, "the list of panes could not be read");
    else if (redis_store_hash(s->store, SLICE("booked"), on_booked, s) < 0)
        failed(s, STORE_BROKEN, "what is booked cannot be read");
}

static void on_offsets(void *ctx, enum store_result r, const struct store_part *parts, uint32_t n)
{
    struct shard *s = ctx;
    for (uint32_t i = 0; r == STORE_OK && i < n; i++) {
        s->look->used |= parts[i].prev_next >= 0;
        if (parts[i].max_event_ms > s->look->newest_ms)
            s->look->newest_ms = parts[i].max_event_ms;
    }
    if (r != STORE_OK)
        failed(s, r, "the offsets could not be read");
    else if (redis_store_pane_keys(s->store, on_panes, s) < 0)
        failed(s, STORE_BROKEN, "the list of panes cannot be read");
}

static bool begin_look(struct shard *s, const struct config *next)
{
    s->look = calloc(1, sizeof *s->look);
    if (!s->look)
        return false;
    s->look->next = next;
    arena_init(&s->look->text, 0, 0);
    s->look->newest_ms = INT64_MIN;
    return true;
}

void booking_try(struct shard *s, const struct config *next)
{
    if (s->look || s->store_state != STORE_READY)
        reload_looked(s, "the store has just been lost");
    else if (!begin_look(s, next))
        reload_looked(s, "out of memory");
    else if (redis_store_offsets(s->store, on_offsets, s) < 0)
        failed(s, STORE_UNKNOWN, "the offsets cannot be read now");
}

void booking_look(struct shard *s)
{
    if (s->look)
        return;
    if (!begin_look(s, NULL)) {
        refuse(s, EXIT_FAILURE);
        return;
    }
    if (redis_store_offsets(s->store, on_offsets, s) < 0)
        failed(s, STORE_BROKEN, "the offsets cannot be read");
}

void booking_forget(struct shard *s)
{
    end_look(s);
}

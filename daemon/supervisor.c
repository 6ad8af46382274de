/* What systemd is told (sd_notify): ready, reloading, stopping, one line of status, and that the loop makes progress. Without systemd, or where crmpulse
 * was built without libsystemd, nothing happens. Only `crmpulse run` tells: not who turns a loop by himself.
 *
 * The watchdog is fed from the loop, and only if the daemon's own tick ran since the last time: a loop that spins without getting there is no progress. */
#include <stdio.h>

#include "daemon/daemon.h"

#if CRMPULSE_SYSTEMD
#include <systemd/sd-daemon.h>

enum { LOOK_MS = 250, STATUS_MS = 2000, STATUS_MAX = 300 };

static void tell(const char *text)
{
    (void)sd_notify(0, text);
}

static uint32_t halted(const struct ingest *in)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n_parts; i++)
        n += in->part[i].state == PART_HALTED;
    return n;
}

static uint32_t ready_stores(const struct daemon *d)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->n_shards; i++)
        n += d->shard[i].store_state == STORE_READY;
    return n;
}

/* Each record is counted in the shard that it belongs to. */
static int64_t records_read(const struct daemon *d)
{
    int64_t n = 0;
    for (uint32_t s = 0; s < d->n_shards; s++)
        for (uint32_t i = 0; d->shard[s].chain && i < d->ingest.n_parts; i++)
            n += d->shard[s].chain[i].read;
    return n;
}

static const char *doing(const struct daemon *d)
{
    if (d->stopping)
        return "stopping";
    if (d->reload.state != RELOAD_NONE)
        return "reloading";
    if (ready_stores(d) < d->n_shards)
        return "waiting for Redis";
    switch (d->ingest.state) {
    case INGEST_UNASSIGNED:
        return "waiting for partitions";
    case INGEST_CLAIMING:
    case INGEST_VERIFYING:
    case INGEST_REWINDING:
        return "finding where to read";
    case INGEST_RUNNING:
        break;
    }
    return "at work";
}

static void tell_status(struct supervisor *v, const struct daemon *d)
{
    char text[STATUS_MAX];
    (void)snprintf(text, sizeof text, "STATUS=%s: %u partitions, %u halted; Redis %u of %u shards; %lld records read%s",
                   doing(d), d->ingest.n_parts, halted(&d->ingest), ready_stores(d), d->n_shards,
                   (long long)records_read(d), d->reload.last_failed ? "; the last reload failed" : "");
    if (strcmp(text, v->status) == 0)
        return;
    (void)snprintf(v->status, sizeof v->status, "%s", text);
    tell(text);
}

static void on_look(uv_timer_t *t)
{
    struct daemon *d = t->data;
    struct supervisor *v = &d->supervisor;
    const uint64_t now_ms = uv_now(&d->loop);
    if (!v->ready && d->ingest.state == INGEST_RUNNING && ready_stores(d) == d->n_shards) {
        v->ready = true;
        tell("READY=1");
    }
    if (now_ms >= v->status_at_ms) {
        v->status_at_ms = now_ms + STATUS_MS;
        tell_status(v, d);
    }
    /* Before there is a tick, and while the daemon stops, turning is progress enough. */
    const bool progress = !d->started || d->stopping || d->ticks != v->ticks_seen;
    if (v->watchdog_ms && now_ms >= v->watchdog_at_ms && progress) {
        v->watchdog_at_ms = now_ms + v->watchdog_ms / 2;
        v->ticks_seen = d->ticks;
        tell("WATCHDOG=1");
    }
}

int supervisor_begin(struct daemon *d)
{
    struct supervisor *v = &d->supervisor;
    uint64_t watchdog_us = 0;
    v->told = sd_notify(0, "STATUS=starting") > 0;
    if (!v->told)
        return 0;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        v->watchdog_ms = watchdog_us / 1000;
    uint64_t every_ms = v->watchdog_ms && v->watchdog_ms / 4 < LOOK_MS ? v->watchdog_ms / 4 + 1 : LOOK_MS;
    v->timer.data = d;
    return uv_timer_init(&d->loop, &v->timer) | uv_timer_start(&v->timer, on_look, 0, every_ms);
}

void supervisor_reloading(struct daemon *d)
{
    char text[80];
    if (!d->supervisor.ready)
        return;
    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(uv_hrtime() / 1000));
    tell(text);
}

void supervisor_reloaded(struct daemon *d)
{
    if (d->supervisor.ready)
        tell("READY=1");
}

void supervisor_stopping(struct daemon *d)
{
    if (d->supervisor.told)
        tell("STOPPING=1\nSTATUS=stopping: flushing what is pending");
}

#else

int supervisor_begin(struct daemon *d)
{
    (void)d;
    return 0;
}

void supervisor_reloading(struct daemon *d)
{
    (void)d;
}

void supervisor_reloaded(struct daemon *d)
{
    (void)d;
}

void supervisor_stopping(struct daemon *d)
{
    (void)d;
}

#endif

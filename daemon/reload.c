/* A reload: another configuration while the daemon is at work, whole or not at all.
 *
 *   read, check ─ may every changed key change now? ─ would the stores go on with it (booking.c)? ─┐
 *   ┌─────────────────────────────────────────────────────────────────────────────────────────────┘
 *   └─ judges finish their round ─ exchange, in one turn of the loop ─ the stores are told what is booked ─ go on
 *
 * After the exchange all is as after a restart with the new configuration: what was pending is dropped and read again, evaluators are loaded from the
 * judged state. So nothing is lost or counted twice, and a rule that did not change keeps its alerts. Connections and partitions stay. */
#include <stdlib.h>

#include "crmpulse/http.h"
#include "daemon/daemon.h"

static void release_next(struct daemon *d)
{
    if (d->reload.next)
        (d->opt.release ? d->opt.release : config_free)(d->reload.next);
    d->reload.next = NULL;
}

static void end(struct daemon *d, bool failed)
{
    struct reload *r = &d->reload;
    release_next(d);
    r->last_failed = failed;
    r->failed += failed;
    r->done += !failed;
    r->last_ms = wall_ms();
    supervisor_reloaded(d);
    r->state = r->again ? RELOAD_ASKED : RELOAD_NONE;
    r->again = false;
}

static void refuse(struct daemon *d, const char *why)
{
    log_line(&d->log, LOG_ERROR_, "reload_failed", "%s; the configuration in force stays", why);
    end(d, true);
}

static bool readable(struct daemon *d)
{
    struct reload *r = &d->reload;
    struct config_problems problems = { 0 };
    char text[1000] = "out of memory";
    r->next = d->opt.read ? d->opt.read(d->opt.read_ctx, &problems) : NULL;
    for (uint32_t i = problems.n; !r->next && i-- > 0;) { /* the first one remains */
        const struct config_problem *p = &problems.v[i];
        if (!p->warning)
            snprintf(text, sizeof text, "%s:%u:%u: error: %s%s", p->file, p->line, p->column, p->message,
                     problems.n_errors > 1 ? " (and more: see crmpulse check)" : "");
    }
    for (uint32_t i = 0; r->next && i < problems.n; i++)
        log_line(&d->log, LOG_WARNING_, "reload", "%s:%u:%u: warning: %s", problems.v[i].file, problems.v[i].line,
                 problems.v[i].column, problems.v[i].message);
    config_problems_release(&problems);
    if (!r->next)
        refuse(d, d->opt.read ? text : "this run has no configuration to read again");
    return r->next;
}

static void begin(struct daemon *d)
{
    struct reload *r = &d->reload;
    char text[200];
    r->since_ms = uv_now(&d->loop);
    r->state = RELOAD_LOOKING;
    supervisor_reloading(d);
    if (!readable(d))
        return;
    const char *key = config_needs_restart(d->config, r->next);
    if (key) {
        snprintf(text, sizeof text, "%s changed, which needs a restart", key);
        refuse(d, text);
        return;
    }
    if (r->next->sources_hash == d->config->sources_hash) {
        log_line(&d->log, LOG_INFO_, "reload", "nothing changed");
        end(d, false);
        return;
    }
    r->why[0] = 0;
    r->waiting = d->n_shards;
    for (uint32_t i = 0; i < d->n_shards; i++)
        booking_try(&d->shard[i], r->next);
}

void reload_looked(struct shard *s, const char *why)
{
    struct daemon *d = s->d;
    struct reload *r = &d->reload;
    if (why && !*r->why)
        snprintf(r->why, sizeof r->why, "shard %u: %s", s->index, why);
    if (--r->waiting)
        return;
    if (d->stopping)
        reload_drop(d);
    else if (*r->why)
        refuse(d, r->why);
    else
        r->state = RELOAD_RESTING;
}

/* Which alerts go on, and which begin anew. */
static void compare_rules(struct reload *r, const struct definitions *was, const struct definitions *next)
{
    r->rules_new = r->rules_changed = r->rules_gone = 0;
    for (uint32_t i = 0; i < next->n_rules; i++) {
        const int before = definitions_rule(was, slice_of(next->rule[i].id));
        r->rules_new += before < 0;
        r->rules_changed += before >= 0 && was->rule[before].hash != next->rule[i].hash;
    }
    for (uint32_t i = 0; i < was->n_rules; i++)
        r->rules_gone += definitions_rule(next, slice_of(was->rule[i].id)) < 0;
}

/* Nothing made of the old definitions may be left: evaluators are gone, engines follow here. */
static void exchange(struct daemon *d)
{
    struct reload *r = &d->reload;
    ingest_renew(d);
    compare_rules(r, &d->config->defs, &r->next->defs);
    http_hold(d->http);
    config_exchange(d->config, r->next);
    http_resume(d->http);
    for (uint32_t i = 0; i < d->n_shards; i++) {
        if (shard_new_engine(&d->shard[i]) < 0)
            abort();
        d->shard[i].booked = false;
    }
    release_next(d);
    log_init(&d->log, d->config->log.level, d->config->log.json);
    r->state = RELOAD_BOOKING;
}

static void rest(struct daemon *d)
{
    bool all = true;
    for (uint32_t i = 0; i < d->n_shards; i++)
        all &= judge_rest(d->shard[i].judge);
    if (all)
        exchange(d);
}

static void book(struct daemon *d)
{
    bool all = true;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        struct shard *s = &d->shard[i];
        all &= s->booked || s->store_state != STORE_READY; /* who is away is asked when it is back */
    }
    if (!all)
        return;
    const struct definitions *defs = &d->config->defs;
    log_line(
        &d->log, LOG_INFO_, "reload",
        "another configuration is in force after %llu ms: %u KPIs, %u rules (%u new, %u changed, %u gone), %u boards, "
        "%u scorecards, %u orgs",
        (unsigned long long)(uv_now(&d->loop) - d->reload.since_ms), defs->n_kpis, defs->n_rules, d->reload.rules_new,
        d->reload.rules_changed, d->reload.rules_gone, defs->n_boards, defs->n_scorecards, defs->n_orgs);
    end(d, false);
}

void reload_ask(struct daemon *d)
{
    struct reload *r = &d->reload;
    if (d->stopping)
        return;
    log_line(&d->log, LOG_INFO_, "reload", "%s",
             r->state == RELOAD_NONE ? "the configuration is read again"
                                     : "asked for once more: when this one is over");
    if (r->state == RELOAD_NONE)
        r->state = RELOAD_ASKED;
    else
        r->again = true;
}

void reload_tick(struct daemon *d)
{
    if (d->stopping)
        return;
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (!d->shard[i].booked && d->shard[i].store_state == STORE_READY)
            booking_look(&d->shard[i]); /* unless it is under way */
    if (d->reload.state == RELOAD_ASKED)
        begin(d);
    else if (d->reload.state == RELOAD_RESTING)
        rest(d);
    else if (d->reload.state == RELOAD_BOOKING)
        book(d);
}

void reload_drop(struct daemon *d)
{
    if (d->reload.waiting) /* whose answers still compare with it */
        return;
    release_next(d);
    d->reload.state = RELOAD_NONE;
}

bool reload_holds(const struct shard *s)
{
    return s->d->reload.state == RELOAD_RESTING || !s->booked;
}

/* The life of what is told to one receiver. What is repeated: no answer, 429, 5xx. What is not: any other status but 2xx; the configuration has to be mended. */
#include "daemon/notify/receiver.h"

#include <stdio.h>
#include <string.h>

enum { RESEND_ENDS = 4, STATUS_TOO_MANY = 429, FIRST_MAX = 80 };

static const body_of bodies[NOTIFY_KIND_COUNT] = {
    [NOTIFY_ALERTMANAGER] = body_alertmanager,
    [NOTIFY_WEBHOOK] = body_webhook,
    [NOTIFY_SLACK] = body_slack,
};

void receiver_init(struct receiver *r, const struct notify_receiver *conf, const struct receiver_env *env,
                   int64_t now_ms)
{
    *r = (struct receiver){ .conf = conf, .env = env, .resend_at_ms = now_ms };
    pace_bucket_init(&r->bucket, conf->rate, now_ms);
    arena_init(&r->arena, 0, 0);
}

void receiver_release(struct receiver *r)
{
    queue_cut(&r->queue, 0, r->env->marks);
    arena_release(&r->arena);
}

/* ---- what is for it ---------------------------------------------------------------------------------------------------------------------------- */

static bool is_listed(char *const *list, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return n == 0;
}

static bool is_for(const struct notify_receiver *c, const struct note *note)
{
    return c->levels >> note->level & 1 && is_listed(c->rule, c->n_rules, note->m->rule) &&
           is_listed(c->org, c->n_orgs, note->m->org);
}

/* Event time may be ahead of the clock, and nothing that is over ends later than now. */
static int64_t no_later(int64_t unix_ms, int64_t now_unix_ms)
{
    return unix_ms < now_unix_ms ? unix_ms : now_unix_ms;
}

static struct told tell(const struct receiver *r, const struct note *note, bool resolved, int64_t starts_ms,
                        int64_t ends_ms)
{
    const int64_t now_ms = r->env->unix_ms(r->env->ctx);
    struct told t = { .note = note, .resolved = resolved };
    t.ends_ms = no_later(ends_ms, now_ms);
    t.starts_ms = starts_ms == INT64_MIN ? t.ends_ms : no_later(starts_ms, now_ms);
    if (t.starts_ms > t.ends_ms)
        t.starts_ms = t.ends_ms;
    return t;
}

/* Alertmanager knows an alert by its labels, and the level is one of them: what goes on at another level ends at the former. */
static int take_superseded(struct receiver *r, const struct note *note, const struct firing_change *change,
                           int64_t now_ms)
{
    const struct note *old = change->superseded;
    if (r->conf->kind != NOTIFY_ALERTMANAGER || !old || !r->conf->resolved || !is_for(r->conf, old))
        return 0;
    const struct told told = tell(r, old, true, change->superseded_starts_ms, note->m->occurred_at_ms);
    return queue_push(&r->queue, &told, NULL, now_ms);
}

int receiver_take(struct receiver *r, struct note *note, const struct firing_change *change, struct mark *mark,
                  int64_t now_ms)
{
    const struct notify_receiver *c = r->conf;
    const bool resolved = !note->firing;
    /* Alertmanager has the end of what it was told of, however old. */
    const bool too_old =
        note->m->historical && !c->historical && !(c->kind == NOTIFY_ALERTMANAGER && resolved && change->was_firing);
    if (take_superseded(r, note, change, now_ms) < 0)
        return -1;
    if (too_old || !is_for(c, note) || (resolved && !c->resolved)) {
        r->counts.filtered++;
        return 0;
    }
    const struct told told = tell(r, note, resolved, change->starts_ms, note->m->occurred_at_ms);
    return queue_push(&r->queue, &told, mark, now_ms);
}

bool receiver_is_full(const struct receiver *r)
{
    return r->queue.n >= (uint64_t)r->env->config->notify.queue_max;
}

bool receiver_has_room(const struct receiver *r)
{
    return r->queue.n <= (uint64_t)r->env->config->notify.queue_max / 2;
}

void receiver_forget(struct receiver *r)
{
    queue_cut(&r->queue, r->under_way, r->env->marks);
    if (r->alone > r->queue.n)
        r->alone = r->queue.n;
}

/* ---- sending ----------------------------------------------------------------------------------------------------------------------------------- */

/* Drops the first one, and remembers its id for the log if it is the first of several. */
static void give_up(struct receiver *r, uint32_t *n, char first[FIRST_MAX])
{
    if (!(*n)++)
        snprintf(first, FIRST_MAX, "%s", r->queue.first->told.note->m->id);
    queue_pop(&r->queue, r->env->marks);
}

/* A queue that is full stops the topic, and with it all others: for notify.give_up, not longer. */
static void note_full(struct receiver *r, int64_t now_ms)
{
    if (!r->full && receiver_is_full(r))
        r->full_since_ms = now_ms;
    r->full = receiver_is_full(r) || (r->full && !receiver_has_room(r));
    r->overrun =
        r->queue.n && (r->overrun || (r->full && now_ms - r->full_since_ms >= r->env->config->notify.give_up_ms));
}

static void give_up_old(struct receiver *r, int64_t now_ms)
{
    char first[FIRST_MAX] = "";
    uint32_t old = 0, room = 0;
    note_full(r, now_ms);
    while (r->queue.n && now_ms - r->queue.first->since_ms >= r->env->config->notify.give_up_ms)
        give_up(r, &old, first);
    if (r->overrun && receiver_is_full(r))
        while (!receiver_has_room(r))
            give_up(r, &room, first);
    if (!old && !room)
        return;
    note_full(r, now_ms);
    r->counts.given_up += old + room;
    r->alone = 0;
    log_line(r->env->log, LOG_ERROR_, "notify_given_up",
             "receiver %s: %u transitions were not taken within notify.give_up%s and are given up, the first is %s: %s",
             r->conf->name, old + room, room ? ", or had to make room for later ones" : "", first,
             *r->why ? r->why : "it is too slow");
}

static int begin(struct receiver *r, const struct told *v, uint32_t n, int64_t now_ms)
{
    const struct config *config = r->env->config;
    const struct body_context c = { .defs = &config->defs,
                                    .receiver = r->conf->name,
                                    .external_url = config->notify.external_url };
    char why[RECEIVER_WHY_MAX] = "out of memory";
    arena_reset(&r->arena);
    const struct slice body = bodies[r->conf->kind](&r->arena, &c, v, n);
    r->counts.requests++;
    r->busy = true;
    if (body.p && r->env->post(r->env->ctx, r, body, why, sizeof why) == 0)
        return 0;
    const struct answer none = { .why = why };
    receiver_answered(r, &none, now_ms);
    return -1;
}

static void send_queue(struct receiver *r, int64_t now_ms)
{
    struct told v[RECEIVER_SLACK_MAX];
    const bool slack = r->conf->kind == NOTIFY_SLACK;
    const int64_t ends_ms = r->env->unix_ms(r->env->ctx) + RESEND_ENDS * r->env->config->notify.resend_ms;
    const uint32_t max = r->alone ? 1 : slack ? RECEIVER_SLACK_MAX : RECEIVER_BATCH_MAX;
    const uint32_t n = queue_head(&r->queue, max, r->conf->kind == NOTIFY_WEBHOOK, v);
    for (uint32_t i = 0; i < n; i++)
        if (!v[i].resolved)
            v[i].ends_ms = ends_ms;
    r->under_way = n;
    (void)begin(r, v, n, now_ms);
}

/* ---- telling Alertmanager again ---------------------------------------------------------------------------------------------------------------- */

static bool resend_due(const struct receiver *r, int64_t now_ms)
{
    return r->conf->kind == NOTIFY_ALERTMANAGER && (r->resend_next || now_ms >= r->resend_at_ms);
}

/* The next alerts of the round; 0: it is over. */
static uint32_t resend_batch(struct receiver *r, struct told *v)
{
    const struct firing *f = r->env->firing;
    const int64_t ends_ms = r->env->unix_ms(r->env->ctx) + RESEND_ENDS * r->env->config->notify.resend_ms;
    uint32_t n = 0;
    for (; r->resend_next < f->n && n < RECEIVER_BATCH_MAX; r->resend_next++) {
        const struct firing_alert *a = &f->v[r->resend_next];
        if (!is_for(r->conf, a->note) || (a->resolved && (!r->conf->resolved || a->note->m->historical)))
            continue;
        v[n] = tell(r, a->note, a->resolved, a->starts_ms, a->changed_ms);
        if (!a->resolved)
            v[n].ends_ms = ends_ms;
        n++;
    }
    return n;
}

static bool resend(struct receiver *r, int64_t now_ms)
{
    struct told v[RECEIVER_BATCH_MAX];
    const uint32_t from = r->resend_next, n = resend_batch(r, v);
    if (!n) {
        r->resend_next = 0;
        r->resend_at_ms = now_ms + r->env->config->notify.resend_ms;
        return false;
    }
    r->resend_n = n;
    if (begin(r, v, n, now_ms) < 0)
        r->resend_next = from;
    return true;
}

void receiver_step(struct receiver *r, int64_t now_ms)
{
    if (r->busy)
        return;
    give_up_old(r, now_ms);
    const bool again = resend_due(r, now_ms);
    if (now_ms < r->not_before_ms || (!again && !r->queue.n) || !pace_bucket_take(&r->bucket, now_ms))
        return;
    if (again && resend(r, now_ms))
        return;
    if (r->queue.n)
        send_queue(r, now_ms);
}

/* ---- how it ended ------------------------------------------------------------------------------------------------------------------------------ */

static void taken(struct receiver *r, int64_t now_ms)
{
    if (r->attempt)
        log_line(r->env->log, LOG_INFO_, "notify_receiver_back", "receiver %s: it answers again, %u wait for it",
                 r->conf->name, r->queue.n);
    r->attempt = 0;
    r->not_before_ms = now_ms;
    r->why[0] = 0;
    r->counts.told += r->under_way;
    r->counts.resent += r->under_way ? 0 : r->resend_n;
    if (r->alone && r->under_way)
        r->alone--;
    for (uint32_t i = 0; i < r->under_way; i++)
        queue_pop(&r->queue, r->env->marks);
}

static bool is_repeated(const struct answer *a)
{
    return a->status == 0 || a->status == STATUS_TOO_MANY || a->status >= 500;
}

static void failed(struct receiver *r, const struct answer *a, int64_t now_ms)
{
    const struct config *c = r->env->config;
    int64_t wait_ms =
        pace_backoff_ms(r->attempt, c->notify.retry_min_ms, c->notify.retry_max_ms, r->env->random(r->env->ctx));
    if (a->retry_after_ms > wait_ms)
        wait_ms = a->retry_after_ms < c->notify.give_up_ms ? a->retry_after_ms : c->notify.give_up_ms;
    r->counts.retries++;
    if (strcmp(r->why, a->why) != 0)
        log_line(r->env->log, LOG_WARNING_, "notify_receiver_down",
                 "receiver %s: %s; repeated until notify.give_up, %u wait for it", r->conf->name, a->why, r->queue.n);
    snprintf(r->why, sizeof r->why, "%s", a->why);
    r->attempt++;
    r->not_before_ms = now_ms + wait_ms;
    if (!r->under_way)
        r->resend_next = 0; /* the round begins again */
}

static void refused(struct receiver *r, const struct answer *a, int64_t now_ms)
{
    r->not_before_ms = now_ms + r->env->config->notify.retry_min_ms;
    if (!r->under_way) {
        log_line(r->env->log, LOG_ERROR_, "notify_refused", "receiver %s: it refuses what it is told again: %s",
                 r->conf->name, a->why);
        return;
    }
    if (r->under_way > 1) {
        r->alone = r->under_way;
        return;
    }
    log_line(r->env->log, LOG_ERROR_, "notify_refused", "receiver %s: it refuses transition %s, which is given up: %s",
             r->conf->name, r->queue.first->told.note->m->id, a->why);
    r->counts.refused++;
    r->alone -= r->alone > 0;
    queue_pop(&r->queue, r->env->marks);
}

void receiver_answered(struct receiver *r, const struct answer *a, int64_t now_ms)
{
    if (a->status >= 200 && a->status < 300)
        taken(r, now_ms);
    else if (is_repeated(a))
        failed(r, a, now_ms);
    else
        refused(r, a, now_ms);
    r->under_way = 0;
    r->resend_n = 0;
    r->busy = false;
}

/* The made-up company: who there is, when what happens. The events themselves are built in demo_events.c. */
#include <stdlib.h>
#include <time.h>

#include "demo_events.h"

enum {
    HOUR_MS = 3600000,
    DAY_MS = 24 * HOUR_MS,
    ARRIVALS_PER_DAY = 180,
    LEFTOVER_MS = 120000, /* what history left unfinished happens within this time */
    CALM_FIRST_MS = 8000,
    CALM_MS = 25000,
    LOW_MS = 6000
};

void crm_init(struct crm *c, uint64_t seed, const struct crm_sink *sink)
{
    *c = (struct crm){ .random = seed * 0x9e3779b97f4a7c15u + 1, .n_customers = 60, .sink = *sink };
}

void crm_release(struct crm *c)
{
    free(c->todo);
    c->todo = NULL;
}

/* ---- chance: xorshift64*, Vigna 2016 ---- */

uint32_t crm_random(struct crm *c, uint32_t below)
{
    c->random ^= c->random >> 12;
    c->random ^= c->random << 25;
    c->random ^= c->random >> 27;
    return (uint32_t)((c->random * 0x2545f4914f6cdd1du) >> 33) % below;
}

bool crm_chance(struct crm *c, uint32_t percent)
{
    return crm_random(c, 100) < percent;
}

/* ---- what is to come: a binary heap ---- */

static bool sooner(const struct crm *c, uint32_t a, uint32_t b)
{
    return c->todo[a].due_ms < c->todo[b].due_ms;
}

static void swap(struct crm *c, uint32_t a, uint32_t b)
{
    struct crm_todo t = c->todo[a];
    c->todo[a] = c->todo[b];
    c->todo[b] = t;
}

static void push(struct crm *c, const struct crm_todo *t)
{
    if (c->n_todo == c->todo_cap) {
        uint32_t cap = c->todo_cap ? c->todo_cap * 2 : 256;
        struct crm_todo *v = realloc(c->todo, cap * sizeof *v);
        if (!v) {
            c->failed = true;
            return;
        }
        c->todo = v;
        c->todo_cap = cap;
    }
    uint32_t i = c->n_todo++;
    c->todo[i] = *t;
    for (; i && sooner(c, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(c, i, (i - 1) / 2);
}

static struct crm_todo pop(struct crm *c)
{
    struct crm_todo first = c->todo[0];
    c->todo[0] = c->todo[--c->n_todo];
    for (uint32_t i = 0;;) {
        uint32_t least = i, child = 2 * i + 1;
        if (child < c->n_todo && sooner(c, child, least))
            least = child;
        if (child + 1 < c->n_todo && sooner(c, child + 1, least))
            least = child + 1;
        if (least == i)
            return first;
        swap(c, i, least);
        i = least;
    }
}

void crm_later(struct crm *c, struct crm_todo t, int64_t now_ms, enum crm_what what)
{
    /* mean wait: in history, and live */
    static const struct {
        int64_t history_ms, live_ms;
    } wait[] = {
        [CRM_QUALIFY] = { 6 * HOUR_MS, 3000 }, [CRM_CONVERT] = { 20 * HOUR_MS, 3000 },
        [CRM_MOVE] = { 24 * HOUR_MS, 4000 },   [CRM_CLOSE] = { 30 * HOUR_MS, 6000 },
        [CRM_ANSWER] = { 25 * 60000, 15000 },  [CRM_RESOLVE] = { 5 * HOUR_MS, 30000 },
        [CRM_SURVEY] = { 3 * HOUR_MS, 5000 },
    };
    int64_t mean_ms = c->live ? wait[what].live_ms : wait[what].history_ms;
    t.what = (uint8_t)what;
    t.due_ms = now_ms + mean_ms * (20 + crm_random(c, 161)) / 100;
    push(c, &t);
}

/* ---- mood: the customers of one team become unhappy, then happy again ---- */

static uint32_t happy_percent(const struct crm_team *t)
{
    return t->answers ? t->happy * 100 / t->answers : 100;
}

static void turn(struct crm *c, enum crm_mood mood, int64_t now_ms)
{
    c->mood = mood;
    c->mood_since_ms = now_ms;
}

static void feel(struct crm *c, int64_t now_ms)
{
    const struct crm_team *t = &c->team[c->sad_team];
    int64_t since_ms = now_ms - c->mood_since_ms;
    switch (c->mood) {
    case MOOD_CALM:
        if (since_ms >= (c->mood_since_ms == c->live_since_ms ? CALM_FIRST_MS : CALM_MS))
            turn(c, MOOD_FALLING, now_ms);
        break;
    case MOOD_FALLING:
        if (happy_percent(t) < 73)
            turn(c, MOOD_LOW, now_ms);
        break;
    case MOOD_LOW:
        if (since_ms >= LOW_MS)
            turn(c, MOOD_RISING, now_ms);
        break;
    case MOOD_RISING:
        if (happy_percent(t) >= 88) {
            c->sad_team = (c->sad_team + 1) % CRM_TEAMS;
            turn(c, MOOD_CALM, now_ms);
        }
        break;
    }
}

bool crm_is_happy(struct crm *c, uint32_t team)
{
    if (team == c->sad_team && c->mood == MOOD_FALLING)
        return crm_chance(c, 5);
    if (team == c->sad_team && c->mood == MOOD_RISING)
        return true;
    return crm_chance(c, 91);
}

/* ---- what begins by itself ---- */

static void arrive(struct crm *c, int64_t now_ms)
{
    /* percent of what begins; surveys more often while a mood turns */
    static const struct {
        void (*happen)(struct crm *c, struct crm_todo t, int64_t now_ms);
        uint32_t percent;
    } row[] = {
        { crm_lead_created, 14 }, { crm_ticket_opened, 18 }, { crm_logged_in, 38 },
        { crm_contacted, 27 },    { crm_surveyed, 3 },
    };
    struct crm_todo t = { .id = ++c->next_id,
                          .rep = (uint8_t)crm_random(c, CRM_REPS),
                          .customer = crm_random(c, c->n_customers) };
    bool turning = c->mood == MOOD_FALLING || c->mood == MOOD_RISING;
    if (turning && crm_chance(c, 70)) {
        t.rep = (uint8_t)(crm_random(c, CRM_REPS / CRM_TEAMS) * CRM_TEAMS + c->sad_team);
        crm_surveyed(c, t, now_ms);
        return;
    }
    uint32_t dice = crm_random(c, 100);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (dice < row[i].percent) {
            row[i].happen(c, t, now_ms);
            return;
        }
        dice -= row[i].percent;
    }
}

static void go_on(struct crm *c, int64_t now_ms)
{
    static void (*const happen[])(struct crm * c, struct crm_todo t, int64_t now_ms) = {
        [CRM_QUALIFY] = crm_lead_judged, [CRM_CONVERT] = crm_lead_converted, [CRM_MOVE] = crm_deal_moved,
        [CRM_CLOSE] = crm_deal_closed,   [CRM_ANSWER] = crm_ticket_answered, [CRM_RESOLVE] = crm_ticket_resolved,
        [CRM_SURVEY] = crm_surveyed,
    };
    struct crm_todo t = pop(c);
    happen[t.what](c, t, now_ms);
}

/* ---- history and present ---- */

static int64_t month_start(int64_t now_ms)
{
    struct tm tm;
    time_t s = now_ms / 1000;
    if (!gmtime_r(&s, &tm))
        return 0;
    return now_ms - now_ms % DAY_MS - (int64_t)(tm.tm_mday - 1) * DAY_MS;
}

/* What is unfinished happens soon: there is something to watch from the first second. */
static void bring_forward(struct crm *c, int64_t now_ms)
{
    struct crm_todo *old = c->todo;
    uint32_t n = c->n_todo;
    c->todo = NULL;
    c->n_todo = c->todo_cap = 0;
    for (uint32_t i = 0; i < n; i++) {
        old[i].due_ms = now_ms + crm_random(c, LEFTOVER_MS);
        push(c, &old[i]);
    }
    free(old);
}

int crm_history(struct crm *c, int64_t now_ms)
{
    int64_t t_ms = now_ms - (int64_t)CRM_HISTORY_DAYS * DAY_MS;
    c->month_start_ms = month_start(now_ms);
    crm_people_enabled(c, t_ms);
    while (!c->failed) {
        t_ms += 1 + crm_random(c, 2 * DAY_MS / ARRIVALS_PER_DAY);
        while (c->n_todo && c->todo[0].due_ms <= (t_ms < now_ms ? t_ms : now_ms - 1) && !c->failed)
            go_on(c, c->todo[0].due_ms);
        if (t_ms >= now_ms)
            break;
        arrive(c, t_ms);
    }
    crm_targets_set(c, now_ms);
    bring_forward(c, now_ms);
    c->live = true;
    c->live_since_ms = now_ms;
    turn(c, MOOD_CALM, now_ms);
    return c->failed ? -1 : 0;
}

int crm_live(struct crm *c, int64_t now_ms)
{
    feel(c, now_ms);
    bool turning = c->mood == MOOD_FALLING || c->mood == MOOD_RISING;
    if (c->n_todo && c->todo[0].due_ms <= now_ms && !(turning && crm_chance(c, 50)))
        go_on(c, now_ms);
    else
        arrive(c, now_ms);
    return c->failed ? -1 : 0;
}

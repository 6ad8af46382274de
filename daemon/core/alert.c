/* The alert state machine: a function per state. */
#include "alert.h"

static const char *const state_names[] = {
    [ALERT_OK] = "ok",           [ALERT_PENDING] = "pending",
    [ALERT_FIRING] = "firing",   [ALERT_RECOVERING] = "recovering",
    [ALERT_NO_DATA] = "no_data",
};

const char *alert_state_name(enum alert_state state)
{
    return state_names[state];
}

struct look {
    struct alert *a;
    const struct alert_sight *sight;
    int64_t tick_ms, for_ms;
};

static void enter(const struct look *l, enum alert_state state)
{
    if (l->a->state != state) {
        l->a->since_ms = l->tick_ms;
        l->a->unsaved = true;
    }
    l->a->state = state;
}

static bool held(const struct look *l)
{
    return l->tick_ms - l->a->since_ms >= l->for_ms;
}

static bool start_firing(const struct look *l)
{
    l->a->grade = l->sight->grade;
    enter(l, ALERT_FIRING);
    return true;
}

static bool from_ok(const struct look *l)
{
    if (l->sight->enough && l->sight->fires) {
        if (l->for_ms <= 0)
            return start_firing(l);
        enter(l, ALERT_PENDING);
        return false;
    }
    enter(l, l->sight->has_value ? ALERT_OK : ALERT_NO_DATA);
    return false;
}

static bool from_pending(const struct look *l)
{
    if (!l->sight->enough || !l->sight->fires) {
        enter(l, l->sight->has_value ? ALERT_OK : ALERT_NO_DATA);
        return false;
    }
    return held(l) && start_firing(l);
}

static bool escalate(const struct look *l)
{
    const struct alert_sight *s = l->sight;
    if (!s->enough || !s->fires || s->grade <= l->a->grade)
        return false;
    l->a->grade = s->grade;
    l->a->unsaved = true;
    return true;
}

static bool from_firing(const struct look *l)
{
    if (l->sight->enough && l->sight->clears) {
        enter(l, l->for_ms <= 0 ? ALERT_OK : ALERT_RECOVERING);
        return l->for_ms <= 0;
    }
    return escalate(l);
}

static bool from_recovering(const struct look *l)
{
    if (!l->sight->enough || !l->sight->clears) {
        enter(l, ALERT_FIRING);
        return escalate(l);
    }
    if (!held(l))
        return false;
    enter(l, ALERT_OK);
    return true;
}

typedef bool (*state_look)(const struct look *l);

static const state_look looks[] = {
    [ALERT_OK] = from_ok,         [ALERT_PENDING] = from_pending,
    [ALERT_FIRING] = from_firing, [ALERT_RECOVERING] = from_recovering,
    [ALERT_NO_DATA] = from_ok,
};

struct alert_step alert_look(struct alert *a, const struct alert_sight *sight, int64_t tick_ms, int64_t for_ms)
{
    struct look l = { a, sight, tick_ms, for_ms };
    struct alert_step step = { .from = a->state == ALERT_NO_DATA ? ALERT_OK : a->state, .deadline_ms = INT64_MAX };
    step.emit = looks[a->state](&l);
    step.to = a->state;
    if (a->state == ALERT_PENDING || a->state == ALERT_RECOVERING)
        step.deadline_ms = a->since_ms + for_ms;
    return step;
}

bool alert_pass(struct alert *a, int passed, int64_t cycle_start_ms)
{
    if (a->since_ms != cycle_start_ms && (a->grade || passed > 0))
        *a = (struct alert){ .since_ms = cycle_start_ms, .unsaved = true };
    if (passed <= a->grade)
        return false;
    a->grade++;
    a->state = ALERT_FIRING;
    a->unsaved = true;
    return true;
}

/* A made-up company with a CRM: what its customers, reps and users do, as events. Random from a seed; no clock and no I/O.
 *
 * First two weeks of history are told at once; after that one event at a time, at the time the caller says, with the same things
 * happening in seconds that took hours before. Every now and then the customers of one team become unhappy for a while. */
#ifndef CRMPULSE_DEMO_CRM_H
#define CRMPULSE_DEMO_CRM_H

#include "crmpulse/event.h"

#define DEMO_ORG "aurora"

enum {
    CRM_REPS = 12,
    CRM_TEAMS = 3,
    CRM_PEOPLE = 40, /* who log in; the reps are the first of them */
    CRM_HISTORY_DAYS = 15
};

/* What may happen to something already begun, and when. */
struct crm_todo {
    int64_t due_ms;
    int64_t amount_micros;
    uint32_t id, customer;
    uint8_t what, rep, step;
};

struct crm_team {
    uint32_t happy, answers;
};

enum crm_mood { MOOD_CALM, MOOD_FALLING, MOOD_LOW, MOOD_RISING };

struct crm_sink {
    void *ctx;
    int (*put)(void *ctx, const struct event *ev); /* the texts live until it returns; 0 or -1 */
};

struct crm {
    uint64_t random; /* state */
    uint32_t next_id, next_event, n_customers;
    bool live;
    int64_t live_since_ms, mood_since_ms, month_start_ms;
    enum crm_mood mood;
    uint32_t sad_team;
    struct crm_team team[CRM_TEAMS];
    int64_t sold_micros[CRM_REPS]; /* won since month_start_ms */
    struct crm_todo *todo;         /* a heap, the next one first */
    uint32_t n_todo, todo_cap;
    struct event ev;
    char text[16][64]; /* of the event being built */
    uint32_t n_text;
    bool failed;
    struct crm_sink sink;
};

void crm_init(struct crm *c, uint64_t seed, const struct crm_sink *sink);
void crm_release(struct crm *c);

/* CRM_HISTORY_DAYS up to now_ms, in order of time, then the reps' targets of the present month. 0, or -1 if the sink or the memory failed. */
int crm_history(struct crm *c, int64_t now_ms);

/* One thing that happens at now_ms; now and then two events. 0 or -1 as above. */
int crm_live(struct crm *c, int64_t now_ms);

#endif

/* What Redis holds of alerts that fire, read into the set of firing alerts: so that it is right after a restart without waiting for new transitions, and stays right
 * when something was missed. Reads only, on connections of its own; without Redis the set rests on the topic alone. */
#ifndef CRMPULSE_NOTIFY_KNOWN_H
#define CRMPULSE_NOTIFY_KNOWN_H

#include <uv.h>

#include "crmpulse/arena.h"
#include "crmpulse/config.h"
#include "daemon/log.h"
#include "daemon/notify/firing.h"

struct known;

/* NULL: out of memory. All are borrowed. */
struct known *known_new(uv_loop_t *loop, const struct config *config, const struct log *log, struct firing *firing);
/* An org that the configuration does not list. */
void known_org(struct known *k, const char *org);
/* Begins to read everything, unless that is under way or Redis is not there. */
void known_read(struct known *k);
/* Complete readings so far. */
uint64_t known_readings(const struct known *k);
/* Freed by the loop. Accepts NULL. */
void known_close(struct known *k);

/* The bytes of a transition that would lead to what Redis shows of an alert (fields "<rule>|<dim>:<subject>", as daemon/commit.c writes them); p NULL: it does not fire, the
 * rule is not in the configuration, or is one of milestones. `evidence` may be empty. In the arena. */
struct slice known_transition(struct arena *a, const struct definitions *defs, struct slice org, struct slice field,
                              struct slice shown, struct slice evidence);

#endif

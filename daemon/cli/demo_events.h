/* The events of the made-up company: one function for each thing that can happen. Each hands one event to the sink (a conversion three) and
 * notes what follows from it. Does not decide when what happens. */
#ifndef CRMPULSE_DEMO_EVENTS_H
#define CRMPULSE_DEMO_EVENTS_H

#include "demo_crm.h"

enum crm_what { CRM_QUALIFY, CRM_CONVERT, CRM_MOVE, CRM_CLOSE, CRM_ANSWER, CRM_RESOLVE, CRM_SURVEY };

/* demo_crm.c */
uint32_t crm_random(struct crm *c, uint32_t below);
bool crm_chance(struct crm *c, uint32_t percent);
bool crm_is_happy(struct crm *c, uint32_t team);
void crm_later(struct crm *c, struct crm_todo t, int64_t now_ms, enum crm_what what);

/* demo_events.c */
void crm_people_enabled(struct crm *c, int64_t now_ms);
void crm_targets_set(struct crm *c, int64_t now_ms);
void crm_lead_created(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_lead_judged(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_lead_converted(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_deal_moved(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_deal_closed(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_ticket_opened(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_ticket_answered(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_ticket_resolved(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_surveyed(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_logged_in(struct crm *c, struct crm_todo t, int64_t now_ms);
void crm_contacted(struct crm *c, struct crm_todo t, int64_t now_ms);

#endif

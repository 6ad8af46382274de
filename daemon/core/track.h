/* Trackers: pure functions from an entity's remembered events to its facts. Internal to the core.
 *
 * A tracker reads its own log and, through the view, the logs of entities it inherits from. Everything is cut at `upto_ms` (as of a cause), so the same
 * function answers "what did this entity contribute when event e had just happened" for any e. Reading a record that is not cached marks the view as
 * incomplete: the engine then asks for the record and runs the event again. */
#ifndef CRMPULSE_TRACK_H
#define CRMPULSE_TRACK_H

#include "crmpulse/calendar.h"
#include "crmpulse/defs.h"
#include "crmpulse/fact.h"
#include "crmpulse/record.h"
#include "ledger.h"

struct entry_log {
    const struct entry *v; /* canonical order: entity_seq where every entry has one, else (occurred_at, event_id) */
    uint32_t n;
};

struct track_view; /* the engine's; see engine.c */

/* The log of an entity, as of the view's instant; empty if it has none. With `depend`, the caller's facts depend on it from now on: when it changes,
 * they are computed again. For parents that few entities have in common (a lead, a deal). */
struct entry_log view_log(struct track_view *v, struct slice kind, struct slice id, bool depend);
/* The same for parents of many (a user, a customer): dependants are kept in lists of their own, one a UTC day. With `dated`, only events of the parent up
 * to t_ms matter to the caller, so an event of the parent touches the lists of its own day and later ones; else it touches all. */
struct entry_log view_log_shared(struct track_view *v, struct slice kind, struct slice id, bool dated, int64_t t_ms);
/* Logs of the entities of one kind that depend on `id`, one call each, in no order that means anything. `link` is the field by which they name it. */
void view_dependants(struct track_view *v, struct slice kind, struct slice id, struct slice wanted_kind,
                     enum event_field link, void (*each)(struct track_view *v, struct entry_log log, void *ctx),
                     void *ctx);
/* The instant the facts are computed for. A fact that only the passing of time brings about (a due date missed) belongs to instants from t_ms on: true
 * if the view's instant is one of them. If not, t_ms becomes a cause. */
bool view_reached(struct track_view *v, int64_t t_ms);
/* The switch credit=follow_owner. */
bool view_follows_owner(const struct track_view *v);
/* The ledger of the view's entity, a customer, as of the view's instant. */
struct ledger_view {
    struct ledger_list list[LEDGER_KINDS];
    int64_t
        from_ms; /* facts that rest on earlier items alone may be left out: they are the same before and after the event */
};
void view_ledger(struct track_view *v, struct ledger_view *ret);
/* The raw id of the view's entity. */
struct slice view_self_id(struct track_view *v);
const struct customer_rules *view_customer_rules(const struct track_view *v);
const struct org_def *view_org(const struct track_view *v);
const struct calendar *view_calendar(const struct track_view *v);
/* A follow-up is due so long after the last one; 0: no due times of that kind. */
int64_t view_followup_ms(const struct track_view *v);
/* A fact of the view's entity; never NULL: when memory runs out a scratch fact is handed out and the event is refused. */
struct fact *view_fact(struct track_view *v, enum fact_type type, int64_t t_ms);
/* Memory that lives as long as the facts of this event; NULL when out of memory (the event is then refused). */
void *view_alloc(struct track_view *v, size_t n);
/* Text that lives as long as the facts of this event. */
struct slice view_text(struct track_view *v, const char *text);
/* A duration that must not be negative: 0 and a counter where it is (trap T27). */
int64_t view_duration(struct track_view *v, int64_t from_ms, int64_t to_ms);
/* The org's working time in between, 0 where it is negative; the counter is view_duration's affair. */
int64_t view_business(const struct track_view *v, int64_t from_ms, int64_t to_ms);

/* ---- shared by the trackers (attributes.c) ---- */

/* The newest value of a text among the entity's own events (a refund or payment in an order's log is none of them). */
struct slice log_text(struct entry_log log, enum event_field f);
/* Position of the first event of a type, log.n if there is none. */
uint32_t log_first(struct entry_log log, enum event_type type);
/* Position of the last one, log.n if there is none. */
uint32_t log_last(struct entry_log log, enum event_type type);

/* Who earns a contribution: the owner where the entity stood when it was made, or a named person. */
struct credit {
    struct slice who;        /* empty: nobody */
    struct slice event_team; /* of the event itself */
    struct slice team;       /* of the entity, where the org chart knows none */
    int64_t t_ms;
    /* For credit=follow_owner: the entity and the parent that the owner came from; none of them: a named person, who stays. */
    struct entry_log log, parent;
};
/* The owner as of position `at` (the event's own owner_id, else the entity's, which only owner_changed replaces) at the event's time. */
struct credit credit_owner(struct entry_log log, uint32_t at);
/* A person named by the event; empty `who`: the owner. */
struct credit credit_person(struct entry_log log, uint32_t at, struct slice who);
/* The owner at the end of the log. For as-of facts: they follow owner and org chart at once. */
struct credit credit_now(struct entry_log log);
/* What is missing comes from the parent, as it stood at the contribution's time. */
void credit_inherit(struct credit *c, struct entry_log parent);

/* Fill rep and team: the event's team, else the org chart's at the time, else the entity's. `now`: the newest of the chart (as-of facts). With
 * credit=follow_owner the present owner of the entity takes the place of the owner then. */
void fact_credit(struct track_view *v, struct fact *f, const struct credit *c);
void fact_credit_now(struct track_view *v, struct fact *f, const struct credit *c);
/* Fill channel, product, region, campaign and segment where still empty: the entity's own first, then its parents'. */
void fact_dims(struct fact *f, struct entry_log log);
bool log_deleted(struct entry_log log);
/* amount * ppm / 1e6 rounded half to even. */
int64_t micros_times_ppm(int64_t micros, int64_t ppm);
/* micros * part / whole for 0 <= part <= whole, whole > 0, rounded half to even. */
int64_t micros_share(int64_t micros, int64_t part, int64_t whole);

/* amount in the org's currency, by the rate in force at t_ms, rounded half to even. False: no rate yet (or no exact result); what depends on it must be
 * left out. Trackers rarely need it: the logs they are given hold amounts in the org's currency already, and an entry that waits for
 * a rate is of type ENTRY_PARKED, without amounts. */
bool view_money(struct track_view *v, struct slice currency, int64_t amount, int64_t t_ms, int64_t *ret);
/* product / unit rounded half to even; unit > 0. */
int64_t round_half_even(__int128 product, int64_t unit);

/* Due times of follow-ups while a lead or deal was open, from its own log; what is missing comes from the parent. */
void followup_facts(struct track_view *v, struct entry_log log, struct entry_log parent, struct span open,
                    struct slice kind);

typedef void (*track_facts)(struct track_view *v, struct entry_log log);

void lead_facts(struct track_view *v, struct entry_log log);
void deal_facts(struct track_view *v, struct entry_log log);
void order_facts(struct track_view *v, struct entry_log log);
void ticket_facts(struct track_view *v, struct entry_log log);
void customer_facts(struct track_view *v, struct entry_log log);
void subscription_facts(struct track_view *v, struct entry_log log);
void user_facts(struct track_view *v, struct entry_log log);
void usage_facts(struct track_view *v, struct entry_log log);
void survey_facts(struct track_view *v, struct entry_log log);
void survey_sent_facts(struct track_view *v, struct entry_log log);
void complaint_facts(struct track_view *v, struct entry_log log);
void task_facts(struct track_view *v, struct entry_log log);
void target_facts(struct track_view *v, struct entry_log log);
void quote_facts(struct track_view *v, struct entry_log log);
void contact_facts(struct track_view *v, struct entry_log log);
void feedback_facts(struct track_view *v, struct entry_log log);
void referral_facts(struct track_view *v, struct entry_log log);
void process_facts(struct track_view *v, struct entry_log log);
void sync_facts(struct track_view *v, struct entry_log log);
void incident_facts(struct track_view *v, struct entry_log log);
void community_facts(struct track_view *v, struct entry_log log);
void comment_facts(struct track_view *v, struct entry_log log);
void review_facts(struct track_view *v, struct entry_log log);
void record_facts(struct track_view *v, struct entry_log log);
void outage_facts(struct track_view *v, struct entry_log log);
void training_facts(struct track_view *v, struct entry_log log);
void cost_facts(struct track_view *v, struct entry_log log);
void benefit_facts(struct track_view *v, struct entry_log log);
void recipient_facts(struct track_view *v, struct entry_log log);
void product_facts(struct track_view *v, struct entry_log log);
void balance_facts(struct track_view *v, struct entry_log log);
void figure_facts(struct track_view *v, struct entry_log log);
void licence_facts(struct track_view *v, struct entry_log log);
void forecast_facts(struct track_view *v, struct entry_log log);
void panel_facts(struct track_view *v, struct entry_log log);

/* The tracker of a record kind, NULL if events of that kind are only remembered. */
track_facts tracker_of(struct slice kind);
/* Whether each event of such a record makes its facts without regard to the record's other events. */
bool tracker_sees_events_alone(struct slice kind);

/* Where an event is remembered: the record kind and id. kind.n = 0: nowhere yet (counted as applied, no measure needs it). `buf` holds ids that have
 * to be put together. */
struct route {
    struct slice kind, id;
};
/* What senders call the kind of an entity, as records and trackers call it; empty: none that a tracker knows. */
struct slice event_entity_kind(struct slice named);
struct route event_route(const struct event *ev, char *buf, size_t cap);

#endif

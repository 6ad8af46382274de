/* The events of the made-up company. */
#include "demo_events.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define MICROS INT64_C(1000000)

/* Names in several scripts: they are shown as they are, whatever their width. */
static const char *const rep_name[CRM_REPS] = {
    "Ana Lindqvist", "王小明",     "Zoë Müller",   "Kwame Mensah", "Ирина Волкова", "José Ferreira",
    "Priya Nair",    "佐藤さくら", "Liam O'Brien", "Fatima Zahra", "Ola Nordmann",  "김민준",
};
static const char *const team_name[CRM_TEAMS] = { "North", "South", "East" };

static uint32_t team_of(uint32_t rep)
{
    return rep % CRM_TEAMS;
}

/* ---- building one event ---- */

__attribute__((format(printf, 2, 3))) static struct slice text(struct crm *c, const char *fmt, ...)
{
    char *buf = c->text[c->n_text++ % 16];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof c->text[0], fmt, ap);
    va_end(ap);
    return slice_of(buf);
}

static void begin(struct crm *c, enum event_type type, int64_t now_ms)
{
    event_clear(&c->ev);
    c->ev.type = type;
    event_set_str(&c->ev, F_EVENT_ID, text(c, "demo-%u", ++c->next_event));
    event_set_str(&c->ev, F_ORG_ID, SLICE(DEMO_ORG));
    event_set_int(&c->ev, F_OCCURRED_AT_MS, now_ms);
}

static void set_text(struct crm *c, enum event_field f, const char *value)
{
    event_set_str(&c->ev, f, slice_of(value));
}

static void set_id(struct crm *c, enum event_field f, const char *kind, uint32_t id)
{
    event_set_str(&c->ev, f, text(c, "%s-%u", kind, id));
}

static void set_rep(struct crm *c, uint32_t rep)
{
    set_text(c, F_OWNER_ID, rep_name[rep]);
    set_text(c, F_TEAM_ID, team_name[team_of(rep)]);
}

static void set_money(struct crm *c, int64_t micros)
{
    event_set_int(&c->ev, F_AMOUNT_MICROS, micros);
    set_text(c, F_CURRENCY, "EUR");
}

static void end(struct crm *c)
{
    if (c->sink.put(c->sink.ctx, &c->ev) < 0)
        c->failed = true;
    c->n_text = 0;
}

/* ---- people and targets ---- */

static void set_user(struct crm *c, uint32_t user)
{
    if (user < CRM_REPS)
        set_text(c, F_USER_ID, rep_name[user]);
    else
        set_id(c, F_USER_ID, "user", user);
    set_text(c, F_TEAM_ID, team_name[user % CRM_TEAMS]);
}

void crm_people_enabled(struct crm *c, int64_t now_ms)
{
    for (uint32_t i = 0; i < CRM_PEOPLE; i++) {
        begin(c, EV_USER_ENABLED, now_ms);
        set_user(c, i);
        set_text(c, F_ROLE, i < CRM_REPS ? "sales" : "staff");
        end(c);
    }
    for (uint32_t i = 0; i < c->n_customers; i++) {
        begin(c, EV_CUSTOMER_ACQUIRED, now_ms);
        set_id(c, F_CUSTOMER_ID, "customer", i);
        end(c);
    }
}

/* Within reach of what was sold so far this month, whatever day it is. */
void crm_targets_set(struct crm *c, int64_t now_ms)
{
    struct tm tm;
    time_t s = now_ms / 1000;
    if (!gmtime_r(&s, &tm))
        return;
    for (uint32_t i = 0; i < CRM_REPS; i++) {
        int64_t base = c->sold_micros[i] < 20000 * MICROS ? 20000 * MICROS : c->sold_micros[i];
        int64_t target = base / 100 * (115 + crm_random(c, 90));
        begin(c, EV_TARGET_SET, now_ms);
        set_id(c, F_TARGET_ID, "target", i);
        set_text(c, F_KPI_ID, "sales_amount");
        event_set_str(&c->ev, F_SUBJECT, text(c, "rep:%s", rep_name[i]));
        event_set_str(&c->ev, F_CYCLE, text(c, "%04d-%02d", tm.tm_year + 1900, tm.tm_mon + 1));
        event_set_int(&c->ev, F_VALUE, target / (1000 * MICROS) * (1000 * MICROS));
        end(c);
    }
}

/* ---- leads and deals ---- */

void crm_lead_created(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    static const char *const channel[] = { "web", "phone", "partner", "fair" };
    begin(c, EV_LEAD_CREATED, now_ms);
    set_id(c, F_LEAD_ID, "lead", t.id);
    set_rep(c, t.rep);
    set_text(c, F_CHANNEL, channel[crm_random(c, 4)]);
    end(c);
    crm_later(c, t, now_ms, CRM_QUALIFY);
}

void crm_lead_judged(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    bool good = crm_chance(c, 70);
    begin(c, good ? EV_LEAD_QUALIFIED : EV_LEAD_DISQUALIFIED, now_ms);
    set_id(c, F_LEAD_ID, "lead", t.id);
    if (!good)
        set_text(c, F_REASON, "no budget");
    end(c);
    if (good)
        crm_later(c, t, now_ms, CRM_CONVERT);
}

/* The lead becomes a customer and a deal in one go. */
void crm_lead_converted(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    static const uint8_t size_percent[CRM_REPS] = { 130, 120, 100, 95, 110, 90, 105, 125, 80, 100, 85, 115 };
    t.customer = c->n_customers++;
    t.amount_micros = (2000 + crm_random(c, 150) * crm_random(c, 150)) * MICROS / 100 * size_percent[t.rep];
    begin(c, EV_LEAD_CONVERTED, now_ms);
    set_id(c, F_LEAD_ID, "lead", t.id);
    set_id(c, F_CUSTOMER_ID, "customer", t.customer);
    set_id(c, F_DEAL_ID, "deal", t.id);
    end(c);
    begin(c, EV_CUSTOMER_ACQUIRED, now_ms);
    set_id(c, F_CUSTOMER_ID, "customer", t.customer);
    set_id(c, F_LEAD_ID, "lead", t.id);
    set_rep(c, t.rep);
    end(c);
    begin(c, EV_DEAL_OPENED, now_ms);
    set_id(c, F_DEAL_ID, "deal", t.id);
    set_id(c, F_LEAD_ID, "lead", t.id);
    set_id(c, F_CUSTOMER_ID, "customer", t.customer);
    set_rep(c, t.rep);
    set_money(c, t.amount_micros);
    set_text(c, F_STAGE, "discovery");
    event_set_int(&c->ev, F_PROB_PPM, 200000);
    end(c);
    crm_later(c, t, now_ms, CRM_MOVE);
}

void crm_deal_moved(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    static const struct {
        const char *name;
        int64_t prob_ppm;
    } stage[] = { { "proposal", 400000 }, { "negotiation", 700000 } };
    begin(c, EV_DEAL_STAGE_CHANGED, now_ms);
    set_id(c, F_DEAL_ID, "deal", t.id);
    set_text(c, F_TO_STAGE, stage[t.step].name);
    event_set_int(&c->ev, F_PROB_PPM, stage[t.step].prob_ppm);
    end(c);
    bool last = t.step == 1 || crm_chance(c, 30);
    t.step = 1;
    crm_later(c, t, now_ms, last ? CRM_CLOSE : CRM_MOVE);
}

void crm_deal_closed(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    bool won = crm_chance(c, 42 + t.rep * 5 % 25);
    begin(c, EV_DEAL_CLOSED, now_ms);
    set_id(c, F_DEAL_ID, "deal", t.id);
    set_text(c, F_OUTCOME, won ? "won" : "lost");
    set_money(c, t.amount_micros);
    if (!won)
        set_text(c, F_REASON, "price");
    end(c);
    if (won && now_ms >= c->month_start_ms)
        c->sold_micros[t.rep] += t.amount_micros;
}

/* ---- service ---- */

void crm_ticket_opened(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    begin(c, EV_TICKET_OPENED, now_ms);
    set_id(c, F_TICKET_ID, "ticket", t.id);
    set_text(c, F_KIND, "customer");
    set_id(c, F_CUSTOMER_ID, "customer", t.customer);
    set_rep(c, t.rep);
    end(c);
    crm_later(c, t, now_ms, CRM_ANSWER);
}

void crm_ticket_answered(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    begin(c, EV_TICKET_FIRST_RESPONSE, now_ms);
    set_id(c, F_TICKET_ID, "ticket", t.id);
    set_text(c, F_RESPONDER_ID, rep_name[t.rep]);
    end(c);
    crm_later(c, t, now_ms, CRM_RESOLVE);
}

void crm_ticket_resolved(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    begin(c, EV_TICKET_RESOLVED, now_ms);
    set_id(c, F_TICKET_ID, "ticket", t.id);
    set_text(c, F_RESOLVER_ID, rep_name[t.rep]);
    end(c);
    if (crm_chance(c, 20))
        crm_later(c, t, now_ms, CRM_SURVEY);
}

void crm_surveyed(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    uint32_t team = team_of(t.rep);
    bool happy = crm_is_happy(c, team);
    begin(c, EV_SURVEY_ANSWERED, now_ms);
    set_id(c, F_RESPONSE_ID, "answer", ++c->next_id);
    set_text(c, F_KIND, "csat");
    event_set_int(&c->ev, F_SCORE_MILLI, happy ? 4000 + 1000 * crm_random(c, 2) : 1000 + 1000 * crm_random(c, 3));
    event_set_int(&c->ev, F_SCALE_MIN, 1);
    event_set_int(&c->ev, F_SCALE_MAX, 5);
    set_rep(c, t.rep);
    end(c);
    c->team[team].answers++;
    c->team[team].happy += happy;
}

/* ---- the rest ---- */

void crm_logged_in(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    begin(c, EV_LOGIN, now_ms);
    set_user(c, crm_random(c, CRM_PEOPLE));
    set_id(c, F_SESSION_ID, "session", t.id);
    end(c);
}

void crm_contacted(struct crm *c, struct crm_todo t, int64_t now_ms)
{
    begin(c, EV_CONTACT_MADE, now_ms);
    set_id(c, F_CONTACT_ID, "contact", t.id);
    set_id(c, F_CUSTOMER_ID, "customer", t.customer);
    set_text(c, F_DIRECTION, "out");
    set_text(c, F_MEDIUM, crm_chance(c, 60) ? "phone" : "mail");
    set_rep(c, t.rep);
    end(c);
}

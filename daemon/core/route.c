/* Which record remembers an event, and which tracker turns a record into facts. Two tables; adding an entity is a row in each. */
#include "track.h"

struct route_row {
    const char *kind;
    enum event_field id, or_id; /* or_id: used when id is absent; F_TYPE = none */
    const char *or_kind;
};

static const struct route_row routes[EVENT_TYPE_COUNT] = {
    [EV_LEAD_CREATED] = { "lead", F_LEAD_ID, F_TYPE, NULL },
    [EV_LEAD_SCORED] = { "lead", F_LEAD_ID, F_TYPE, NULL },
    [EV_LEAD_QUALIFIED] = { "lead", F_LEAD_ID, F_TYPE, NULL },
    [EV_LEAD_CONVERTED] = { "lead", F_LEAD_ID, F_TYPE, NULL },
    [EV_LEAD_DISQUALIFIED] = { "lead", F_LEAD_ID, F_TYPE, NULL },
    [EV_DEAL_OPENED] = { "deal", F_DEAL_ID, F_TYPE, NULL },
    [EV_DEAL_STAGE_CHANGED] = { "deal", F_DEAL_ID, F_TYPE, NULL },
    [EV_DEAL_AMENDED] = { "deal", F_DEAL_ID, F_TYPE, NULL },
    [EV_DEAL_CLOSED] = { "deal", F_DEAL_ID, F_TYPE, NULL },
    [EV_DEAL_REOPENED] = { "deal", F_DEAL_ID, F_TYPE, NULL },
    [EV_QUOTE_SENT] = { "quote", F_QUOTE_ID, F_TYPE, NULL },
    [EV_ORDER_PLACED] = { "order", F_ORDER_ID, F_TYPE, NULL },
    [EV_ORDER_AMENDED] = { "order", F_ORDER_ID, F_TYPE, NULL },
    [EV_ORDER_CANCELLED] = { "order", F_ORDER_ID, F_TYPE, NULL },
    [EV_ORDER_REFUNDED] = { "order", F_ORDER_ID, F_DEAL_ID, "deal" },
    [EV_PAYMENT_RECEIVED] = { "order", F_ORDER_ID, F_TYPE, NULL },
    [EV_CUSTOMER_ACQUIRED] = { "customer", F_CUSTOMER_ID, F_TYPE, NULL },
    [EV_CUSTOMER_CHURNED] = { "customer", F_CUSTOMER_ID, F_TYPE, NULL },
    [EV_CUSTOMER_REACTIVATED] = { "customer", F_CUSTOMER_ID, F_TYPE, NULL },
    [EV_SUBSCRIPTION_CHANGED] = { "subscription", F_SUBSCRIPTION_ID, F_TYPE, NULL },
    [EV_REFERRAL_MADE] = { "referral", F_REFERRAL_ID, F_TYPE, NULL },
    [EV_CONTACT_MADE] = { "contact", F_CONTACT_ID, F_TYPE, NULL },
    [EV_FOLLOW_UP_LOGGED] = { "followup", F_FOLLOWUP_ID, F_TYPE, NULL },
    [EV_PROCESS_FINISHED] = { "process_run", F_RUN_ID, F_TYPE, NULL },
    [EV_RECORD_CREATED] = { "record", F_RECORD_ID, F_TYPE, NULL },
    [EV_RECORD_UPDATED] = { "record", F_RECORD_ID, F_TYPE, NULL },
    [EV_RECORD_VALIDATED] = { "record", F_RECORD_ID, F_TYPE, NULL },
    [EV_TRAINING_REQUIRED] = { "training", F_USER_ID, F_TYPE, NULL },
    [EV_TRAINING_COMPLETED] = { "training", F_USER_ID, F_TYPE, NULL },
    [EV_SYNC_RUN] = { "sync_run", F_RUN_ID, F_TYPE, NULL },
    [EV_OUTAGE] = { "outages", F_ORG_ID, F_TYPE, NULL },
    [EV_SECURITY_INCIDENT] = { "incident", F_INCIDENT_ID, F_TYPE, NULL },
    [EV_COMMUNITY_ACTIVITY] = { "community", F_EVENT_ID, F_TYPE, NULL },
    [EV_REVIEW_SCORED] = { "review", F_AREA, F_TYPE, NULL },
    [EV_EXPERT_RANKED] = { "panel", F_PANEL_ID, F_TYPE, NULL },
    [EV_EXPERT_GRADED] = { "panel", F_PANEL_ID, F_TYPE, NULL },
    [EV_COMMENT_ADDED] = { "comment", F_COMMENT_ID, F_TYPE, NULL },
    [EV_SURVEY_SENT] = { "survey", F_SURVEY_ID, F_TYPE, NULL },
    [EV_SURVEY_ANSWERED] = { "response", F_RESPONSE_ID, F_TYPE, NULL },
    [EV_FEEDBACK_RECEIVED] = { "feedback", F_FEEDBACK_ID, F_TYPE, NULL },
    [EV_COMPLAINT_FILED] = { "complaint", F_COMPLAINT_ID, F_TYPE, NULL },
    [EV_COMPLAINT_RESOLVED] = { "complaint", F_COMPLAINT_ID, F_TYPE, NULL },
    [EV_COMPLAINT_REOPENED] = { "complaint", F_COMPLAINT_ID, F_TYPE, NULL },
    [EV_COMPLAINT_WITHDRAWN] = { "complaint", F_COMPLAINT_ID, F_TYPE, NULL },
    [EV_TICKET_OPENED] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_TICKET_FIRST_RESPONSE] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_TICKET_HANDED_OFF] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_TICKET_HOLD] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_TICKET_RESOLVED] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_TICKET_REOPENED] = { "ticket", F_TICKET_ID, F_TYPE, NULL },
    [EV_USER_ENABLED] = { "user", F_USER_ID, F_TYPE, NULL },
    [EV_USER_DISABLED] = { "user", F_USER_ID, F_TYPE, NULL },
    [EV_LOGIN] = { "usage", F_USER_ID, F_TYPE, NULL },
    [EV_FEATURE_USED] = { "usage", F_USER_ID, F_TYPE, NULL },
    [EV_TASK_ASSIGNED] = { "task", F_TASK_ID, F_TYPE, NULL },
    [EV_TASK_COMPLETED] = { "task", F_TASK_ID, F_TYPE, NULL },
    [EV_TASK_CANCELLED] = { "task", F_TASK_ID, F_TYPE, NULL },
    [EV_FX_RATE_SET] = { "fx", F_FROM_CURRENCY, F_TYPE, NULL },
    [EV_LICENCE_CHANGED] = { "licence", F_PRODUCT, F_TYPE, NULL },
    [EV_CAMPAIGN_SENT] = { "recipient", F_RECIPIENT_ID, F_TYPE, NULL },
    [EV_CAMPAIGN_RESPONDED] = { "recipient", F_RECIPIENT_ID, F_TYPE, NULL },
    [EV_COST_INCURRED] = { "cost", F_COST_ID, F_TYPE, NULL },
    [EV_BENEFIT_BOOKED] = { "benefit", F_BENEFIT_ID, F_TYPE, NULL },
    [EV_PRODUCT_LAUNCHED] = { "product", F_PRODUCT_ID, F_TYPE, NULL },
    [EV_BALANCE_REPORTED] = { "balance", F_ITEM, F_TYPE, NULL },
    [EV_EXTERNAL_FIGURE] = { "figure", F_FIGURE, F_TYPE, NULL },
    [EV_FORECAST_MADE] = { "forecast", F_SUBJECT, F_TYPE, NULL },
    [EV_TARGET_SET] = { "target", F_KPI_ID, F_TYPE, NULL },
    [EV_OWNER_CHANGED] = { NULL, F_ENTITY_ID, F_TYPE, NULL },
    [EV_ENTITY_DELETED] = { NULL, F_ENTITY_ID, F_TYPE, NULL },
};

static const struct {
    const char *kind;
    track_facts facts;
} trackers[] = {
    { "lead", lead_facts },           { "deal", deal_facts },
    { "order", order_facts },         { "ticket", ticket_facts },
    { "customer", customer_facts },   { "user", user_facts },
    { "usage", usage_facts },         { "response", survey_facts },
    { "survey", survey_sent_facts },  { "complaint", complaint_facts },
    { "task", task_facts },           { "target", target_facts },
    { "quote", quote_facts },         { "contact", contact_facts },
    { "feedback", feedback_facts },   { "referral", referral_facts },
    { "process_run", process_facts }, { "record", record_facts },
    { "training", training_facts },   { "sync_run", sync_facts },
    { "incident", incident_facts },   { "outages", outage_facts },
    { "community", community_facts }, { "comment", comment_facts },
    { "review", review_facts },       { "cost", cost_facts },
    { "benefit", benefit_facts },     { "recipient", recipient_facts },
    { "product", product_facts },     { "balance", balance_facts },
    { "figure", figure_facts },       { "licence", licence_facts },
    { "forecast", forecast_facts },   { "subscription", subscription_facts },
    { "panel", panel_facts },
};

track_facts tracker_of(struct slice kind)
{
    for (size_t i = 0; i < sizeof trackers / sizeof trackers[0]; i++)
        if (slice_eq(kind, slice_of(trackers[i].kind)))
            return trackers[i].facts;
    return NULL;
}

bool tracker_sees_events_alone(struct slice kind)
{
    return slice_eq(kind, SLICE("usage"));
}

/* Texts joined by '/': ids that name more than one thing. Empty if they do not fit, which validated ids always do. */
static struct slice join(const struct slice *part, size_t n_parts, char *buf, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < n_parts; i++) {
        if (n + part[i].n + 1 > cap)
            return (struct slice){ 0 };
        if (i)
            buf[n++] = '/';
        if (part[i].n)
            memcpy(buf + n, part[i].p, part[i].n);
        n += part[i].n;
    }
    return (struct slice){ buf, (uint32_t)n };
}

/* Decimal of a non-negative number; buf holds at least 20 bytes. */
static struct slice decimal(int64_t v, char *buf)
{
    uint32_t n = 0, i = 20;
    char tmp[20];
    do {
        tmp[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    n = 20 - i;
    memcpy(buf, tmp + i, n);
    return (struct slice){ buf, n };
}

/* What senders call an answer to a survey. */
struct slice event_entity_kind(struct slice named)
{
    if (slice_eq(named, SLICE("survey_response")) || slice_eq(named, SLICE("survey_answer")))
        return SLICE("response");
    return tracker_of(named) && !slice_eq(named, SLICE("usage")) ? named : (struct slice){ 0 };
}

struct route event_route(const struct event *ev, char *buf, size_t cap)
{
    const struct route_row *row = &routes[ev->type];
    enum event_field id = event_has(ev, row->id) || row->or_id == F_TYPE ? row->id : row->or_id;
    struct route r = { slice_of(id == row->id ? row->kind : row->or_kind), event_str(ev, id) };
    char hour[20];
    switch (ev->type) {
    case EV_LOGIN:
    case EV_FEATURE_USED: /* one record per user and hour keeps records small: a record is read and written whole */
        r.id = join((struct slice[]){ r.id, decimal(ev->v[F_OCCURRED_AT_MS].i / 3600000, hour) }, 2, buf, cap);
        break;
    case EV_BALANCE_REPORTED: /* all reports of one item: what a restatement replaces is found among them */
    case EV_EXTERNAL_FIGURE:
        r.id = join((struct slice[]){ r.id, event_str(ev, F_REGION), event_str(ev, F_PRODUCT_ID) }, 3, buf, cap);
        break;
    case EV_LICENCE_CHANGED:
        r.id = join((struct slice[]){ SLICE("of"), event_str(ev, F_PRODUCT) }, 2, buf, cap);
        break;
    case EV_FORECAST_MADE:
        r.id = join((struct slice[]){ r.id, event_str(ev, F_CYCLE) }, 2, buf, cap);
        break;
    case EV_TARGET_SET:
        r.id = join((struct slice[]){ r.id, event_str(ev, F_SUBJECT), event_str(ev, F_CYCLE) }, 3, buf, cap);
        break;
    case EV_FX_RATE_SET:
        r.id = join((struct slice[]){ r.id, event_str(ev, F_TO_CURRENCY) }, 2, buf, cap);
        break;
    case EV_FOLLOW_UP_LOGGED: /* part of the lead or deal it is about: whether one was due is a matter of that */
        if (slice_eq(event_str(ev, F_TARGET_KIND), SLICE("lead")) ||
            slice_eq(event_str(ev, F_TARGET_KIND), SLICE("deal")))
            r = (struct route){ event_str(ev, F_TARGET_KIND), event_str(ev, F_TARGET_ID) };
        break;
    case EV_OUTAGE: /* those of an org together: a time counts once, however many components are down */
        r.id = SLICE("all");
        break;
    case EV_REVIEW_SCORED:
        r.id = join((struct slice[]){ r.id, event_str(ev, F_REVIEWER_ID) }, 2, buf, cap);
        break;
    case EV_ENTITY_MERGED: /* all merges of an org in one record (identity.c) */
        r = (struct route){ SLICE("merge"), SLICE("all") };
        break;
    case EV_ENTITY_DELETED:
    case EV_OWNER_CHANGED: /* the kind is the sender's text: only one that a tracker knows names a record */
        r.kind = event_entity_kind(event_str(ev, F_ENTITY_KIND));
        if (!r.kind.n)
            r = (struct route){ SLICE("event"), event_str(ev, F_EVENT_ID) };
        else if (ev->type == EV_ENTITY_DELETED && event_int(ev, F_ERASE, 0)) /* changes who is who */
            r = (struct route){ SLICE("merge"), SLICE("all") };
        break;
    default: /* no row: nothing computes with it yet; remembered under its own id, so that a duplicate is recognised */
        if (!r.kind.n)
            r = (struct route){ SLICE("event"), event_str(ev, F_EVENT_ID) };
        break;
    }
    return r;
}

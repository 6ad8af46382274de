/* Random histories. Ids are few, so that events meet: amendments find their deal, merges their customer, retractions their event. Ids of events are unique but
 * for repetitions, which are the same bytes: which of two different payloads of one id counts would depend on the order of arrival. */
#include "history.h"

#include <stdarg.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define HOUR_MS INT64_C(3600000)

/* What makes everybody known: before the first day of any window that something is compared with. */
static const int64_t known_ms = INT64_C(1734883200000); /* 2024-12-23T00:00+08:00 */
static const int64_t day0_ms = INT64_C(1735747200000);  /* 2025-01-02T00:00+08:00 */
enum { DAYS = 12, JSON_MAX = 700 };

struct writer {
    struct dice *dice;
    bool merges_customers; /* only: see docs/ARCHITECTURE.md, Simulator */
    char text[JSON_MAX];
    uint32_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *x, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    x->n += (uint32_t)vsnprintf(x->text + x->n, sizeof x->text - x->n, format, ap);
    va_end(ap);
}

static unsigned any(struct writer *x, unsigned n)
{
    return (unsigned)dice_below(x->dice, n);
}

static bool maybe(struct writer *x)
{
    return dice_one_in(x->dice, 2);
}

static const char *user(struct writer *x)
{
    static const char *const names[] = { "ann", "bo", "cy" };
    return names[any(x, 3)];
}

static void money(struct writer *x)
{
    put(x, ",\"amount_micros\":%u000000,\"currency\":\"CNY\"", any(x, 100));
}

static void dims(struct writer *x)
{
    if (maybe(x))
        put(x, ",\"channel\":\"%c\"", 'a' + (char)any(x, 2));
    if (maybe(x))
        put(x, ",\"team_id\":\"%c\"", 't' + (char)any(x, 2));
    if (maybe(x))
        put(x, ",\"product_id\":\"%c\"", 'p' + (char)any(x, 2));
}

static void owner(struct writer *x)
{
    put(x, ",\"owner_id\":\"%s\"", user(x));
}

/* ---- facts ---- */

static void lead_created(struct writer *x)
{
    put(x, "\"type\":\"lead_created\",\"lead_id\":\"L%u\"", any(x, 5));
    owner(x);
    dims(x);
}

static void lead_qualified(struct writer *x)
{
    put(x, "\"type\":\"lead_qualified\",\"lead_id\":\"L%u\"", any(x, 5));
}

static void lead_converted(struct writer *x)
{
    put(x, "\"type\":\"lead_converted\",\"lead_id\":\"L%u\",\"customer_id\":\"k%u\"", any(x, 5), any(x, 4));
}

static void deal_opened(struct writer *x)
{
    put(x, "\"type\":\"deal_opened\",\"deal_id\":\"D%u\",\"stage\":\"s\"", any(x, 6));
    owner(x);
    money(x);
    dims(x);
    if (maybe(x))
        put(x, ",\"lead_id\":\"L%u\"", any(x, 5));
}

static void deal_closed(struct writer *x)
{
    put(x, "\"type\":\"deal_closed\",\"deal_id\":\"D%u\",\"outcome\":\"%s\"", any(x, 6), any(x, 3) ? "won" : "lost");
    money(x);
    if (maybe(x))
        put(x, ",\"customer_id\":\"k%u\"", any(x, 4));
    if (maybe(x))
        owner(x);
}

static void order_placed(struct writer *x)
{
    put(x, "\"type\":\"order_placed\",\"order_id\":\"O%u\",\"customer_id\":\"k%u\",\"items\":%u", any(x, 6), any(x, 4),
        1 + any(x, 4));
    money(x);
    dims(x);
    if (maybe(x))
        owner(x);
}

static void customer_acquired(struct writer *x)
{
    put(x, "\"type\":\"customer_acquired\",\"customer_id\":\"k%u\"", any(x, 4));
    dims(x);
    if (maybe(x))
        put(x, ",\"lead_id\":\"L%u\"", any(x, 5));
}

static void customer_churned(struct writer *x)
{
    put(x, "\"type\":\"customer_churned\",\"customer_id\":\"k%u\",\"kind\":\"explicit\",\"reason\":\"price\"",
        any(x, 4));
}

static void ticket_opened(struct writer *x)
{
    put(x, "\"type\":\"ticket_opened\",\"ticket_id\":\"T%u\",\"kind\":\"customer\",\"customer_id\":\"k%u\"", any(x, 5),
        any(x, 4));
    owner(x);
    dims(x);
}

static void ticket_answered(struct writer *x)
{
    put(x, "\"type\":\"ticket_first_response\",\"ticket_id\":\"T%u\",\"responder_id\":\"%s\"", any(x, 5), user(x));
}

static void ticket_resolved(struct writer *x)
{
    put(x, "\"type\":\"ticket_resolved\",\"ticket_id\":\"T%u\",\"resolver_id\":\"%s\"", any(x, 5), user(x));
}

static void survey_answered(struct writer *x)
{
    put(x,
        "\"type\":\"survey_answered\",\"response_id\":\"A%u\",\"kind\":\"csat\",\"score_milli\":%u000,\"scale_min\":1,"
        "\"scale_max\":5,\"about_user_id\":\"%s\"",
        any(x, 20), 1 + any(x, 5), user(x));
}

static void login(struct writer *x)
{
    put(x, "\"type\":\"login\",\"user_id\":\"%s\"", user(x));
}

static void user_enabled(struct writer *x)
{
    put(x, "\"type\":\"user_enabled\",\"user_id\":\"%s\",\"team_id\":\"%c\"", user(x), 't' + (char)any(x, 2));
}

/* ---- corrections ---- */

static void named(struct writer *x)
{
    static const struct {
        const char *kind, *letter;
        unsigned n;
    } rows[] = {
        { "lead", "L", 5 }, { "deal", "D", 6 }, { "order", "O", 6 }, { "customer", "k", 4 }, { "ticket", "T", 5 }
    };
    unsigned i = any(x, 5);
    put(x, "\"entity_kind\":\"%s\",\"entity_id\":\"%s%u\"", rows[i].kind, rows[i].letter, any(x, rows[i].n));
}

static void deal_amended(struct writer *x)
{
    put(x, "\"type\":\"deal_amended\",\"deal_id\":\"D%u\"", any(x, 6));
    money(x);
}

static void deal_reopened(struct writer *x)
{
    put(x, "\"type\":\"deal_reopened\",\"deal_id\":\"D%u\"", any(x, 6));
}

static void order_amended(struct writer *x)
{
    put(x, "\"type\":\"order_amended\",\"order_id\":\"O%u\"", any(x, 6));
    money(x);
}

static void order_cancelled(struct writer *x)
{
    put(x, "\"type\":\"order_cancelled\",\"order_id\":\"O%u\"", any(x, 6));
}

static void refunded(struct writer *x)
{
    bool deal = maybe(x);
    put(x, "\"type\":\"order_refunded\",\"refund_id\":\"F%u\",\"%s\":\"%c%u\"", any(x, 40),
        deal ? "deal_id" : "order_id", deal ? 'D' : 'O', any(x, 6));
    money(x);
}

static void ticket_reopened(struct writer *x)
{
    put(x, "\"type\":\"ticket_reopened\",\"ticket_id\":\"T%u\"", any(x, 5));
}

static void owner_changed(struct writer *x)
{
    put(x, "\"type\":\"owner_changed\",\"to_owner\":\"%s\",", user(x));
    named(x);
}

static void entity_deleted(struct writer *x)
{
    put(x, "\"type\":\"entity_deleted\",");
    named(x);
    if (!any(x, 3))
        put(x, ",\"erase\":true");
}

static void entity_merged(struct writer *x)
{
    static const char letters[] = "LDk";
    static const char *const kinds[] = { "lead", "deal", "customer" };
    unsigned i = x->merges_customers ? 2 : any(x, 3);
    put(x, "\"type\":\"entity_merged\",\"entity_kind\":\"%s\",\"from_id\":\"%c%u\",\"into_id\":\"%c%u\"", kinds[i],
        letters[i], any(x, 4), letters[i], any(x, 4));
}

static void event_retracted(struct writer *x)
{
    put(x, "\"type\":\"event_retracted\",\"target_event_id\":\"e%u\"", any(x, 60));
}

/* ---- the whole ---- */

static int64_t start_ms(const struct sim *w)
{
    return day0_ms + (int64_t)w->plan.first_day * 24 * HOUR_MS;
}

static void (*const facts[])(struct writer *) = {
    lead_created,    lead_qualified,  lead_converted,    deal_opened,      deal_closed,   deal_closed,
    order_placed,    order_placed,    customer_acquired, customer_churned, ticket_opened, ticket_answered,
    ticket_resolved, survey_answered, survey_answered,   survey_answered,  login,         user_enabled,
};
static void (*const corrections[])(struct writer *) = {
    deal_amended,  deal_reopened,  order_amended, order_cancelled, refunded,        ticket_reopened,
    owner_changed, entity_deleted, entity_merged, event_retracted, event_retracted, event_retracted,
};

static int by_arrival(const void *a, const void *b)
{
    const struct happening *x = a, *y = b;
    if (x->arrives_ms != y->arrives_ms)
        return x->arrives_ms < y->arrives_ms ? -1 : 1;
    return slice_cmp(x->json, y->json);
}

static void keep(struct history *h, const struct writer *x, struct happening row)
{
    row.json = arena_copy(&h->text, (struct slice){ x->text, x->n });
    if (!row.json.p)
        abort();
    h->v[h->n++] = row;
}

/* What is no event is accounted for in shard 0. */
static uint32_t shard_of(const struct sim *w, struct history *h, struct slice json)
{
    struct event ev;
    struct event_note note;
    struct arena_mark mark = arena_mark(&h->text);
    enum event_reject why = event_decode(&h->codec, &h->text, (const uint8_t *)json.p, json.n, &ev, &note);
    uint32_t shard = 0;
    if (why == REJECT_NONE)
        shard = (uint32_t)(XXH3_64bits(ev.v[F_ORG_ID].s.p, ev.v[F_ORG_ID].s.n) % w->plan.shards);
    arena_rewind(&h->text, mark);
    return shard;
}

/* Corrections lie anywhere in event time, also before what they correct. */
/* `day`: of the first that it may be on, `days`: how many there are. */
static void happen(struct sim *w, struct history *h, uint32_t number, unsigned day, unsigned days)
{
    static const char *const orgs[] = { "acme", "beta" };
    struct dice *d = &w->history_dice;
    struct writer x = { .dice = d, .merges_customers = w->plan.finality };
    const char *org = orgs[dice_one_in(d, 4)];
    struct happening row = { .occurred_at_ms = start_ms(w) + (int64_t)(day * 24 + dice_below(d, days * 24)) * HOUR_MS +
                                               (int64_t)dice_below(d, 3) * 1000 };
    put(&x, "{\"event_id\":\"e%u\",\"org_id\":\"%s\",\"occurred_at_ms\":%lld,", number, org,
        (long long)row.occurred_at_ms);
    if (dice_below(d, 10) < 3)
        corrections[any(&x, sizeof corrections / sizeof corrections[0])](&x);
    else
        facts[any(&x, sizeof facts / sizeof facts[0])](&x);
    put(&x, "}");
    if (dice_one_in(d, 40)) /* no event: the record is cut */
        x.n /= 2;
    row.shard = shard_of(w, h, (struct slice){ x.text, x.n });
    for (uint32_t times = dice_one_in(d, 10) ? 2 : 1; times; times--) {
        row.arrives_ms = row.occurred_at_ms + (int64_t)dice_below(d, HISTORY_DISORDER_MS);
        row.partition = w->plan.conflicts ? any(&x, w->plan.partitions) : (unsigned)org[0] % w->plan.partitions;
        keep(h, &x, row);
    }
}

static void first(struct sim *w, struct history *h, uint32_t number, const char *org, const char *rest)
{
    struct writer x = { .dice = &w->history_dice };
    struct happening row = { .occurred_at_ms = known_ms, .arrives_ms = known_ms };
    put(&x, "{\"event_id\":\"p%u\",\"org_id\":\"%s\",\"occurred_at_ms\":%lld,%s}", number, org,
        (long long)row.occurred_at_ms, rest);
    row.shard = shard_of(w, h, (struct slice){ x.text, x.n });
    row.partition = number % w->plan.partitions;
    keep(h, &x, row);
}

/* Everybody and everything is known long before, by facts that nothing takes back: who is listed with nothing to show for it, only because
 * something was said and withdrawn, depends on whether a batch saw both. */
static void begin(struct sim *w, struct history *h)
{
    static const char *const orgs[] = { "acme", "beta" }, *const users[] = { "ann", "bo", "cy" };
    char rest[400];
    for (uint32_t i = 0; i < HISTORY_FIRST / 2; i++) {
        snprintf(rest, sizeof rest,
                 "\"type\":\"deal_closed\",\"deal_id\":\"P%u\",\"outcome\":\"won\",\"amount_micros\":1000000,"
                 "\"currency\":\"CNY\","
                 "\"owner_id\":\"%s\",\"team_id\":\"%c\",\"channel\":\"%c\",\"product_id\":\"%c\"",
                 i, users[i % 3], 't' + (char)(i % 2), 'a' + (char)(i % 2), 'p' + (char)(i % 2));
        first(w, h, 2 * i, orgs[i / 3], rest);
        snprintf(rest, sizeof rest, "\"type\":\"user_enabled\",\"user_id\":\"%s\",\"team_id\":\"%c\"", users[i % 3],
                 't' + (char)(i % 2));
        first(w, h, 2 * i + 1, orgs[i / 3], rest);
    }
}

/* As any event, but of years ago, and arriving among the others. */
static void happen_too_late(struct sim *w, struct history *h, uint32_t number)
{
    struct writer x = { .dice = &w->history_dice };
    const int64_t arrives_ms = start_ms(w) + (int64_t)dice_below(x.dice, DAYS * 24) * HOUR_MS;
    struct happening row = { .occurred_at_ms = start_ms(w) - (int64_t)dice_between(x.dice, 900, 1200) * 24 * HOUR_MS };
    put(&x, "{\"event_id\":\"y%u\",\"org_id\":\"acme\",\"occurred_at_ms\":%lld,", number,
        (long long)row.occurred_at_ms);
    facts[any(&x, sizeof facts / sizeof facts[0])](&x);
    put(&x, "}");
    row.shard = shard_of(w, h, (struct slice){ x.text, x.n });
    for (uint32_t times = dice_one_in(x.dice, 4) ? 2 : 1; times; times--) {
        row.arrives_ms = arrives_ms + (int64_t)dice_below(x.dice, HISTORY_DISORDER_MS);
        row.partition = any(&x, w->plan.partitions);
        keep(h, &x, row);
    }
}

/* Far enough behind all before, so that nothing of it is behind the watermark of who has read those. */
static void later(struct sim *w, struct history *h, uint32_t *ret_end, unsigned day)
{
    for (uint32_t i = 0; i < w->plan.later; i++)
        happen(w, h, 1000 * day + i, day, 2);
    if (ret_end)
        *ret_end = h->n;
}

struct history *history_new(struct sim *w)
{
    struct history *h = calloc(1, sizeof *h);
    if (h)
        h->v = calloc(2 * (w->plan.events + 2 * w->plan.later + w->plan.too_late) + HISTORY_FIRST, sizeof *h->v);
    if (!h || !h->v)
        abort();
    arena_init(&h->text, 0, 0);
    if (event_codec_init(&h->codec) < 0)
        abort();
    begin(w, h);
    for (uint32_t i = 0; i < w->plan.events; i++)
        happen(w, h, i, 0, DAYS);
    for (uint32_t i = 0; i < w->plan.too_late; i++)
        happen_too_late(w, h, i);
    h->n_first = h->n_then = h->n;
    later(w, h, &h->n_then, DAYS + 1);
    later(w, h, NULL, DAYS + 4);
    qsort(h->v, h->n, sizeof *h->v, by_arrival);
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    arena_release(&h->text);
    free(h->v);
    free(h);
}

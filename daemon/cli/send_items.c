/* Events on their way: encoding, keys, the seeded shuffle and duplicates, the order. Knows neither files nor Kafka. */
#include <stdio.h>
#include <stdlib.h>

#include "send.h"

/* splitmix64: small, seedable, the same everywhere (Steele, Lea and Flood, 2014). */
uint64_t send_random(struct send *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static const enum event_field entity_ids[ENTITY_KIND_COUNT] = {
    [ENTITY_NONE] = F_ORG_ID,
    [ENTITY_ANY] = F_ENTITY_ID,
    [ENTITY_LEAD] = F_LEAD_ID,
    [ENTITY_DEAL] = F_DEAL_ID,
    [ENTITY_ORDER] = F_ORDER_ID,
    [ENTITY_CUSTOMER] = F_CUSTOMER_ID,
    [ENTITY_SUBSCRIPTION] = F_SUBSCRIPTION_ID,
    [ENTITY_SURVEY] = F_SURVEY_ID,
    [ENTITY_COMPLAINT] = F_COMPLAINT_ID,
    [ENTITY_TICKET] = F_TICKET_ID,
    [ENTITY_USER] = F_USER_ID,
    [ENTITY_ORG] = F_ORG_ID,
    [ENTITY_CAMPAIGN] = F_CAMPAIGN_ID,
    [ENTITY_COST] = F_COST_ID,
    [ENTITY_BENEFIT] = F_BENEFIT_ID,
    [ENTITY_TASK] = F_TASK_ID,
    [ENTITY_PROCESS_RUN] = F_RUN_ID,
    [ENTITY_RECORD] = F_RECORD_ID,
    [ENTITY_INTEGRATION] = F_INTEGRATION_ID,
    [ENTITY_COMPONENT] = F_COMPONENT,
    [ENTITY_INCIDENT] = F_INCIDENT_ID,
    [ENTITY_PRODUCT] = F_PRODUCT_ID,
    [ENTITY_TARGET] = F_TARGET_ID,
    [ENTITY_FORECAST] = F_SUBJECT,
    [ENTITY_CURRENCY] = F_FROM_CURRENCY,
    [ENTITY_AREA] = F_AREA,
    [ENTITY_PANEL] = F_PANEL_ID,
    [ENTITY_EVENT] = F_TARGET_EVENT_ID,
};

static struct slice entity_key(const struct send *s, const struct event *ev)
{
    struct slice id = event_str(ev, entity_ids[s->codec.schema.type[ev->type].entity]);
    if (id.n == 0)
        id = event_str(ev, F_TARGET_ID);
    return id.n ? id : event_str(ev, F_ORG_ID);
}

static struct slice key_of(struct send *s, const struct event *ev, char *text, size_t cap)
{
    switch (s->args.key) {
    case KEY_ORG:
        return event_str(ev, F_ORG_ID);
    case KEY_ENTITY:
        return entity_key(s, ev);
    case KEY_EVENT:
        return event_str(ev, F_EVENT_ID);
    case KEY_RANDOM:
        break;
    }
    int n = snprintf(text, cap, "%016llx", (unsigned long long)send_random(s));
    return (struct slice){ text, (uint32_t)n };
}

static struct slice encode(struct send *s, const struct event *ev, struct arena *a)
{
    uint8_t *bytes = NULL;
    if (s->args.json || s->args.to_ndjson)
        return event_json_encode(&s->codec.schema, ev, a);
    size_t n = event_pb_encode(&s->codec.pb, ev, a, &bytes);
    return (struct slice){ n ? (const char *)bytes : NULL, (uint32_t)n };
}

static int keep(struct send *s, struct send_item item)
{
    struct send_items *items = &s->items;
    if (items->n == items->cap) {
        uint32_t cap = items->cap ? items->cap * 2 : 1024;
        struct send_item *grown = realloc(items->v, cap * sizeof *grown);
        if (!grown)
            return -1;
        items->v = grown;
        items->cap = cap;
    }
    if (s->args.shuffle_ms > 0)
        item.order_ms += (int64_t)(send_random(s) % (uint64_t)(s->args.shuffle_ms + 1));
    item.number = items->n;
    items->v[items->n++] = item;
    return 0;
}

static int take(struct send *s, const struct event *ev, struct slice value)
{
    char text[24];
    struct send_item item = { .order_ms = event_int(ev, F_OCCURRED_AT_MS, 0), .value = value };
    struct slice key = key_of(s, ev, text, sizeof text);
    if (!s->buffered) {
        item.key = key;
        item.id = event_str(ev, F_EVENT_ID);
        return s->out(s, &item);
    }
    item.key = arena_copy(&s->items.arena, key);
    item.id = arena_copy(&s->items.arena, event_str(ev, F_EVENT_ID));
    return item.key.p && item.id.p ? keep(s, item) : -1;
}

int send_accept(struct send *s, const struct event *ev)
{
    struct slice value = encode(s, ev, s->buffered ? &s->items.arena : &s->scratch);
    if (!value.p || take(s, ev, value) != 0)
        return -1;
    if (s->args.duplicate_ppm == 0 || send_random(s) % 1000000 >= (uint64_t)s->args.duplicate_ppm)
        return 0;
    s->counts.duplicated++;
    return take(s, ev, value);
}

static int by_time_and_id(const void *a, const void *b)
{
    const struct send_item *x = a, *y = b;
    int c = (x->order_ms > y->order_ms) - (x->order_ms < y->order_ms);
    if (c == 0)
        c = slice_cmp(x->id, y->id);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

static int by_time_as_read(const void *a, const void *b)
{
    const struct send_item *x = a, *y = b;
    int c = (x->order_ms > y->order_ms) - (x->order_ms < y->order_ms);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

int send_kept(struct send *s)
{
    if (s->args.shuffle_ms > 0)
        qsort(s->items.v, s->items.n, sizeof *s->items.v, by_time_as_read);
    else if (s->args.csv)
        qsort(s->items.v, s->items.n, sizeof *s->items.v, by_time_and_id);
    s->progress.total = s->items.n;
    for (uint32_t i = 0; i < s->items.n; i++)
        if (s->out(s, &s->items.v[i]) != 0)
            return -1;
    return 0;
}

void send_items_release(struct send_items *items)
{
    free(items->v);
    arena_release(&items->arena);
    *items = (struct send_items){ 0 };
}

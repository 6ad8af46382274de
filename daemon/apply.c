/* One Kafka record of the batch: decode, validate, apply, count; what cannot be applied leaves as a dead letter or late event with the flush. */
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/out_pb.h"
#include "daemon/crash_point.h"
#include "daemon/daemon.h"

static struct slice hex128(XXH128_hash_t h, char buf[33])
{
    snprintf(buf, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    return (struct slice){ buf, 32 };
}

/* Deterministic: the same record gives the same id however often it is read. */
static struct slice record_id(struct slice topic, int32_t partition, int64_t offset, char buf[33])
{
    char text[512];
    int n = snprintf(text, sizeof text, "%.*s/%d/%lld", (int)topic.n, topic.p, partition, (long long)offset);
    return hex128(XXH3_128bits(text, (size_t)n), buf);
}

static void push(struct shard *s, const struct store_out *out)
{
    if (!out->payload.p || out_push(&s->outs, out) < 0)
        abort(); /* a dead letter must not be lost: stop, and read the record again */
}

static void dead_letter(struct daemon *d, const struct message *m, enum event_reject why, const char *detail,
                        const struct event *ev)
{
    struct shard *s = &d->shard[m->shard];
    const struct part *p = &d->ingest.part[m->part];
    char id[33], hash[33];
    struct dead_letter letter = {
        .reason = slice_of(event_reject_name(why)),
        .detail = slice_of(detail),
        .topic = p->topic,
        .partition = p->partition,
        .offset = m->offset,
        .payload = m->value,
        .payload_hash = hex128(XXH3_128bits(m->value.p, m->value.n), hash),
        .received_at_ms = wall_ms(),
    };
    if (ev) {
        letter.org = event_str(ev, F_ORG_ID);
        letter.event_id = event_str(ev, F_EVENT_ID);
    }
    push(s, &(struct store_out){ SLICE("dead_letter"), p->topic, record_id(p->topic, p->partition, m->offset, id),
                                 SLICE("crmpulse.deadletter.v1"), out_pb_dead_letter(&d->ingest.decode, &letter) });
    s->chain[m->part].dead++;
    d->counts.dead[why]++;
    CRASH_POINT(dead_letter_made);
}

/* Adds what every late event has. */
static void push_late(struct shard *s, const struct late_event *event)
{
    char id[33], hash[33];
    struct late_event late = *event;
    late.payload_hash = hex128(XXH3_128bits(late.payload.p, late.payload.n), hash);
    late.received_at_ms = wall_ms();
    push(s, &(struct store_out){ SLICE("late"), late.org, record_id(late.topic, late.partition, late.offset, id),
                                 SLICE("crmpulse.late.v1"), out_pb_late_event(&s->d->ingest.decode, &late) });
}

/* Why an event is late, and in words. */
static struct late_event late_reason(enum apply_result r)
{
    if (r == APPLY_ERASED)
        return (struct late_event){ .reason = SLICE("erased"),
                                    .detail = SLICE("of somebody whose erasure is final; told without its content") };
    if (r == APPLY_FINAL)
        return (struct late_event){ .reason = SLICE("erasure_final"),
                                    .detail = SLICE("the erasure it retracts is older than time.erase_final") };
    return (struct late_event){ .reason = SLICE("late"),
                                .detail = SLICE("behind the allowed lateness, or the entity's history is full") };
}

static void late_event(struct daemon *d, const struct message *m, const struct event *ev, enum apply_result r)
{
    struct shard *s = &d->shard[m->shard];
    const struct part *p = &d->ingest.part[m->part];
    struct late_event late = late_reason(r);
    late.topic = p->topic;
    late.partition = p->partition;
    late.offset = m->offset;
    late.payload = r == APPLY_ERASED ? (struct slice){ 0 } : m->value;
    late.org = event_str(ev, F_ORG_ID);
    late.event_id = event_str(ev, F_EVENT_ID);
    late.type = slice_of(d->codec.schema.type[ev->type].name);
    late.occurred_at_ms = ev->v[F_OCCURRED_AT_MS].i;
    late.watermark_ms = m->newest_ms;
    push_late(s, &late);
    s->chain[m->part].late++;
    (*(r == APPLY_ERASED ? &d->counts.erased : &d->counts.late))++;
    CRASH_POINT(late_made);
}

bool orphan_give_up(struct shard *s, struct slice key, int64_t until_ms)
{
    struct orphan o;
    enum apply_result r = engine_give_up(s->engine, key, until_ms, &o);
    if (r == APPLY_NO_MEMORY)
        abort();
    if (r == APPLY_NEED)
        return false;
    if (r == APPLY_FINAL)
        clean_begin(s, key, &o);
    else
        s->moved = true;
    if (r != APPLY_DONE)
        return true;
    const struct late_event late = {
        .reason = SLICE("orphan"),
        .detail = SLICE("what it corrects did not come within time.orphan_wait"),
        .topic = o.from.topic,
        .partition = o.from.partition,
        .offset = o.from.offset,
        .payload = o.from.payload,
        .org = o.org,
        .event_id = o.event_id,
        .type = slice_of(s->d->codec.schema.type[o.type].name),
        .occurred_at_ms = o.t_ms,
        .watermark_ms = o.due_ms,
    };
    push_late(s, &late); /* counted by the flush, not with its partition: there it was applied */
    CRASH_POINT(orphan_given_up);
    return true;
}

/* The event, after corrections that waited too long for it were given up; not while one before it waits for records, which may still find them. */
static enum apply_result apply(struct shard *s, const struct message *m, const struct event *ev)
{
    const struct part *p = &s->d->ingest.part[m->part];
    const struct event_source from = { p->topic, p->partition, m->offset, m->value };
    enum apply_result r;
    while ((r = engine_apply_from(s->engine, ev, m->newest_ms, &from)) == APPLY_OVERDUE)
        if (p->behind || !orphan_give_up(s, engine_overdue(s->engine), INT64_MAX))
            return APPLY_NEED;
    return r;
}

static void refuse(struct daemon *d, struct message *m, enum event_reject why, enum event_field field,
                   const struct event *ev)
{
    struct chain *c = &d->shard[m->shard].chain[m->part];
    m->done = true;
    if (m->offset < c->stored_next)
        return;
    c->read++;
    dead_letter(d, m, why, field < EVENT_FIELD_COUNT ? event_field_info(field)->name : "", ev);
}

static uint32_t shard_of(const struct daemon *d, struct slice org)
{
    return redis_shard_of(org, d->n_shards);
}

/* An event of a known org moves event time on, whatever becomes of it: what waited for records was seen before that was known (postpone). */
static void see(struct part *p, const struct event *ev)
{
    if (ev->v[F_OCCURRED_AT_MS].i > p->max_event_ms)
        p->max_event_ms = ev->v[F_OCCURRED_AT_MS].i;
}

static void account(struct daemon *d, struct message *m, const struct event *ev, enum apply_result r)
{
    struct chain *c = &d->shard[m->shard].chain[m->part];
    m->done = true;
    c->read++;
    if (r != APPLY_NO_ORG)
        see(&d->ingest.part[m->part], ev);
    switch (r) {
    case APPLY_DONE:
        c->applied++;
        d->counts.applied++;
        break;
    case APPLY_DUPLICATE:
        c->duplicate++;
        d->counts.duplicate++;
        break;
    case APPLY_LATE:
    case APPLY_ERASED:
    case APPLY_FINAL:
        late_event(d, m, ev, r);
        break;
    case APPLY_CONFLICT:
        dead_letter(d, m, REJECT_ID_CONFLICT, "", ev);
        break;
    case APPLY_PARKED:
        dead_letter(d, m, REJECT_NO_RATE, "remembered; it counts once a rate to the currency of the org is set", ev);
        break;
    default:
        dead_letter(d, m, REJECT_UNKNOWN_ORG, "", ev);
        break;
    }
}

/* An org without a configured currency counts in one all the same: somebody should know in which. */
static void tell_currency(const struct daemon *d, const struct engine *e)
{
    struct engine_adoption a;
    if (!engine_adopted(e, &a))
        return;
    log_line(&d->log, LOG_WARNING_, "currency_adopted",
             "org=%.*s has no currency configured: its amounts count in %s, that of its earliest event with money%s%s; "
             "others need a rate",
             (int)a.org.n, a.org.p, a.now, a.before[0] ? ", no longer in " : "", a.before);
}

/* Messages that lack records are applied after others that came later. What is late or has waited too long must not depend on that: the newest event
 * before a message is noted in the order of the partition, and nothing overtakes a correction. */
static void look(const struct part *p, struct message *m)
{
    if (!m->looked)
        m->newest_ms = p->seen_ms > p->max_event_ms ? p->seen_ms : p->max_event_ms;
    m->looked = true;
}

/* Changes who is who, and with it what a correction finds: it neither overtakes nor is overtaken. */
static bool joins(enum event_type type)
{
    return type == EV_ENTITY_MERGED || type == EV_ENTITY_DELETED || type == EV_EVENT_RETRACTED;
}

static void postpone(struct part *p, const struct event *ev)
{
    int64_t at_ms = ev->v[F_OCCURRED_AT_MS].i;
    p->behind = true;
    p->blocked |= event_corrects(ev->type) || joins(ev->type);
    p->seen_ms = at_ms > p->seen_ms ? at_ms : p->seen_ms;
}

/* Why a message is refused; *ret_decoded: there is an event all the same. */
static enum event_reject read_message(struct daemon *d, const struct message *m, struct event *ret,
                                      struct event_note *note, bool *ret_decoded)
{
    struct ingest *in = &d->ingest;
    arena_reset(&in->decode);
    *ret_decoded = false;
    if (!m->value.n)
        return REJECT_MALFORMED;
    if (m->value.n > (uint64_t)d->config->kafka.message_bytes_max)
        return REJECT_TOO_LARGE;
    enum event_reject why = event_decode(&d->codec, &in->decode, (const uint8_t *)m->value.p, m->value.n, ret, note);
    if (why != REJECT_NONE)
        return why;
    *ret_decoded = true;
    return event_validate(&d->codec.schema, ret, wall_ms(), d->config->defs.max_ahead_ms, &note->field);
}

void message_probe(struct daemon *d, const struct message *m)
{
    struct event ev;
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    bool decoded;
    if (read_message(d, m, &ev, &note, &decoded) != REJECT_NONE)
        return;
    const struct shard *s = &d->shard[shard_of(d, ev.v[F_ORG_ID].s)];
    if (!s->away)
        engine_probe(s->engine, &ev);
}

void message_take(struct daemon *d, struct message *m)
{
    struct ingest *in = &d->ingest;
    struct event ev;
    struct event_note note = { EVENT_FIELD_COUNT, 0 };
    bool decoded;
    enum event_reject why = read_message(d, m, &ev, &note, &decoded);
    m->shard = decoded && event_has(&ev, F_ORG_ID) ? shard_of(d, ev.v[F_ORG_ID].s) : 0;
    if (why != REJECT_NONE) {
        refuse(d, m, why, note.field, decoded ? &ev : NULL);
        return;
    }
    struct shard *s = &d->shard[m->shard];
    if (m->offset < s->chain[m->part].stored_next) { /* this shard had it before the restart; another did not */
        m->done = true;
        see(&in->part[m->part], &ev);
        return;
    }
    struct part *p = &in->part[m->part];
    look(p, m);
    if (p->blocked || (p->behind && joins(ev.type))) {
        engine_probe(s->engine, &ev);
        postpone(p, &ev);
        return;
    }
    enum apply_result r = apply(s, m, &ev);
    if (r == APPLY_NO_MEMORY)
        abort();
    tell_currency(d, s->engine);
    if (r == APPLY_NEED)
        postpone(p, &ev);
    else
        account(d, m, &ev, r);
}

/* Logs: input records by offset, with holes; output messages by id. A second message of an id must be the first one again, byte for byte. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crmpulse/crc32c.h"
#include "history.h"

struct broker *broker_new(struct sim *w)
{
    struct broker *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->w = w;
    b->n_parts = w->plan.partitions;
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++)
        b->part[i].committed = -1;
    b->topic = w->config->kafka.input[0];
    b->out_slots = 1024;
    b->out = calloc(b->out_slots, sizeof *b->out);
    if (!b->out)
        abort();
    return b;
}

void broker_free(struct broker *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++)
        free(b->part[i].record);
    for (uint32_t i = 0; i < b->out_slots; i++)
        free((char *)(uintptr_t)b->out[i].topic.p);
    free(b->out);
    free(b);
}

/* ---- input ---- */

void broker_append(struct broker *b, uint32_t partition, uint32_t happening)
{
    const struct happening *h = &b->w->history->v[happening];
    struct log_part *p = &b->part[partition];
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 64;
        p->record = realloc(p->record, p->cap * sizeof *p->record);
        if (!p->record)
            abort();
    }
    sim_trace(b->w, "  record %u/%lld: %.*s", partition, (long long)p->end, (int)h->json.n, h->json.p);
    const uint32_t crc = crc32c_portable(0, h->json.p, h->json.n);
    p->record[p->n++] = (struct record){ p->end++, h->json, crc, h->shard, happening };
}

void broker_skip(struct broker *b, uint32_t partition, uint32_t n)
{
    b->part[partition].end += n;
}

uint32_t broker_count(const struct broker *b, uint32_t shard, uint32_t partition, int64_t from, int64_t next)
{
    uint32_t n = 0;
    const struct log_part *p = &b->part[partition];
    for (uint32_t i = 0; i < p->n && p->record[i].offset < next; i++)
        n += p->record[i].shard == shard && p->record[i].offset >= from && p->record[i].offset >= p->start;
    return n;
}

void broker_truncate(struct broker *b, uint32_t partition, int64_t end)
{
    struct log_part *p = &b->part[partition];
    while (p->n && p->record[p->n - 1].offset >= end)
        b->w->history->v[p->record[--p->n].happening].gone = true;
    p->end = end;
    if (p->committed > end)
        p->committed = end ? p->committed : -1; /* the group forgets a topic that was deleted, not one that was cut */
}

void broker_grow(struct broker *b, uint32_t n_parts)
{
    sim_trace(b->w, "the topic grows from %u to %u partitions", b->n_parts, n_parts);
    b->w->n_grown++;
    b->n_parts = n_parts;
    group_rebalance(b);
}

/* ---- output ---- */

static struct message_out *slot_of(const struct broker *b, struct slice topic, struct slice id)
{
    uint32_t mask = b->out_slots - 1;
    uint32_t i = (uint32_t)XXH3_64bits_withSeed(id.p, id.n, topic.n ? (XXH64_hash_t)topic.p[0] : 0) & mask;
    while (b->out[i].times && !(slice_eq(b->out[i].id, id) && slice_eq(b->out[i].topic, topic)))
        i = (i + 1) & mask;
    return &b->out[i];
}

static void grow(struct broker *b)
{
    struct message_out *old = b->out;
    uint32_t n = b->out_slots;
    b->out_slots *= 2;
    b->out = calloc(b->out_slots, sizeof *b->out);
    if (!b->out)
        abort();
    for (uint32_t i = 0; i < n; i++)
        if (old[i].times)
            *slot_of(b, old[i].topic, old[i].id) = old[i];
    free(old);
}

void broker_publish(struct broker *b, struct slice topic, struct slice id, struct slice payload)
{
    struct message_out *m = slot_of(b, topic, id);
    if (m->times++) {
        if (!slice_eq(m->payload, payload)) {
            sim_dump("told", m->payload);
            sim_dump("again", payload);
        }
        if (!slice_eq(m->payload, payload) && !is_more(payload)) /* evidence is noted by daemons that have the rule */
            sim_violation(b->w, "I4: %.*s %.*s is told a second time and differs", (int)topic.n, topic.p, (int)id.n,
                          id.p);
        return;
    }
    char *text = malloc((size_t)topic.n + id.n + payload.n + 1);
    if (!text)
        abort();
    memcpy(text, topic.p, topic.n);
    memcpy(text + topic.n, id.p, id.n);
    if (payload.n)
        memcpy(text + topic.n + id.n, payload.p, payload.n);
    m->topic = (struct slice){ text, topic.n };
    m->id = (struct slice){ text + topic.n, id.n };
    m->payload = (struct slice){ text + topic.n + id.n, payload.n };
    if (slice_eq(topic, SLICE("late")))
        sim_trace(b->w, "late: %.*s %.*s", (int)id.n, id.p, (int)payload.n, payload.p);
    if (++b->n_out * 2 > b->out_slots)
        grow(b);
}

void broker_forget_output(struct broker *b)
{
    for (uint32_t i = 0; i < b->out_slots; i++)
        free((char *)(uintptr_t)b->out[i].topic.p);
    memset(b->out, 0, b->out_slots * sizeof *b->out);
    b->n_out = 0;
}

const struct message_out *broker_find(const struct broker *b, struct slice topic, struct slice id)
{
    const struct message_out *m = slot_of(b, topic, id);
    return m->times ? m : NULL;
}

bool broker_has(const struct broker *b, struct slice topic, struct slice id)
{
    return broker_find(b, topic, id) != NULL;
}

/* What the group and the brokers do to the consumer: assignments, errors, and the start at given offsets.
 *
 * What was fetched before a new start is dropped in two ways: a seek makes librdkafka forget what it holds (it numbers its
 * fetches), and `part.next` drops what was handed over already. Does not drain. */
#include <stdio.h>
#include <stdlib.h>

#include "kafka_in_int.h"

/* ---- faults ---- */

/* Errors that pass by themselves. Any other error of a partition stops it: librdkafka skips what it could not read. */
static bool passes(rd_kafka_resp_err_t code)
{
    static const rd_kafka_resp_err_t table[] = {
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        RD_KAFKA_RESP_ERR__RESOLVE,
        RD_KAFKA_RESP_ERR__TIMED_OUT,
        RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
        RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED,
        RD_KAFKA_RESP_ERR__WAIT_COORD,
        RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i] == code)
            return true;
    return false;
}

static void report(struct kafka_in *in, enum kafka_fault fault, struct slice topic, int32_t partition, const char *why)
{
    if (in->events.fault && !in->closing)
        in->events.fault(in->events.ctx, fault, topic, partition, why);
}

void kafka_in_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_in *in = opaque;
    char why[512];
    if (code != RD_KAFKA_RESP_ERR__FATAL) {
        bool lost = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
        snprintf(why, sizeof why, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
        report(in, lost ? KAFKA_FAULT_BROKER_LOST : KAFKA_FAULT_BROKERS, (struct slice){ 0 }, -1, why);
        return;
    }
    char text[400] = "";
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
    snprintf(why, sizeof why, "%s: %s", rd_kafka_err2name(fatal), text);
    report(in, KAFKA_FAULT_FATAL, (struct slice){ 0 }, -1, why);
}

void kafka_in_handle_error(struct kafka_in *in, const rd_kafka_message_t *m)
{
    char why[512];
    struct slice topic = { 0 };
    const char *name = m->rkt ? rd_kafka_topic_name(m->rkt) : NULL;
    struct part *part = name ? parts_find(&in->parts, name, m->partition, &topic) : NULL;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (part && part->state == PART_RUN && m->offset >= part->next && in->events.end_of_partition)
            in->events.end_of_partition(in->events.ctx, topic, m->partition, m->offset);
        return;
    }
    snprintf(why, sizeof why, "%s: %s", rd_kafka_err2name(m->err), rd_kafka_message_errstr(m));
    if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
        kafka_in_on_error(in->rk, m->err, why, in);
    } else if (part && !passes(m->err)) {
        if (part->state != PART_RUN)
            return;
        part->state = PART_HALTED;
        report(in, KAFKA_FAULT_PARTITION, topic, m->partition, why);
    } else {
        report(in, KAFKA_FAULT_BROKERS, topic, m->partition, why);
    }
}

/* ---- rebalances ---- */

static struct store_part *to_store_parts(struct kafka_in *in, const rd_kafka_topic_partition_list_t *list)
{
    struct store_part *v = calloc((size_t)list->cnt + 1, sizeof *v);
    for (int i = 0; v && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *from = &list->elems[i];
        parts_row(&in->parts, slice_of(from->topic), from->partition);
        if (!parts_find(&in->parts, from->topic, from->partition, &v[i].topic)) {
            free(v);
            return NULL;
        }
        v[i].partition = from->partition;
        v[i].prev_next = v[i].next = v[i].last = -1;
        v[i].max_event_ms = INT64_MIN;
    }
    return v;
}

rd_kafka_topic_partition_list_t *kafka_in_list(struct parts *parts, part_match match)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (uint32_t t = 0; t < parts->n; t++)
        for (uint32_t p = 0; p < parts->topic[t]->n; p++)
            if (match(&parts->topic[t]->part[p]))
                rd_kafka_topic_partition_list_add(list, parts->topic[t]->name, (int32_t)p);
    return list;
}

void kafka_in_set_paused(struct kafka_in *in, const rd_kafka_topic_partition_list_t *list, bool paused)
{
    struct slice topic;
    for (int i = 0; i < list->cnt; i++) {
        struct part *part = parts_find(&in->parts, list->elems[i].topic, list->elems[i].partition, &topic);
        if (part)
            part->paused = paused;
    }
}

static bool is_paused(const struct part *part)
{
    return part->paused;
}

/* librdkafka keeps the pause of a partition over a new assignment; we do not. */
static void lift_pauses(struct kafka_in *in)
{
    rd_kafka_topic_partition_list_t *list = kafka_in_list(&in->parts, is_paused);
    if (list->cnt) {
        rd_kafka_resume_partitions(in->rk, list);
        kafka_in_set_paused(in, list, false);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void forget_all(struct kafka_in *in)
{
    for (uint32_t t = 0; t < in->parts.n; t++)
        for (uint32_t p = 0; p < in->parts.topic[t]->n; p++) {
            in->parts.topic[t]->part[p].state = PART_IDLE;
            in->parts.topic[t]->part[p].fetched = false;
        }
}

static void take_assignment(struct kafka_in *in, const rd_kafka_topic_partition_list_t *list)
{
    /* An empty assignment answers the group at once and fetches nothing; kafka_in_start makes the real one. */
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(1);
    rd_kafka_assign(in->rk, none);
    rd_kafka_topic_partition_list_destroy(none);
    struct store_part *v = to_store_parts(in, list);
    if (!v) {
        report(in, KAFKA_FAULT_FATAL, (struct slice){ 0 }, -1, "out of memory in an assignment");
        return;
    }
    in->assigned = true;
    in->events.assigned(in->events.ctx, v, (uint32_t)list->cnt);
    free(v);
}

static void drop_assignment(struct kafka_in *in, const rd_kafka_topic_partition_list_t *list)
{
    struct store_part *v = to_store_parts(in, list);
    in->assigned = false;
    if (v)
        in->events.revoked(in->events.ctx, v, (uint32_t)list->cnt);
    free(v);
    lift_pauses(in);
    forget_all(in);
    rd_kafka_assign(in->rk, NULL);
}

void kafka_in_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                           void *opaque)
{
    struct kafka_in *in = opaque;
    if (in->closing)
        rd_kafka_assign(rk, NULL);
    else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_assignment(in, list);
    else
        drop_assignment(in, list);
}

/* ---- start ---- */

/* Makes librdkafka forget what it has fetched of a partition, at once: the seek takes a new fetch number in this thread. */
static void forget_fetched(struct kafka_in *in, const struct store_part *p)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(in->rk, p->topic.p, NULL);
    if (!rkt)
        return;
    rd_kafka_seek(rkt, p->partition, p->prev_next < 0 ? RD_KAFKA_OFFSET_BEGINNING : p->prev_next, 0);
    rd_kafka_topic_destroy(rkt);
}

static int start_part(struct kafka_in *in, const struct store_part *p, rd_kafka_topic_partition_list_t *list)
{
    struct part *part = parts_row(&in->parts, p->topic, p->partition);
    struct store_part named = *p;
    char name[256]; /* a topic's name has at most 249 bytes */
    snprintf(name, sizeof name, "%.*s", (int)p->topic.n, p->topic.p);
    if (!part || !parts_find(&in->parts, name, p->partition, &named.topic))
        return -1;
    if (part->fetched)
        forget_fetched(in, &named);
    part->state = PART_RUN;
    part->fetched = true;
    part->next = p->prev_next < 0 ? 0 : p->prev_next;
    rd_kafka_topic_partition_list_add(list, name, p->partition)->offset =
        p->prev_next < 0 ? RD_KAFKA_OFFSET_BEGINNING : p->prev_next;
    return 0;
}

int kafka_in_start(struct kafka_in *in, const struct store_part *parts, uint32_t n)
{
    int rc = 0;
    if (!in->assigned)
        return -1;
    lift_pauses(in);
    for (uint32_t t = 0; t < in->parts.n; t++)
        for (uint32_t p = 0; p < in->parts.topic[t]->n; p++)
            in->parts.topic[t]->part[p].state = PART_IDLE;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n + 1);
    for (uint32_t i = 0; i < n && rc == 0; i++)
        rc = start_part(in, &parts[i], list);
    /* Taken away and given back, as that also revives a partition that an error has parked. */
    if (rc == 0 && (rd_kafka_assign(in->rk, NULL) || rd_kafka_assign(in->rk, list)))
        rc = -1;
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

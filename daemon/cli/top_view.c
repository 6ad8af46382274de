/* Reading what top shows. Whatever does not answer is said, the rest is shown all the same. */
#include "top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crmpulse/cell.h"
#include "daemon/redis/part_text.h"

enum { KAFKA_WAIT_MS = 1500, SCANS_EACH = 20 };

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int top_open(struct top *t, const struct config *config)
{
    char err[TOP_WHY_MAX] = "";
    *t = (struct top){ .config = config };
    t->shard = calloc((size_t)config->redis.shards, sizeof *t->shard);
    t->kafka = kafka_look_new(config, err, sizeof err);
    if (!t->kafka)
        snprintf(t->kafka_why, sizeof t->kafka_why, "%s", err);
    return t->shard ? 0 : -1;
}

void top_close(struct top *t)
{
    for (int64_t i = 0; t->shard && i < t->config->redis.shards; i++)
        if (t->shard[i].open)
            redis_look_close(&t->shard[i].look);
    kafka_look_free(t->kafka);
    free(t->shard);
}

/* ---- partitions ---- */

static struct top_part *part_at(struct top *t, const struct store_part *p)
{
    uint32_t i = 0;
    while (i < t->n_parts && (t->part[i].partition != p->partition || !slice_eq(slice_of(t->part[i].topic), p->topic)))
        i++;
    if (i == TOP_PARTS_MAX)
        return NULL;
    if (i == t->n_parts) {
        t->part[t->n_parts++] = (struct top_part){ .partition = p->partition, .end = -1 };
        snprintf(t->part[i].topic, TOP_NAME_MAX, "%.*s", (int)p->topic.n, p->topic.p);
    }
    return &t->part[i];
}

static void take_part(struct top *t, const struct store_part *p)
{
    struct top_part *to = part_at(t, p);
    if (!to)
        return;
    if (!to->seen) {
        const int64_t before = to->read;
        *to = (struct top_part){ .partition = to->partition,
                                 .end = -1,
                                 .next = INT64_MAX,
                                 .event_ms = INT64_MIN,
                                 .read_before = before,
                                 .idle = true };
        snprintf(to->topic, TOP_NAME_MAX, "%.*s", (int)p->topic.n, p->topic.p);
        to->seen = true;
    }
    to->next = p->prev_next < to->next ? p->prev_next : to->next;
    to->event_ms = p->max_event_ms > to->event_ms ? p->max_event_ms : to->event_ms;
    to->idle &= p->idle;
    to->read += p->read;
    to->applied += p->applied;
    to->duplicate += p->duplicate;
    to->late += p->late;
    to->dead += p->dead;
}

static bool is_array(const redisReply *r, size_t least)
{
    return r && r->type == REDIS_REPLY_ARRAY && r->elements >= least;
}

static void hear_offsets(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    struct top_shard *s = &t->shard[t->reading];
    if (!is_array(r, 0)) {
        snprintf(s->why, sizeof s->why, "%s", r && r->str ? r->str : "the connection was lost");
        return;
    }
    for (size_t i = 0; i + 1 < r->elements; i += 2) {
        struct store_part p = { 0 };
        if (part_text_read((struct slice){ r->element[i]->str, (uint32_t)r->element[i]->len },
                           (struct slice){ r->element[i + 1]->str, (uint32_t)r->element[i + 1]->len }, &p) == 0)
            take_part(t, &p);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct top_part *x = a, *y = b;
    const int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static void read_ends(struct top *t)
{
    char err[TOP_WHY_MAX];
    bool known = t->kafka && kafka_look_brokers(t->kafka, KAFKA_WAIT_MS, err, sizeof err) >= 0;
    if (t->kafka)
        snprintf(t->kafka_why, sizeof t->kafka_why, "%s", known ? "" : err);
    for (uint32_t i = 0; i < t->n_parts && known;
         i++) { /* the first that is not answered ends it: no screen waits for all */
        t->part[i].end = kafka_look_end(t->kafka, t->part[i].topic, t->part[i].partition, KAFKA_WAIT_MS);
        known = t->part[i].end >= 0;
    }
}

/* ---- shards ---- */

static void hear_tick(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    t->shard[t->reading].tick_ms = r && r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : INT64_MIN;
}

static void hear_outbox(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    t->shard[t->reading].outbox = r && r->type == REDIS_REPLY_INTEGER ? (int64_t)r->integer : 0;
}

static void hear_waiting(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    t->shard[t->reading].waiting = r && r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

static void hear_lease(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    struct top_shard *s = &t->shard[t->reading];
    const bool held =
        is_array(r, 2) && r->element[0]->str && r->element[1]->str && strtoll(r->element[1]->str, NULL, 10) > t->now_ms;
    snprintf(s->judge, sizeof s->judge, "%s", held ? r->element[0]->str : "");
}

/* ---- alerts ---- */

static void hear_scan(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    struct top_shard *s = &t->shard[t->reading];
    static const char mark[] = "}:alert:";
    if (!is_array(r, 2) || !r->element[0]->str || r->element[1]->type != REDIS_REPLY_ARRAY) {
        s->cursor[0] = 0;
        return;
    }
    snprintf(s->cursor, sizeof s->cursor, "%s", r->element[0]->str);
    for (size_t i = 0; i < r->element[1]->elements && s->n_orgs < TOP_ORGS_MAX; i++) {
        const char *org = strstr(r->element[1]->element[i]->str, mark);
        uint32_t k = 0;
        if (org && strchr(org + sizeof mark - 1, ':')) /* alert:<org>:evidence; in an org's id a colon is escaped */
            continue;
        while (org && k < s->n_orgs && strcmp(s->org[k], org + sizeof mark - 1) != 0)
            k++;
        if (org && k == s->n_orgs)
            snprintf(s->org[s->n_orgs++], TOP_NAME_MAX, "%s", org + sizeof mark - 1);
    }
}

/* Some steps of a walk over all keys at each look: a large store is not kept busy by a screen. */
static void find_orgs(struct top *t, struct top_shard *s)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "cp:{%u}:alert:*", t->reading);
    for (int i = 0; i < SCANS_EACH; i++) {
        const char *const scan[REDIS_LOOK_WORDS] = { "SCAN", *s->cursor ? s->cursor : "0", "MATCH", pattern, "COUNT",
                                                     "1000" };
        redis_look_ask(&s->look, scan, hear_scan, t);
        if (!*s->cursor || strcmp(s->cursor, "0") == 0)
            return;
    }
}

static bool word_after(const char *text, const char *name, char *to, size_t cap)
{
    const char *p = strstr(text, name);
    if (!p)
        return false;
    p += strlen(name);
    snprintf(to, cap, "%.*s", (int)strcspn(p, " "), p);
    return true;
}

static bool before(const struct top_alert *a, const struct top_alert *b)
{
    const bool x = strcmp(a->level, "critical") == 0, y = strcmp(b->level, "critical") == 0;
    return x != y ? x : a->since_ms > b->since_ms;
}

static void keep_alert(struct top *t, const struct top_alert *a)
{
    uint32_t i = t->n_alerts;
    if (t->n_alerts == TOP_ALERTS_MAX) {
        t->alerts_more++;
        if (!before(a, &t->alert[--i]))
            return;
    } else {
        t->n_alerts++;
    }
    for (; i > 0 && before(a, &t->alert[i - 1]); i--)
        t->alert[i] = t->alert[i - 1];
    t->alert[i] = *a;
}

static void hear_alerts(void *ctx, const redisReply *r)
{
    struct top *t = ctx;
    for (size_t i = 0; is_array(r, 0) && i + 1 < r->elements; i += 2) {
        struct top_alert a = { 0 };
        char since[32] = "", key[2 * TOP_NAME_MAX];
        const char *state = r->element[i + 1]->str;
        if (!state || !word_after(state, "", a.state, sizeof a.state) || strcmp(a.state, "ok") == 0)
            continue;
        (void)word_after(state, "level=", a.level, sizeof a.level);
        (void)word_after(state, "value=", a.value, sizeof a.value);
        (void)word_after(state, "since=", since, sizeof since);
        a.since_ms = strtoll(since, NULL, 10);
        size_t n = cell_unescape(slice_of(r->element[i]->str), key, sizeof key - 1);
        key[n < sizeof key ? n : sizeof key - 1] = 0;
        char *bar = strchr(key, '|');
        if (bar)
            *bar = ' ';
        snprintf(a.text, sizeof a.text, "%s", key);
        keep_alert(t, &a);
    }
}

static void read_alerts(struct top *t, struct top_shard *s)
{
    find_orgs(t, s);
    for (uint32_t i = 0; i < s->n_orgs; i++) {
        char key[TOP_NAME_MAX + 16];
        snprintf(key, sizeof key, "@alert:%s", s->org[i]);
        const char *const all[REDIS_LOOK_WORDS] = { "HGETALL", key };
        redis_look_ask(&s->look, all, hear_alerts, t);
    }
}

static void read_shard(struct top *t, struct top_shard *s)
{
    static const char *const offsets[REDIS_LOOK_WORDS] = { "HGETALL", "@off" };
    static const char *const tick[REDIS_LOOK_WORDS] = { "HGET", "@state", "/tick" };
    static const char *const outbox[REDIS_LOOK_WORDS] = { "XLEN", "@outbox" };
    static const char *const waiting[REDIS_LOOK_WORDS] = { "HGET", "@meta", "orphans_waiting" };
    static const char *const lease[REDIS_LOOK_WORDS] = { "HMGET", "@lease", "owner", "until" };
    if (s->open && s->look.conn->phase != PHASE_READY) {
        redis_look_close(&s->look);
        s->open = false;
    }
    s->why[0] = 0;
    if (!s->open) {
        s->open = redis_look_open(&s->look, t->config, t->reading, s->why, sizeof s->why) == 0;
        if (!s->open)
            redis_look_close(&s->look);
    }
    if (!s->open)
        return;
    redis_look_ask(&s->look, offsets, hear_offsets, t);
    redis_look_ask(&s->look, tick, hear_tick, t);
    redis_look_ask(&s->look, outbox, hear_outbox, t);
    redis_look_ask(&s->look, waiting, hear_waiting, t);
    redis_look_ask(&s->look, lease, hear_lease, t);
    read_alerts(t, s);
}

void top_read(struct top *t)
{
    t->before_ms = t->now_ms;
    t->now_ms = clock_ms();
    t->n_alerts = t->alerts_more = 0;
    for (uint32_t i = 0; i < t->n_parts; i++)
        t->part[i].seen = false;
    for (t->reading = 0; t->reading < (uint32_t)t->config->redis.shards; t->reading++)
        read_shard(t, &t->shard[t->reading]);
    qsort(t->part, t->n_parts, sizeof *t->part, by_name);
    read_ends(t);
}

int64_t top_lag(const struct top *t)
{
    int64_t lag = 0;
    for (uint32_t i = 0; i < t->n_parts; i++) {
        if (t->part[i].end < 0)
            return -1;
        const int64_t next = t->part[i].next < 0 ? 0 : t->part[i].next;
        lag += t->part[i].end > next ? t->part[i].end - next : 0;
    }
    return t->n_parts ? lag : -1;
}

double top_rate(const struct top *t, const struct top_part *p)
{
    int64_t more = 0;
    if (!t->before_ms || t->now_ms <= t->before_ms)
        return 0;
    for (uint32_t i = 0; i < t->n_parts; i++)
        if (!p || p == &t->part[i])
            more += t->part[i].read - t->part[i].read_before;
    return (double)more * 1000 / (double)(t->now_ms - t->before_ms);
}

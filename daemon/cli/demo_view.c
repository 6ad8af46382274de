/* The demo's numbers out of Redis: blocking calls over the unix socket, a few milliseconds altogether. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crmpulse/cell.h"
#include "demo_crm.h"
#include "demo_view.h"

#define PREFIX "cp:{0}:"

enum { CONNECT_US = 200000, ANSWER_S = 2 };

const struct tile_info tile_info[VIEW_TILES] = {
    { "sales_today", "sales today, EUR", "d", "sales_amount", NULL, TILE_MONEY },
    { "sales_7d", "sales 7 days, EUR", "7d", "sales_amount", NULL, TILE_MONEY },
    { "pipeline", "open pipeline, EUR", "g", "pipeline_open", NULL, TILE_MONEY },
    { "win_rate_30d", "win rate 30 days", "30d", "win_rate", NULL, TILE_SHARE },
    { "deals_won_24h", "deals won 24 h", "24h", "deals_won", NULL, TILE_COUNT },
    { "new_customers_7d", "new customers 7 d", "7d", "new_customers", NULL, TILE_COUNT },
    { "leads_24h", "leads 24 h", "24h", "leads_created", NULL, TILE_COUNT },
    { "csat_30d", "CSAT 30 days", "30d", "csat", NULL, TILE_SHARE },
    { "first_response_p50_24h", "first response p50", "24h", "first_response_time", "p50=", TILE_DURATION },
    { "resolution_p50_7d", "resolution p50", "7d", "resolution_time", "p50=", TILE_DURATION },
    { "backlog", "open tickets", "g", "ticket_backlog", NULL, TILE_COUNT },
    { "active_today", "active users today", "d", "dau", NULL, TILE_COUNT },
};

bool view_open(struct view *v, const char *socket_path)
{
    const struct timeval connect_time = { 0, CONNECT_US }, answer_time = { ANSWER_S, 0 };
    redisContext *r = redisConnectUnixWithTimeout(socket_path, connect_time);
    if (!r || r->err || redisSetTimeout(r, answer_time) != REDIS_OK) {
        redisFree(r);
        return false;
    }
    v->redis = r;
    return true;
}

void view_close(struct view *v)
{
    redisFree(v->redis);
    v->redis = NULL;
}

bool view_has_numbers(const struct view *v)
{
    return v->n_rows > 0 && v->row[0].value_micros > 0 && v->tile[0].known;
}

/* ---- tiles ---- */

/* The number that follows `name` in `text`; "" means its beginning. */
static bool number_after(const char *text, const char *name, double *ret)
{
    const char *p = strstr(text, name);
    char *end;
    if (!p)
        return false;
    p += strlen(name);
    *ret = strtod(p, &end);
    return end != p;
}

/* The word that follows `name`, up to a blank; false if it is missing or too long. */
static bool word_after(const char *text, const char *name, char *to, size_t cap)
{
    const char *p = strstr(text, name);
    size_t n = p ? strcspn(p + strlen(name), " ") : 0;
    if (!n || n >= cap)
        return false;
    memcpy(to, p + strlen(name), n);
    to[n] = '\0';
    return true;
}

static void read_tile(struct view_tile *t, const char *text, const char *part)
{
    t->known = text && strcmp(text, "null") != 0 && number_after(text, part ? part : "", &t->value);
    if (!t->known)
        t->value = 0;
}

static redisReply *next_reply(struct view *v)
{
    void *reply = NULL;
    return redisGetReply(v->redis, &reply) == REDIS_OK ? reply : NULL;
}

static int read_tiles(struct view *v)
{
    int rc = 0;
    for (int i = 0; i < VIEW_TILES; i++)
        if (redisAppendCommand(v->redis, "HGET " PREFIX "view:%s:%s org:%s|%s", DEMO_ORG, tile_info[i].window, DEMO_ORG,
                               tile_info[i].kpi) != REDIS_OK)
            return -1;
    for (int i = 0; i < VIEW_TILES; i++) {
        redisReply *r = next_reply(v);
        if (!r)
            return -1;
        read_tile(&v->tile[i], r->type == REDIS_REPLY_STRING ? r->str : NULL, tile_info[i].part);
        rc |= r->type == REDIS_REPLY_ERROR ? -1 : 0;
        freeReplyObject(r);
    }
    return rc;
}

/* ---- board ---- */

static void unescape(const char *escaped, char *to, size_t cap)
{
    size_t n = cell_unescape(slice_of(escaped), to, cap - 1);
    to[n] = '\0';
}

static int by_rank(const void *a, const void *b)
{
    const struct view_row *x = a, *y = b;
    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : strcmp(x->key, y->key);
}

static void take_row(struct view *v, const char *key, const char *text)
{
    struct view_row row = { 0 };
    double rank, movement;
    if (v->n_rows == VIEW_ROWS_MAX || strlen(key) >= sizeof row.key || !number_after(text, "rank=", &rank) ||
        !number_after(text, "movement=", &movement) || !number_after(text, "value=", &row.value_micros) ||
        !number_after(text, "gap=", &row.gap_micros))
        return;
    row.rank = (int)rank;
    row.movement = (int)movement;
    snprintf(row.key, sizeof row.key, "%s", key);
    unescape(key, row.name, sizeof row.name);
    v->row[v->n_rows++] = row;
}

static int read_targets(struct view *v)
{
    for (uint32_t i = 0; i < v->n_rows; i++)
        if (redisAppendCommand(v->redis, "HGET " PREFIX "view:%s:m rep:%s|quota_attainment", DEMO_ORG, v->row[i].key) !=
            REDIS_OK)
            return -1;
    for (uint32_t i = 0; i < v->n_rows; i++) {
        struct view_tile t;
        redisReply *r = next_reply(v);
        if (!r)
            return -1;
        read_tile(&t, r->type == REDIS_REPLY_STRING ? r->str : NULL, NULL);
        v->row[i].has_target = t.known;
        v->row[i].attained = t.value;
        freeReplyObject(r);
    }
    return 0;
}

static int read_board(struct view *v)
{
    redisReply *r = redisCommand(v->redis, "HGETALL " PREFIX "board:%s:sales:rows", DEMO_ORG);
    if (!r)
        return -1;
    v->n_rows = 0;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2)
        take_row(v, r->element[i]->str, r->element[i + 1]->str);
    freeReplyObject(r);
    qsort(v->row, v->n_rows, sizeof v->row[0], by_rank);
    return read_targets(v);
}

/* ---- alerts ---- */

/* The newest kept state of that alert; NULL if none. */
static const struct view_alert *last_of(const struct view *v, const char *key)
{
    for (uint32_t i = v->n_alerts; i-- > 0 && v->n_alerts - i <= VIEW_ALERTS_MAX;)
        if (strcmp(v->alert[i % VIEW_ALERTS_MAX].key, key) == 0)
            return &v->alert[i % VIEW_ALERTS_MAX];
    return NULL;
}

static void take_alert(struct view *v, const char *key, const char *state)
{
    struct view_alert a = { 0 };
    char rule[VIEW_NAME_MAX];
    double samples, at_ms;
    const char *bar = strchr(key, '|');
    if (!bar || strlen(key) >= sizeof a.key / 2 || !word_after(state, "", a.state, sizeof a.state) ||
        !word_after(state, "level=", a.level, sizeof a.level) || !number_after(state, "value=", &a.value) ||
        !number_after(state, " n=", &samples) || !number_after(state, "since=", &at_ms) ||
        !word_after(state, "id=", a.id, sizeof a.id))
        return;
    const struct view_alert *last = last_of(v, key);
    if (last && strcmp(last->id, a.id) == 0)
        return;
    a.samples = (int64_t)samples;
    a.at_ms = (int64_t)at_ms;
    snprintf(a.key, sizeof a.key, "%s", key);
    unescape(bar + 1, rule, sizeof rule);
    snprintf(a.text, sizeof a.text, "%.*s %.*s", (int)(bar - key), key, VIEW_NAME_MAX / 2, rule);
    v->alert[v->n_alerts++ % VIEW_ALERTS_MAX] = a;
}

static int read_alerts(struct view *v)
{
    redisReply *r = redisCommand(v->redis, "HGETALL " PREFIX "alert:%s", DEMO_ORG);
    if (!r)
        return -1;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i + 1 < r->elements; i += 2)
        take_alert(v, r->element[i]->str, r->element[i + 1]->str);
    freeReplyObject(r);
    return 0;
}

int view_read(struct view *v)
{
    return read_tiles(v) < 0 || read_board(v) < 0 || read_alerts(v) < 0 ? -1 : 0;
}

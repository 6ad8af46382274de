/* Topics: what they hold and who reads them. */
#include "daemon/http/stream.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/http/api.h"
#include "daemon/http/shown.h"

enum { TOPIC_NAME_MAX = 700, EVERY_MS = 1000 };

struct topic {
    char name[TOPIC_NAME_MAX]; /* "<org>\n<what>" as asked for */
    uint32_t org_n, name_n, readers;
    struct body now; /* what was sent last */
    uint64_t number; /* of its newest event; 0: none yet */
    uint64_t made_ms;
};

struct topics {
    uint64_t server, number, made_ms;
    struct body scratch;
    struct topic topic[TOPICS_MAX];
};

struct topics *topics_new(uint64_t server_id)
{
    struct topics *t = calloc(1, sizeof *t);
    if (t)
        t->server = server_id;
    return t;
}

void topics_free(struct topics *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < TOPICS_MAX; i++)
        body_release(&t->topic[i].now);
    body_release(&t->scratch);
    free(t);
}

static struct slice org_of(const struct topic *t)
{
    return (struct slice){ t->name, t->org_n };
}

static struct slice what_of(const struct topic *t)
{
    return (struct slice){ t->name + t->org_n + 1, t->name_n - t->org_n - 1 };
}

/* ---- what a topic is ---- */

struct subject_of_topic {
    struct slice kind, a, b, c; /* "rows", "7d", "rep", "quota_attainment" */
};

static struct subject_of_topic parse(struct slice what)
{
    struct subject_of_topic s = { .kind = { 0 } };
    if (shown_word(&what, '/', &s.kind) && shown_word(&what, '/', &s.a) && shown_word(&what, '/', &s.b))
        (void)shown_word(&what, '/', &s.c);
    return s;
}

static bool known_dim(struct slice name)
{
    for (int d = 0; d < DIM_COUNT; d++)
        if (slice_eq(name, slice_of(dim_name((enum dim)d))))
            return true;
    return false;
}

static bool good(const struct config *c, struct slice what)
{
    const struct subject_of_topic s = parse(what);
    struct window w;
    if (slice_eq(s.kind, SLICE("board")))
        return s.a.p && !s.b.p && api_has_board(c, s.a);
    if (slice_eq(s.kind, SLICE("rows")))
        return s.b.p && window_parse(NULL, s.a, &w) == 0 && known_dim(s.b) &&
               (!s.c.p || definitions_kpi(&c->defs, s.c) >= 0);
    return !s.a.p && (slice_eq(s.kind, SLICE("alerts")) || slice_eq(s.kind, SLICE("scorecards")) ||
                      slice_eq(s.kind, SLICE("health")));
}

static enum data_state make(const struct topic *t, const struct http_source *from, struct body *to)
{
    const struct subject_of_topic s = parse(what_of(t));
    const struct slice org = org_of(t), none = { 0 };
    const struct api_filter f = { .org = org, .window = s.a, .dim = s.b, .kpi = s.c, .limit = STREAM_ROWS_MAX };
    if (!good(from->config, what_of(t))) /* a reload took it away */
        return DATA_GONE;
    switch (*s.kind.p) {
    case 'b':
        return api_board(from->data, from->config, org, s.a, STREAM_BOARD_TOP, none, 0, to);
    case 'r':
        return api_rows(from->data, from->config, &f, to);
    case 'a':
        return api_alerts(from->data, from->config, org, to);
    case 's':
        return api_scorecards(from->data, from->config, org, to);
    default:
        api_health(from->status, to);
        return DATA_READY;
    }
}

/* ---- readers ---- */

/* The topic's place, or -1: there are too many. */
static int subscribe(struct topics *t, struct slice org, struct slice what)
{
    char name[TOPIC_NAME_MAX];
    int free_at = -1;
    const int n = snprintf(name, sizeof name, "%.*s\n%.*s", (int)org.n, org.p, (int)what.n, what.p);
    if (n < 0 || n >= TOPIC_NAME_MAX)
        return -1;
    for (int i = 0; i < TOPICS_MAX; i++) {
        struct topic *at = &t->topic[i];
        if (at->readers && at->name_n == (uint32_t)n && memcmp(at->name, name, (size_t)n) == 0) {
            at->readers++;
            return i;
        }
        if (!at->readers && free_at < 0)
            free_at = i;
    }
    if (free_at < 0)
        return -1;
    struct topic *at = &t->topic[free_at];
    body_clear(&at->now);
    memcpy(at->name, name, (size_t)n);
    at->name_n = (uint32_t)n;
    at->org_n = org.n;
    at->readers = 1;
    at->number = 0;
    at->made_ms = 0;
    return free_at;
}

void stream_close(struct topics *t, struct stream *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        t->topic[s->topic[i]].readers--;
    *s = (struct stream){ .on = false };
}

/* The number in "<server>-<number>" if it is of this server; else 0. */
static uint64_t resume_from(const struct topics *t, struct slice id)
{
    char mine[40];
    const int n = snprintf(mine, sizeof mine, "%016llx-", (unsigned long long)t->server);
    uint64_t number = 0;
    if (id.n <= (uint32_t)n || id.n > (uint32_t)n + 18 || memcmp(id.p, mine, (size_t)n) != 0)
        return 0;
    for (uint32_t i = (uint32_t)n; i < id.n; i++) {
        if (id.p[i] < '0' || id.p[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(id.p[i] - '0');
    }
    return number <= t->number ? number : 0;
}

int stream_open(struct topics *t, struct stream *s, const struct http_request *r, const struct http_source *from,
                uint64_t now_ms, const char **ret_why)
{
    const struct slice org = http_arg(r, "org");
    struct slice list = http_arg(r, "topics"), what;
    *s = (struct stream){ .on = true, .sent_ms = now_ms };
    int status = org.n && list.n ? 0 : 400;
    *ret_why = "org and topics are needed: topics=board/ID,rows/7d/org,alerts,scorecards,health";
    if (!status && from->scope && !slice_eq(org, slice_of(from->scope))) {
        *ret_why = "the token is of another org";
        status = 403;
    }
    while (!status && shown_word(&list, ',', &what)) {
        const bool fits = s->n < STREAM_TOPICS_MAX && good(from->config, what);
        const int at = fits ? subscribe(t, org, what) : -1;
        if (at < 0)
            status = fits ? 503 : 400;
        else
            s->topic[s->n++] = (uint16_t)at;
    }
    if (status) {
        stream_close(t, s);
        return status;
    }
    const uint64_t from_number = resume_from(t, r->last_event_id);
    for (uint32_t i = 0; i < s->n; i++)
        s->seen[i] = from_number;
    return 0;
}

/* ---- what is sent ---- */

static bool refresh_one(struct topics *t, struct topic *at, const struct http_source *from, uint64_t now_ms)
{
    if (at->made_ms && at->number && now_ms - at->made_ms < EVERY_MS)
        return false;
    body_clear(&t->scratch);
    if (make(at, from, &t->scratch) != DATA_READY || t->scratch.failed)
        return false;
    at->made_ms = now_ms;
    if (at->number && at->now.n == t->scratch.n && memcmp(at->now.p, t->scratch.p, at->now.n) == 0)
        return false;
    const struct body swap = at->now;
    at->now = t->scratch;
    t->scratch = swap;
    at->number = ++t->number;
    return true;
}

bool topics_refresh(struct topics *t, const struct http_source *from, uint64_t now_ms)
{
    bool changed = false;
    for (int i = 0; i < TOPICS_MAX; i++)
        if (t->topic[i].readers)
            changed |= refresh_one(t, &t->topic[i], from, now_ms);
    return changed;
}

static void event(const struct topics *t, const struct topic *at, struct body *to)
{
    body_addf(to, "id: %016llx-%llu\nevent: ", (unsigned long long)t->server, (unsigned long long)at->number);
    body_add_slice(to, what_of(at));
    body_add_z(to, "\ndata: ");
    body_add(to, at->now.p, at->now.n);
    body_add_z(to, "\n\n");
}

/* In the order of their numbers: what was sent before an id is older than it. */
void stream_take(struct topics *t, struct stream *s, uint64_t now_ms, struct body *to)
{
    const size_t before = to->n;
    for (;;) {
        const struct topic *next = NULL;
        uint32_t at = 0;
        for (uint32_t i = 0; i < s->n; i++) {
            const struct topic *one = &t->topic[s->topic[i]];
            if (one->number > s->seen[i] && (!next || one->number < next->number)) {
                next = one;
                at = i;
            }
        }
        if (!next)
            break;
        event(t, next, to);
        s->seen[at] = next->number;
    }
    if (to->n == before && now_ms - s->sent_ms >= HEARTBEAT_MS)
        body_add_z(to, ": still here\n\n");
    if (to->n != before)
        s->sent_ms = now_ms;
}

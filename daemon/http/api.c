/* The routes of /api/v1: arguments, who may, and which JSON. */
#include "daemon/http/api.h"

#include "daemon/cli/kpis_page.h"
#include "daemon/history.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { TOP_DEFAULT = 10, TOP_MAX = 10000, REACH_DEFAULT = 2, REACH_MAX = 100, WINDOW_MAX = 64 };

static const int64_t EVER_MS = INT64_C(253402300799999); /* the end of the year 9999 */
static const char json[] = "application/json; charset=utf-8";

struct call {
    const struct http_request *r;
    const struct http_source *from;
    struct slice org;
    struct http_answer *a;
};

static void refuse(struct call *c, int status, const char *why)
{
    c->a->status = status;
    c->a->type = json;
    body_clear(&c->a->body);
    body_add_z(&c->a->body, "{\"error\":");
    body_add_json(&c->a->body, slice_of(why));
    body_add_z(&c->a->body, "}");
}

/* Ready: 200 with a tag of the content. */
static void finish(struct call *c, enum data_state state)
{
    struct http_answer *a = c->a;
    if (state == DATA_WAIT) {
        a->status = 0;
        return;
    }
    if (state == DATA_GONE) {
        refuse(c, 503, "Redis is not there");
        return;
    }
    a->status = 200;
    a->type = json;
    snprintf(a->etag, sizeof a->etag, "\"%016llx\"", (unsigned long long)XXH3_64bits(a->body.p, a->body.n));
}

/* ---- definitions ---- */

static void text(struct body *to, const char *lead, const char *value)
{
    body_add_z(to, lead);
    body_add_json(to, slice_of(value ? value : ""));
}

static void kpi(struct body *to, const struct config *c, const struct kpi_def *k)
{
    text(to, "{\"id\":", k->id);
    text(to, ",\"title\":", k->title_en);
    text(to, ",\"title_zh\":", k->title_zh);
    body_addf(to, ",\"perspective\":\"%c\"", k->perspective);
    text(to, ",\"unit\":", kpi_unit_name(k->unit));
    text(to, ",\"direction\":", kpi_direction_name(k->direction));
    body_add_z(to, ",\"windows\":[");
    for (uint32_t i = 0; i < k->n_windows; i++)
        text(to, i ? "," : "", k->window[i].name);
    body_add_z(to, "],\"dims\":[");
    for (int d = 0, n = 0; d < DIM_COUNT; d++)
        if (k->dims & 1u << d)
            text(to, n++ ? "," : "", dim_name((enum dim)d));
    body_addf(to, "],\"history\":%s}", history_has(c, slice_of(k->id)) ? "true" : "false");
}

static void kpis(struct call *c)
{
    const struct definitions *defs = &c->from->config->defs;
    body_add_z(&c->a->body, "[");
    for (uint32_t i = 0; i < defs->n_kpis; i++) {
        body_add_z(&c->a->body, i ? "," : "");
        kpi(&c->a->body, c->from->config, &defs->kpi[i]);
    }
    body_add_z(&c->a->body, "]");
    finish(c, DATA_READY);
}

static void orgs(struct call *c)
{
    const struct definitions *defs = &c->from->config->defs;
    int n = 0;
    body_add_z(&c->a->body, "[");
    for (uint32_t i = 0; i < defs->n_orgs; i++) {
        const struct org_def *o = &defs->org[i];
        if (strcmp(o->id, "*") == 0 || (c->from->scope && strcmp(c->from->scope, o->id) != 0))
            continue;
        text(&c->a->body, n++ ? ",{\"id\":" : "{\"id\":", o->id);
        text(&c->a->body, ",\"currency\":", o->currency);
        body_add_z(&c->a->body, "}");
    }
    body_add_z(&c->a->body, "]");
    finish(c, DATA_READY);
}

static void boards(struct call *c)
{
    const struct definitions *defs = &c->from->config->defs;
    body_add_z(&c->a->body, "[");
    for (uint32_t i = 0; i < defs->n_boards; i++) {
        const struct board_def *b = &defs->board[i];
        text(&c->a->body, i ? ",{\"id\":" : "{\"id\":", b->id);
        text(&c->a->body, ",\"kpi\":", defs->kpi[b->kpi].id);
        text(&c->a->body, ",\"window\":", b->window.name);
        text(&c->a->body, ",\"dim\":", dim_name(b->dim));
        body_add_z(&c->a->body, "}");
    }
    body_add_z(&c->a->body, "]");
    finish(c, DATA_READY);
}

/* ---- figures ---- */

static void rows(struct call *c)
{
    struct api_filter f = { .org = c->org,
                            .window = http_arg(c->r, "window"),
                            .dim = http_arg(c->r, "dim"),
                            .kpi = http_arg(c->r, "kpi"),
                            .subject = http_arg(c->r, "subject"),
                            .limit = API_ROWS_DEFAULT };
    struct window w;
    if (!f.window.n || f.window.n > WINDOW_MAX || window_parse(NULL, f.window, &w) < 0)
        refuse(c, 400, "window is needed: 7d, 30d, d, w, m, q, y, ..");
    else if (!http_arg_number(c->r, "limit", API_ROWS_MAX, &f.limit))
        refuse(c, 400, "limit is a number up to 10000");
    else
        finish(c, api_rows(c->from->data, c->from->config, &f, &c->a->body));
}

/* The last day unless from_ms and to_ms say otherwise. */
static void history(struct call *c)
{
    const int64_t now_ms = c->from->status ? c->from->status->now_ms : 0, span_ms = 86400000;
    int64_t from_ms = -1, to_ms = now_ms;
    const struct api_filter f = { .org = c->org,
                                  .window = http_arg(c->r, "window"),
                                  .dim = http_arg(c->r, "dim"),
                                  .kpi = http_arg(c->r, "kpi"),
                                  .subject = http_arg(c->r, "subject") };
    const bool numbers =
        http_arg_number(c->r, "from_ms", EVER_MS, &from_ms) && http_arg_number(c->r, "to_ms", EVER_MS, &to_ms);
    from_ms = from_ms < 0 ? (to_ms > span_ms ? to_ms - span_ms : 0) : from_ms;
    if (!f.window.n || f.window.n > WINDOW_MAX || !f.dim.n || !f.subject.n || !history_has(c->from->config, f.kpi))
        refuse(c, 400, "kpi (one of publish.history), window, dim and subject are needed");
    else if (!numbers || from_ms > to_ms || to_ms - from_ms > API_HISTORY_DAYS_MAX * span_ms)
        refuse(c, 400, "from_ms and to_ms are Unix ms, at most 62 days apart");
    else
        finish(c, api_history(c->from->data, &f, from_ms, to_ms, &c->a->body));
}

/* The newest event says which intervals have begun: a history that is being read has a time of its own. */
static int64_t newest_ms(const struct status *s)
{
    int64_t newest = 0;
    for (uint32_t i = 0; s && i < s->n_parts; i++)
        newest = s->part[i].newest_ms > newest ? s->part[i].newest_ms : newest;
    return newest ? newest : s ? s->now_ms : 0;
}

static void cohorts(struct call *c)
{
    struct api_filter f = { .org = c->org,
                            .window = http_arg(c->r, "window"),
                            .dim = http_arg(c->r, "dim"),
                            .subject = http_arg(c->r, "subject") };
    const bool of_team = slice_eq(f.dim, SLICE("team"));
    if (!f.dim.n)
        f.dim = SLICE("org");
    if (!f.subject.n && !of_team)
        f.subject = c->org;
    if (f.window.n != 1 || !strchr("dwm", f.window.p[0]))
        refuse(c, 400, "window is needed: d, w or m");
    else if (!f.subject.n || (!of_team && !slice_eq(f.dim, SLICE("org"))))
        refuse(c, 400, "dim is org, or team with a subject");
    else
        finish(c, api_cohorts(c->from->data, c->from->config, &f, newest_ms(c->from->status), &c->a->body));
}

static void board(struct call *c)
{
    int64_t top = TOP_DEFAULT, reach = REACH_DEFAULT;
    const struct slice id = http_arg(c->r, "board");
    if (!http_arg_number(c->r, "top", TOP_MAX, &top) || !http_arg_number(c->r, "reach", REACH_MAX, &reach))
        refuse(c, 400, "top is a number up to 10000, reach one up to 100");
    else if (!api_has_board(c->from->config, id))
        refuse(c, 404, "there is no such board");
    else
        finish(c, api_board(c->from->data, c->from->config, c->org, id, top, http_arg(c->r, "around"), reach,
                            &c->a->body));
}

static void alerts(struct call *c)
{
    finish(c, api_alerts(c->from->data, c->from->config, c->org, &c->a->body));
}

static void scorecards(struct call *c)
{
    finish(c, api_scorecards(c->from->data, c->from->config, c->org, &c->a->body));
}

static void health(struct call *c)
{
    api_health(c->from->status, &c->a->body);
    finish(c, DATA_READY);
}

/* ---- the table ---- */

static const struct {
    const char *path;
    bool of_org; /* needs ?org= */
    void (*answer)(struct call *c);
    const char *args[7]; /* that it knows, beside org */
} routes[] = {
    { "/api/v1/orgs", false, orgs, { NULL } },
    { "/api/v1/kpis", false, kpis, { NULL } },
    { "/api/v1/boards", false, boards, { NULL } },
    { "/api/v1/health", false, health, { NULL } },
    { "/api/v1/rows", true, rows, { "window", "dim", "kpi", "subject", "limit", NULL } },
    { "/api/v1/history", true, history, { "kpi", "window", "dim", "subject", "from_ms", "to_ms", NULL } },
    { "/api/v1/cohorts", true, cohorts, { "window", "dim", "subject", NULL } },
    { "/api/v1/board", true, board, { "board", "top", "around", "reach", NULL } },
    { "/api/v1/alerts", true, alerts, { NULL } },
    { "/api/v1/scorecards", true, scorecards, { NULL } },
};

static bool args_known(const struct http_request *r, const char *const *args, bool of_org)
{
    for (uint32_t i = 0; i < r->n_args; i++) {
        bool known = of_org && slice_eq(r->arg[i].name, SLICE("org"));
        for (int k = 0; args[k] && !known; k++)
            known = slice_eq(r->arg[i].name, slice_of(args[k]));
        if (!known)
            return false;
    }
    return true;
}

void api_answer(const struct http_request *r, const struct http_source *from, struct http_answer *a)
{
    struct call c = { r, from, http_arg(r, "org"), a };
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!slice_eq(r->path, slice_of(routes[i].path)))
            continue;
        if (!args_known(r, routes[i].args, routes[i].of_org))
            refuse(&c, 400, "there is no such argument");
        else if (routes[i].of_org && !c.org.n)
            refuse(&c, 400, "org is needed");
        else if (routes[i].of_org && from->scope && !slice_eq(c.org, slice_of(from->scope)))
            refuse(&c, 403, "the token is of another org");
        else
            routes[i].answer(&c);
        return;
    }
    refuse(&c, 404, "there is nothing here");
}

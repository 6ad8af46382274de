/* Rows, boards, alerts and scorecards of Redis as JSON. */
#include <stdlib.h>

#include "crmpulse/cell.h"
#include "daemon/cli/kpis_page.h"
#include "daemon/http/api.h"
#include "daemon/http/shown.h"

enum { NAME_MAX_ESCAPED = 1600, KEY_MAX = 3400 };

/* ---- small pieces ---- */

/* "view:<org>:<window>", .. */
static struct slice key_of(char buf[KEY_MAX], const char *what, struct slice org, const char *sep, struct slice rest)
{
    char escaped[NAME_MAX_ESCAPED];
    const size_t n = cell_escape(org, escaped, sizeof escaped);
    const int len = snprintf(buf, KEY_MAX, "%s:%.*s%s%.*s", what, (int)n, escaped, sep, (int)rest.n, rest.p);
    return (struct slice){ buf, len > 0 && len < KEY_MAX ? (uint32_t)len : 0 };
}

static void name(struct body *to, const char *key)
{
    body_addf(to, "%s\"%s\":", to->n && to->p[to->n - 1] != '{' && to->p[to->n - 1] != '[' ? "," : "", key);
}

static void text(struct body *to, const char *key, struct slice s)
{
    name(to, key);
    body_add_json(to, s);
}

static void unescaped(struct body *to, const char *key, struct slice s)
{
    char buf[NAME_MAX_ESCAPED];
    text(to, key, (struct slice){ buf, (uint32_t)cell_unescape(s, buf, sizeof buf) });
}

/* A number or null; what is neither is null. */
static void figure(struct body *to, const char *key, struct slice s)
{
    name(to, key);
    body_add_slice(to, s.p && shown_number(s) ? s : SLICE("null"));
}

static void figure_if(struct body *to, const char *key, struct slice s)
{
    if (s.p)
        figure(to, key, s);
}

static bool is(struct slice wanted, struct slice got)
{
    return !wanted.p || slice_eq(wanted, got);
}

static bool is_unescaped(struct slice wanted, struct slice got)
{
    char buf[NAME_MAX_ESCAPED];
    return !wanted.p || slice_eq(wanted, (struct slice){ buf, (uint32_t)cell_unescape(got, buf, sizeof buf) });
}

static void next_object(struct body *to)
{
    body_add_z(to, to->p[to->n - 1] == '[' ? "{" : ",{");
}

/* ---- rows ---- */

static void extras(struct body *to, struct slice list)
{
    struct slice word, key;
    if (!list.n)
        return;
    name(to, "extras");
    body_add(to, "{", 1);
    while (shown_word(&list, ',', &word))
        if (shown_word(&word, '=', &key)) {
            if (to->p[to->n - 1] != '{')
                body_add(to, ",", 1);
            body_add_json(to, key);
            body_add(to, ":", 1);
            body_add_slice(to, shown_number(word) ? word : SLICE("null"));
        }
    body_add(to, "}", 1);
}

static void row(struct body *to, const struct config *c, const struct api_filter *f, const struct shown_field *at,
                const struct shown_value *v)
{
    const int kpi = definitions_kpi(&c->defs, at->id);
    next_object(to);
    text(to, "org", f->org);
    text(to, "kpi", at->id);
    text(to, "window", f->window);
    text(to, "dim", at->dim);
    unescaped(to, "subject", at->subject);
    figure(to, "value", v->value);
    figure_if(to, "numerator", v->numerator);
    figure_if(to, "denominator", v->denominator);
    figure_if(to, "count", v->count);
    figure_if(to, "sum", v->sum);
    figure_if(to, "p50", v->p50);
    figure_if(to, "p90", v->p90);
    extras(to, v->extras);
    if (kpi >= 0)
        text(to, "unit", slice_of(kpi_unit_name(c->defs.kpi[kpi].unit)));
    body_add(to, "}", 1);
}

enum data_state api_rows(struct data *d, const struct config *c, const struct api_filter *f, struct body *to)
{
    char key[KEY_MAX];
    struct data_hash h;
    const enum data_state state = data_hash(d, f->org, key_of(key, "view", f->org, ":", f->window), &h);
    int64_t n = 0;
    if (state != DATA_READY)
        return state;
    body_add(to, "[", 1);
    for (uint32_t i = 0; i < h.n && n < f->limit; i++) {
        struct shown_field at;
        struct shown_value v;
        if (!shown_field(h.pair[2 * i], &at) || !is(f->dim, at.dim) || !is(f->kpi, at.id) ||
            !is_unescaped(f->subject, at.subject) || !shown_value(h.pair[2 * i + 1], &v))
            continue;
        row(to, c, f, &at, &v);
        n++;
    }
    body_add(to, "]", 1);
    return state;
}

/* ---- boards ---- */

struct place {
    struct slice subject, rank, previous, movement, value, gap;
    long rank_n;
};

static bool place(struct slice field, struct slice text_of_it, struct place *ret)
{
    struct slice word;
    *ret = (struct place){ .subject = field };
    while (shown_word(&text_of_it, ' ', &word)) {
        const struct {
            const char *name;
            struct slice *to;
        } rows[] = { { "rank", &ret->rank },
                     { "previous", &ret->previous },
                     { "movement", &ret->movement },
                     { "value", &ret->value },
                     { "gap", &ret->gap } };
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct slice v = shown_named(word, rows[i].name);
            if (v.p)
                *rows[i].to = v;
        }
    }
    if (ret->movement.n && *ret->movement.p == '+')
        ret->movement = (struct slice){ ret->movement.p + 1, ret->movement.n - 1 };
    ret->rank_n = ret->rank.n && ret->rank.n < 10 && shown_number(ret->rank) ? strtol(ret->rank.p, NULL, 10) : 0;
    return ret->rank.n > 0;
}

/* By rank, those without one behind; equals by name. */
static int by_rank(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if ((x->rank_n == 0) != (y->rank_n == 0))
        return x->rank_n == 0 ? 1 : -1;
    return x->rank_n != y->rank_n ? (x->rank_n > y->rank_n) - (x->rank_n < y->rank_n)
                                  : slice_cmp(x->subject, y->subject);
}

static void place_json(struct body *to, const struct place *p)
{
    next_object(to);
    unescaped(to, "subject", p->subject);
    body_addf(to, ",\"rank\":%ld", p->rank_n);
    figure(to, "previous_rank", p->previous);
    figure(to, "movement", p->movement);
    figure(to, "value", p->value);
    figure(to, "gap", p->gap);
    body_add(to, "}", 1);
}

static const struct board_def *board_def(const struct config *c, struct slice board)
{
    for (uint32_t i = 0; i < c->defs.n_boards; i++)
        if (slice_eq(board, slice_of(c->defs.board[i].id)))
            return &c->defs.board[i];
    return NULL;
}

bool api_has_board(const struct config *c, struct slice board)
{
    return board_def(c, board) != NULL;
}

static void entries(struct body *to, struct place *v, uint32_t n, int64_t top, struct slice around, int64_t reach)
{
    uint32_t from = 0, until = top < n ? (uint32_t)top : n;
    qsort(v, n, sizeof *v, by_rank);
    if (around.p) {
        uint32_t at = 0;
        while (at < n && !is_unescaped(around, v[at].subject))
            at++;
        from = at == n ? n : at > reach ? at - (uint32_t)reach : 0;
        until = at + reach + 1 < n ? at + (uint32_t)reach + 1 : n;
    }
    for (uint32_t i = from; i < until; i++)
        place_json(to, &v[i]);
}

enum data_state api_board(struct data *d, const struct config *c, struct slice org, struct slice board, int64_t top,
                          struct slice around, int64_t reach, struct body *to)
{
    char key[KEY_MAX], rest[KEY_MAX];
    struct data_hash h;
    const struct board_def *def = board_def(c, board);
    const int n_rest = snprintf(rest, sizeof rest, "%.*s:rows", (int)board.n, board.p);
    const enum data_state state =
        data_hash(d, org, key_of(key, "board", org, ":", (struct slice){ rest, (uint32_t)n_rest }), &h);
    struct place *v;
    uint32_t n = 0;
    if (state != DATA_READY)
        return state;
    v = calloc((size_t)h.n + 1, sizeof *v);
    to->failed |= !v;
    for (uint32_t i = 0; v && i < h.n; i++)
        n += place(h.pair[2 * i], h.pair[2 * i + 1], &v[n]);
    body_add(to, "{", 1);
    text(to, "org", org);
    text(to, "board", board);
    text(to, "kpi", slice_of(c->defs.kpi[def->kpi].id));
    text(to, "window", slice_of(def->window.name));
    text(to, "dim", slice_of(dim_name(def->dim)));
    text(to, "unit", slice_of(kpi_unit_name(c->defs.kpi[def->kpi].unit)));
    body_addf(to, ",\"listed\":%u,\"entries\":[", n);
    if (v)
        entries(to, v, n, top, around, reach);
    body_add(to, "]}", 2);
    free(v);
    return state;
}

/* ---- alerts ---- */

static void ids(struct body *to, struct slice list)
{
    struct slice id;
    char buf[NAME_MAX_ESCAPED];
    bool more = false;
    name(to, "evidence");
    body_add(to, "[", 1);
    while (shown_word(&list, ' ', &id)) {
        if (slice_eq(id, SLICE("..."))) {
            more = true;
            continue;
        }
        if (to->n && to->p[to->n - 1] != '[')
            body_add(to, ",", 1);
        body_add_json(to, (struct slice){ buf, (uint32_t)cell_unescape(id, buf, sizeof buf) });
    }
    body_addf(to, "],\"evidence_truncated\":%s", more ? "true" : "false");
}

static void rule_json(struct body *to, const struct config *c, struct slice rule)
{
    const int i = definitions_rule(&c->defs, rule);
    if (i < 0)
        return;
    const struct rule_def *def = &c->defs.rule[i];
    text(to, "kpi", slice_of(c->defs.kpi[def->kpi].id));
    text(to, "window", slice_of(def->window.name));
    text(to, "unit", slice_of(kpi_unit_name(c->defs.kpi[def->kpi].unit)));
    text(to, "fires", slice_of(def->fire_text ? def->fire_text : ""));
    text(to, "clears", slice_of(def->clear_text ? def->clear_text : ""));
}

static void alert(struct body *to, const struct config *c, const struct shown_field *at, struct slice shown,
                  struct slice evidence)
{
    static const struct {
        const char *in, *out;
        bool number;
    } rows[] = { { "level", "level", false },
                 { "value", "value", true },
                 { "n", "samples", true },
                 { "since", "since_ms", true },
                 { "id", "id", false } };
    struct slice word;
    next_object(to);
    text(to, "rule", at->id);
    text(to, "dim", at->dim);
    unescaped(to, "subject", at->subject);
    rule_json(to, c, at->id);
    if (shown_word(&shown, ' ', &word))
        text(to, "state", word);
    while (shown_word(&shown, ' ', &word))
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct slice v = shown_named(word, rows[i].in);
            if (v.p)
                (rows[i].number ? figure : text)(to, rows[i].out, v);
        }
    ids(to, evidence);
    body_add(to, "}", 1);
}

enum data_state api_alerts(struct data *d, const struct config *c, struct slice org, struct body *to)
{
    char key[KEY_MAX];
    struct data_hash h, evidence;
    const enum data_state state = data_hash(d, org, key_of(key, "alert", org, "", SLICE("")), &h),
                          also = data_hash(d, org, key_of(key, "alert", org, ":", SLICE("evidence")), &evidence);
    if (state != DATA_READY || also != DATA_READY)
        return state != DATA_READY ? state : also;
    body_add(to, "[", 1);
    for (uint32_t i = 0; i < h.n; i++) {
        struct shown_field at;
        /* Of a rule that is gone: nobody judges it any more. */
        if (shown_rule_field(h.pair[2 * i], &at) && definitions_rule(&c->defs, at.id) >= 0)
            alert(to, c, &at, h.pair[2 * i + 1], data_value(&evidence, h.pair[2 * i]));
    }
    body_add(to, "]", 1);
    return state;
}

/* ---- scorecards ---- */

/* "<kpi>=<value>:<score>:<weight>" */
static void item(struct body *to, struct slice word)
{
    struct slice kpi, value, score, weight;
    if (!shown_word(&word, '=', &kpi) || !shown_word(&word, ':', &value) || !shown_word(&word, ':', &score) ||
        !shown_word(&word, ':', &weight))
        return;
    next_object(to);
    text(to, "kpi", kpi);
    figure(to, "value", value);
    figure(to, "score", score);
    figure(to, "weight", weight);
    body_add(to, "}", 1);
}

static void perspective(struct body *to, struct slice part)
{
    struct slice word;
    if (!shown_word(&part, ' ', &word))
        return;
    next_object(to);
    unescaped(to, "name", word);
    for (int i = 0; i < 2 && shown_word(&part, ' ', &word); i++) {
        figure_if(to, "weight_bp", shown_named(word, "weight"));
        figure_if(to, "score", shown_named(word, "score"));
    }
    name(to, "items");
    body_add(to, "[", 1);
    while (shown_word(&part, ' ', &word))
        item(to, word);
    body_add(to, "]}", 2);
}

static void scorecard(struct body *to, const struct shown_field *at, struct slice shown, struct slice parts)
{
    struct slice word;
    bool provisional = false;
    next_object(to);
    text(to, "scorecard", at->id);
    text(to, "dim", at->dim);
    unescaped(to, "subject", at->subject);
    if (shown_word(&shown, ' ', &word))
        figure(to, "score", word);
    while (shown_word(&shown, ' ', &word)) {
        const struct slice coverage = shown_named(word, "coverage"), band = shown_named(word, "band");
        figure_if(to, "coverage", coverage);
        if (band.p)
            text(to, "band", band);
        provisional |= slice_eq(word, SLICE("provisional"));
    }
    body_addf(to, ",\"provisional\":%s,\"perspectives\":[", provisional ? "true" : "false");
    while (shown_word(&parts, ';', &word))
        perspective(to, word);
    body_add(to, "]}", 2);
}

enum data_state api_scorecards(struct data *d, const struct config *c, struct slice org, struct body *to)
{
    char key[KEY_MAX];
    struct data_hash h, parts;
    const enum data_state state = data_hash(d, org, key_of(key, "scorecard", org, "", SLICE("")), &h),
                          also = data_hash(d, org, key_of(key, "scorecard", org, ":", SLICE("parts")), &parts);
    (void)c;
    if (state != DATA_READY || also != DATA_READY)
        return state != DATA_READY ? state : also;
    body_add(to, "[", 1);
    for (uint32_t i = 0; i < h.n; i++) {
        struct shown_field at;
        if (shown_field(h.pair[2 * i], &at))
            scorecard(to, &at, h.pair[2 * i + 1], data_value(&parts, h.pair[2 * i]));
    }
    body_add(to, "]", 1);
    return state;
}

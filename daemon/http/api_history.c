/* The history of one row out of the days that Redis keeps. */
#include <stdlib.h>

#include "daemon/history.h"
#include "daemon/http/api.h"
#include "daemon/http/shown.h"

struct point {
    int64_t at_ms;
    struct slice value;
};

struct points {
    struct point *v;
    uint32_t n, cap;
    bool failed;
};

static void add(struct points *p, int64_t at_ms, struct slice value)
{
    if (p->n == p->cap) {
        const uint32_t cap = p->cap ? 2 * p->cap : 256;
        struct point *v = realloc(p->v, cap * sizeof *v);
        if (!v) {
            p->failed = true;
            return;
        }
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n++] = (struct point){ at_ms, value };
}

static int by_instant(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* The instant behind `prefix` in a field. False: the field is of another row. */
static bool instant_of(struct slice field, struct slice prefix, int64_t *ret)
{
    int64_t v = 0;
    if (field.n <= prefix.n || field.n > prefix.n + 15 || memcmp(field.p, prefix.p, prefix.n) != 0)
        return false;
    for (uint32_t i = prefix.n; i < field.n; i++) {
        if (field.p[i] < '0' || field.p[i] > '9')
            return false;
        v = v * 10 + (field.p[i] - '0');
    }
    *ret = v;
    return true;
}

static enum data_state read_day(struct data *d, const struct api_filter *f, int64_t day, int64_t from_ms, int64_t to_ms,
                                struct points *p)
{
    struct line key, prefix;
    struct data_hash h;
    key.n = prefix.n = 0;
    history_key(&key, f->org, f->kpi, day);
    history_field(&prefix, f->window, f->dim, f->subject);
    const enum data_state state = data_hash(d, f->org, line_text(&key), &h);
    for (uint32_t i = 0; state == DATA_READY && i < h.n; i++) {
        struct shown_value v;
        int64_t at_ms;
        if (instant_of(h.pair[2 * (size_t)i], line_text(&prefix), &at_ms) && at_ms >= from_ms && at_ms <= to_ms &&
            shown_value(h.pair[2 * (size_t)i + 1], &v))
            add(p, at_ms, v.value);
    }
    return state;
}

enum data_state api_history(struct data *d, const struct api_filter *f, int64_t from_ms, int64_t to_ms, struct body *to)
{
    struct points p = { 0 };
    enum data_state worst = DATA_READY;
    for (int64_t day = history_day(from_ms); day <= history_day(to_ms); day++) {
        const enum data_state state = read_day(d, f, day, from_ms, to_ms, &p);
        worst = state > worst ? state : worst; /* all are asked for at once */
    }
    if (worst == DATA_READY) {
        if (p.n)
            qsort(p.v, p.n, sizeof *p.v, by_instant);
        body_add(to, "[", 1);
        for (uint32_t i = 0; i < p.n; i++) {
            body_addf(to, "%s{\"at_ms\":%lld,\"value\":", i ? "," : "", (long long)p.v[i].at_ms);
            body_add_slice(to, p.v[i].value);
            body_add(to, "}", 1);
        }
        body_add(to, "]", 1);
        to->failed |= p.failed;
    }
    free(p.v);
    return worst;
}

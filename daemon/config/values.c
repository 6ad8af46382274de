/* Single values out of YAML scalars: numbers with units, words, windows, dimensions. Which key means what is said elsewhere. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "loader.h"

struct suffix {
    const char *name;
    int64_t factor;
};

static const struct suffix time_suffixes[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};
static const struct suffix size_suffixes[] = {
    { "", 1 }, { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 },
};

static bool is_scalar(struct loader *l, const struct node *n, const char *what)
{
    if (n->kind == NODE_SCALAR)
        return true;
    report(l, n, "expected %s, not a %s", what, n->kind == NODE_MAP ? "map" : "list");
    return false;
}

/* A whole decimal number with one of the suffixes; fractions ("1.5h") as long as the result is whole. */
static bool with_suffix(struct slice text, const struct suffix *table, int64_t *ret)
{
    char buf[40];
    if (!text.n || text.n >= sizeof(buf))
        return false;
    memcpy(buf, text.p, text.n);
    buf[text.n] = 0;
    size_t digits = strspn(buf, "0123456789.");
    if (!digits || buf[0] == '.')
        return false;
    const struct suffix *s = table;
    while (s->name && strcmp(s->name, buf + digits) != 0)
        s++;
    if (!s->name)
        return false;
    buf[digits] = 0;
    char *end;
    double v = strtod(buf, &end) * (double)s->factor;
    if (*end || v > 9e15 || v != floor(v))
        return false;
    *ret = (int64_t)v;
    return true;
}

bool duration_of(struct slice text, int64_t *ret_ms)
{
    return slice_eq(text, SLICE("0")) ? (*ret_ms = 0, true) : with_suffix(text, time_suffixes, ret_ms);
}

bool value_text(struct loader *l, const struct node *n, struct slice *ret)
{
    if (!is_scalar(l, n, "text"))
        return false;
    if (memchr(n->text.p, 0, n->text.n)) {
        report(l, n, "text must not contain a NUL");
        return false;
    }
    *ret = n->text;
    return true;
}

bool value_flag(struct loader *l, const struct node *n, bool *ret)
{
    static const char *const words[] = { "false", "true", "no", "yes", "off", "on", NULL };
    if (!is_scalar(l, n, "true or false"))
        return false;
    int i = find_word(n->text, words);
    if (i < 0)
        report(l, n, "expected true or false, not '%s'", n->text.p);
    else
        *ret = i & 1;
    return i >= 0;
}

bool value_int(struct loader *l, const struct node *n, int64_t min, int64_t max, int64_t *ret)
{
    if (!is_scalar(l, n, "a whole number"))
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(n->text.p, &end, 10);
    if (!n->text.n || *end || errno || strspn(n->text.p, " \t+")) {
        report(l, n, "expected a whole number, not '%s'", n->text.p);
        return false;
    }
    if (v < min || v > max) {
        report(l, n, "%s is out of range: %lld to %lld", n->text.p, (long long)min, (long long)max);
        return false;
    }
    *ret = v;
    return true;
}

static bool plain_double(struct slice text, double *ret)
{
    if (slice_eq(text, SLICE("-.inf"))) {
        *ret = -INFINITY;
        return true;
    }
    if (!text.n || strspn(text.p, "0123456789.eE+-") < text.n)
        return false;
    char *end;
    *ret = strtod(text.p, &end);
    return end == text.p + text.n && isfinite(*ret);
}

bool value_double(struct loader *l, const struct node *n, double *ret)
{
    if (!is_scalar(l, n, "a number"))
        return false;
    if (plain_double(n->text, ret))
        return true;
    report(l, n, "expected a number, not '%s'", n->text.p);
    return false;
}

bool number_of(struct slice text, enum unit unit, double *ret)
{
    int64_t ms;
    if (plain_double(text, ret))
        return true;
    if (unit != UNIT_MS || !duration_of(text, &ms))
        return false;
    *ret = (double)ms;
    return true;
}

static void print_ms(int64_t ms, char *buf, size_t cap)
{
    const struct suffix *s = &time_suffixes[4];
    while (s > time_suffixes && ms % s->factor)
        s--;
    snprintf(buf, cap, "%lld%s", (long long)(ms / s->factor), s->name);
}

bool value_duration(struct loader *l, const struct node *n, int64_t min_ms, int64_t max_ms, int64_t *ret_ms)
{
    if (!is_scalar(l, n, "a duration"))
        return false;
    int64_t ms;
    if (n->text.n > 1 && n->text.p[0] == '-') {
        report(l, n, "a duration must not be negative: '%s'", n->text.p);
        return false;
    }
    if (!duration_of(n->text, &ms)) {
        report(l, n, "expected a duration with its unit (250ms 10s 5m 1h 30d), not '%s'", n->text.p);
        return false;
    }
    if (ms < min_ms || ms > max_ms) {
        char from[32], to[32];
        print_ms(min_ms, from, sizeof(from));
        print_ms(max_ms, to, sizeof(to));
        report(l, n, "%s is out of range: %s to %s", n->text.p, from, to);
        return false;
    }
    *ret_ms = ms;
    return true;
}

bool value_size(struct loader *l, const struct node *n, int64_t min, int64_t max, int64_t *ret_bytes)
{
    if (!is_scalar(l, n, "a size"))
        return false;
    int64_t v;
    if (!with_suffix(n->text, size_suffixes, &v)) {
        report(l, n, "expected a size (4096 64KiB 64MiB 1GiB), not '%s'", n->text.p);
        return false;
    }
    if (v < min || v > max) {
        report(l, n, "%s is out of range: %lld to %lld bytes", n->text.p, (long long)min, (long long)max);
        return false;
    }
    *ret_bytes = v;
    return true;
}

int find_word(struct slice text, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (slice_eq(text, slice_of(words[i])))
            return i;
    return -1;
}

int value_choice(struct loader *l, const struct node *n, const char *const *words, const char *what)
{
    if (!is_scalar(l, n, what))
        return -1;
    int i = find_word(n->text, words);
    if (i >= 0)
        return i;
    struct suggest s;
    suggest_begin(&s, n->text);
    struct text all = { .l = l };
    for (int k = 0; words[k]; k++) {
        suggest_try(&s, slice_of(words[k]));
        text_put(&all, "%s%s", k ? ", " : "", words[k]);
    }
    report(l, n, "unknown %s '%s'%s (one of: %s)", what, n->text.p, suggest_text(&s), all.p ? all.p : "");
    return -1;
}

void window_by_switch(struct loader *l, struct window *w)
{
    const int64_t day_ms = 86400000;
    int s = switch_find(l, SLICE("rolling_days"));
    char name[32];
    if (s < 0 || !slice_eq(l->switches[s].chosen, SLICE("calendar")) || w->kind != WINDOW_ROLLING ||
        w->length_ms % day_ms || w->length_ms == day_ms)
        return;
    int n = snprintf(name, sizeof name, "%lldcd", (long long)(w->length_ms / day_ms));
    (void)window_parse(NULL, (struct slice){ name, (uint32_t)n }, w); /* its own lengths are valid */
}

/* A window, or "if(switch.x == 'y', 28d, 30d)". */
bool value_window(struct loader *l, const struct node *n, struct window *ret)
{
    uint64_t used = 0;
    if (!is_scalar(l, n, "a window"))
        return false;
    struct slice text = n->text;
    if (strstr(text.p, "switch.") && !formula_resolve(l, n, &text, &used))
        return false;
    if (window_parse(NULL, text, ret) == 0 && ret->kind != WINDOW_SPAN) {
        window_by_switch(l, ret);
        if (!window_fits(ret, l->defs->fine_pane_ms))
            report(l, n, "window %s is no whole number of panes: time.fine_pane must divide it", ret->name);
        return true;
    }
    report(l, n,
           "unknown window '%s' (rolling: 5m 1h 24h 7d 30d ..; civil days: 7cd ..; periods: d w m q h y; to date: td; "
           "closed cycle: cy; gauge: g)",
           n->text.p);
    return false;
}

bool value_dim(struct loader *l, const struct node *n, enum dim *ret)
{
    if (!is_scalar(l, n, "a dimension"))
        return false;
    int d = dim_by_name(n->text);
    if (d >= 0) {
        *ret = (enum dim)d;
        return true;
    }
    struct suggest s;
    suggest_begin(&s, n->text);
    for (int i = 0; i < DIM_COUNT; i++)
        suggest_try(&s, slice_of(dim_name((enum dim)i)));
    report(l, n, "unknown dimension '%s'%s", n->text.p, suggest_text(&s));
    return false;
}

bool value_dims(struct loader *l, const struct node *n, uint32_t *ret_bits)
{
    if (!want_list(l, n, "a list of dimensions"))
        return false;
    uint32_t bits = 0;
    bool ok = true;
    for (const struct node *i = n->first; i; i = i->next) {
        enum dim d;
        if (!value_dim(l, i, &d)) {
            ok = false;
        } else if (bits >> d & 1) {
            report(l, i, "dimension '%s' is listed twice", dim_name(d));
            ok = false;
        } else {
            bits |= 1u << d;
        }
    }
    *ret_bits = bits;
    return ok;
}

const struct node *want_map(struct loader *l, const struct node *n, const char *what)
{
    if (n->kind == NODE_MAP)
        return n;
    report(l, n, "expected %s (a map)", what);
    return NULL;
}

const struct node *want_list(struct loader *l, const struct node *n, const char *what)
{
    if (n->kind == NODE_LIST)
        return n;
    report(l, n, "expected %s", what);
    return NULL;
}

void check_keys(struct loader *l, const struct node *map, const char *const *known, const char *what)
{
    for (const struct node *k = map->first; k; k = k->next) {
        if (find_word(k->text, known) >= 0)
            continue;
        struct suggest s;
        suggest_begin(&s, k->text);
        for (int i = 0; known[i]; i++)
            suggest_try(&s, slice_of(known[i]));
        report(l, k, "unknown key '%s' in %s%s", k->text.p, what, suggest_text(&s));
    }
}

const struct node *require(struct loader *l, const struct node *owner, const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key);
    if (!n)
        report(l, owner, "'%s' lacks the key '%s'", owner->text.p ? owner->text.p : "this", key);
    return n;
}

bool plain_id(struct slice text)
{
    if (!text.n || text.n > 64 || text.p[0] < 'a' || text.p[0] > 'z')
        return false;
    return strspn(text.p, "abcdefghijklmnopqrstuvwxyz0123456789_") == text.n;
}

char *copy_text(struct loader *l, struct slice text)
{
    char *copy = strndup(text.p ? text.p : "", text.n);
    if (!copy)
        report_memory(l);
    return copy;
}

/* Expected YAML against JSON as printed: integers and texts exactly, doubles to 1e-9 relative, quantiles to the error that the row states. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "test_check.h"

static const double relative = 1e-9, absolute = 1e-12;

struct comparison {
    struct test_check *k;
    const struct node *place;
    const json_t *row; /* that the field is of */
};

static void copy_text(char *to, size_t cap, const struct node *n)
{
    if (n && n->kind == NODE_SCALAR)
        snprintf(to, cap, "%s", n->text.p);
}

void test_fail(struct test_check *k, const struct node *place, const struct node *at, const char *field,
               const char *expected, const char *got)
{
    static const char *const names[] = { "kpi", "board", "rule", "scorecard" };
    struct test_failure f = { .file = k->c->path, .line = at->line, .column = at->column, .order = k->order };
    for (size_t i = 0; i < sizeof names / sizeof *names && !*f.what; i++)
        copy_text(f.what, sizeof f.what, node_get(place, names[i]));
    copy_text(f.window, sizeof f.window, node_get(place, "window"));
    copy_text(f.subject, sizeof f.subject, node_get(place, "subject"));
    snprintf(f.field, sizeof f.field, "%s", field);
    snprintf(f.expected, sizeof f.expected, "%s", expected);
    snprintf(f.got, sizeof f.got, "%s", got);
    k->report->failed++;
    k->report->failure(k->report->ctx, &f);
}

static void differ(const struct comparison *c, const struct node *at, const char *field, const char *expected,
                   const json_t *got)
{
    char *text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) : NULL;
    test_fail(c->k, c->place, at, field, expected, text ? text : "nothing");
    free(text);
}

static bool null_text(const struct node *n)
{
    return n->style == STYLE_PLAIN && (!n->text.n || slice_eq(n->text, SLICE("null")) || slice_eq(n->text, SLICE("~")));
}

static bool number_text(const struct node *n, double *ret)
{
    char digits[64];
    size_t k = 0;
    for (uint32_t i = 0; i < n->text.n; i++)
        if (n->text.p[i] != '_' && k + 1 < sizeof digits)
            digits[k++] = n->text.p[i];
    digits[k] = 0;
    char *end;
    *ret = strtod(digits, &end);
    return n->style == STYLE_PLAIN && k && !*end && strspn(digits, "+-.0123456789eE") == k;
}

/* Quantiles come from a sketch; the row says how exact they are. NULL: the field is none. */
static const json_t *quantile_error(const struct comparison *c, const char *field)
{
    bool quantile = field[0] == 'p' && field[1] >= '0' && field[1] <= '9';
    return quantile ? json_object_get(c->row, "quantile_error") : NULL;
}

static bool near(double want, double got, double tol)
{
    return fabs(want - got) <= fmax(tol * fmax(fabs(want), fabs(got)), absolute);
}

static bool same_number(const struct comparison *c, const char *field, const struct node *want, const json_t *got)
{
    int64_t i, ms;
    double x;
    size_t n = strlen(field);
    const json_t *error = quantile_error(c, field);
    if (json_is_integer(got) && test_case_integer(want->text, &i) && !error)
        return i == json_integer_value(got);
    if (json_is_integer(got) && n > 3 && strcmp(field + n - 3, "_ms") == 0 && time_parse(NULL, want->text, &ms) == 0)
        return ms == json_integer_value(got);
    return number_text(want, &x) && near(x, json_number_value(got), relative + json_number_value(error));
}

static bool same_scalar(const struct comparison *c, const char *field, const struct node *want, const json_t *got)
{
    if (null_text(want))
        return !got || json_is_null(got);
    if (json_is_boolean(got))
        return slice_eq(want->text, json_is_true(got) ? SLICE("true") : SLICE("false"));
    if (json_is_string(got))
        return slice_eq(want->text, (struct slice){ json_string_value(got), (uint32_t)json_string_length(got) });
    return json_is_number(got) && same_number(c, field, want, got);
}

static void compare_map(const struct comparison *c, const struct node *want, const json_t *got,
                        const char *const *passed_over);

static void compare_one(const struct comparison *c, const char *field, const struct node *want, const json_t *got)
{
    if (want->kind == NODE_SCALAR) {
        if (!same_scalar(c, field, want, got))
            differ(c, want, field, want->text.p, got);
        return;
    }
    if (want->kind == NODE_MAP) {
        if (json_is_object(got))
            compare_map(c, want, got, NULL);
        else
            differ(c, want, field, "a map", got);
        return;
    }
    size_t i = 0;
    for (const struct node *w = want->first; w; w = w->next, i++)
        if (i < json_array_size(got))
            compare_one(c, field, w, json_array_get(got, i));
    if (i != json_array_size(got)) {
        char expected[32];
        snprintf(expected, sizeof expected, "%zu entries", i);
        differ(c, want, field, expected, got);
    }
}

static bool listed(const char *const *words, struct slice text)
{
    for (; words && *words; words++)
        if (slice_eq(text, slice_of(*words)))
            return true;
    return false;
}

/* What the short names of expectations are called in the outputs. */
static const char *output_name(const char *key)
{
    static const struct {
        const char *key, *name;
    } names[] = { { "n", "samples" }, { "tick", "tick_ms" }, { "reached", "reached_at_ms" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(key, names[i].key) == 0)
            return names[i].name;
    return key;
}

static bool has_flag(const char *flags, struct slice flag)
{
    for (const char *p = flags; p && *p;) {
        size_t n = strcspn(p, ",");
        if (slice_eq((struct slice){ p, (uint32_t)n }, flag))
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* `flag: short_base`, or a list: each must be among the row's flags, `no_flag` none. */
static bool compare_flags(const struct comparison *c, const struct node *key, const json_t *got)
{
    bool wanted = slice_eq(key->text, SLICE("flag"));
    if (!wanted && !slice_eq(key->text, SLICE("no_flag")))
        return false;
    const json_t *flags = json_object_get(got, "flags");
    const struct node *v = key->value, *one = v->kind == NODE_LIST ? v->first : v;
    for (; one; one = v->kind == NODE_LIST ? one->next : NULL)
        if (has_flag(json_string_value(flags), one->text) != wanted)
            differ(c, one, key->text.p, one->text.p, flags);
    return true;
}

static void compare_map(const struct comparison *c, const struct node *want, const json_t *got,
                        const char *const *passed_over)
{
    struct comparison inner = *c;
    inner.row = got;
    for (const struct node *key = want->first; key; key = key->next) {
        const char *name = output_name(key->text.p);
        if (!listed(passed_over, key->text) && !compare_flags(&inner, key, got))
            compare_one(&inner, name, key->value, json_object_get(got, name));
    }
}

void test_compare(struct test_check *k, const struct node *place, const struct node *want, const json_t *got,
                  const char *const *passed_over)
{
    const struct comparison c = { k, place, got };
    compare_map(&c, want, got, passed_over);
}

bool test_selects(const struct node *want, const json_t *got, const char *const *keys)
{
    for (; *keys; keys++) {
        const struct node *n = node_get(want, *keys);
        const char *text = json_string_value(json_object_get(got, *keys));
        if (n && !(n->kind == NODE_SCALAR && text && slice_eq(n->text, slice_of(text))))
            return false;
    }
    return true;
}

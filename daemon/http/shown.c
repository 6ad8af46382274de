/* Small scanners; numbers stay text, so that nothing is rounded on the way. */
#include "daemon/http/shown.h"

static bool cut(struct slice text, char at, struct slice *ret_before, struct slice *ret_after)
{
    const char *p = text.n ? memchr(text.p, at, text.n) : NULL;
    if (!p)
        return false;
    *ret_before = (struct slice){ text.p, (uint32_t)(p - text.p) };
    *ret_after = (struct slice){ p + 1, text.n - ret_before->n - 1 };
    return true;
}

bool shown_field(struct slice text, struct shown_field *ret)
{
    struct slice rest;
    return cut(text, ':', &ret->dim, &rest) && cut(rest, '|', &ret->subject, &ret->id) && ret->dim.n &&
           ret->subject.n && ret->id.n;
}

bool shown_rule_field(struct slice text, struct shown_field *ret)
{
    struct slice rest;
    return cut(text, '|', &ret->id, &rest) && cut(rest, ':', &ret->dim, &ret->subject) && ret->dim.n &&
           ret->subject.n && ret->id.n;
}

bool shown_word(struct slice *rest, char between, struct slice *ret)
{
    struct slice after;
    while (rest->n && *rest->p == between)
        *rest = (struct slice){ rest->p + 1, rest->n - 1 };
    if (!rest->n)
        return false;
    if (!cut(*rest, between, ret, &after)) {
        *ret = *rest;
        after = (struct slice){ rest->p + rest->n, 0 };
    }
    *rest = after;
    return true;
}

struct slice shown_named(struct slice word, const char *name)
{
    const uint32_t n = (uint32_t)strlen(name);
    if (word.n <= n || memcmp(word.p, name, n) != 0 || word.p[n] != '=')
        return (struct slice){ 0 };
    return (struct slice){ word.p + n + 1, word.n - n - 1 };
}

static uint32_t digits(struct slice s, uint32_t from)
{
    uint32_t n = 0;
    while (from + n < s.n && s.p[from + n] >= '0' && s.p[from + n] <= '9')
        n++;
    return n;
}

bool shown_number(struct slice text)
{
    uint32_t i = text.n && *text.p == '-', n = digits(text, i);
    if (slice_eq(text, SLICE("null")))
        return true;
    if (!n || (n > 1 && text.p[i] == '0'))
        return false;
    i += n;
    if (i < text.n && text.p[i] == '.') {
        n = digits(text, i + 1);
        if (!n)
            return false;
        i += n + 1;
    }
    if (i < text.n && text.p[i] == 'e') {
        i++;
        i += i < text.n && (text.p[i] == '+' || text.p[i] == '-');
        n = digits(text, i);
        if (!n)
            return false;
        i += n;
    }
    return i == text.n;
}

static bool distribution(struct slice inside, struct shown_value *ret)
{
    struct slice word;
    while (shown_word(&inside, ' ', &word)) {
        const struct {
            const char *name;
            struct slice *to;
        } rows[] = { { "n", &ret->count }, { "sum", &ret->sum }, { "p50", &ret->p50 }, { "p90", &ret->p90 } };
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct slice v = shown_named(word, rows[i].name);
            if (v.p && !shown_number(v))
                return false;
            if (v.p)
                *rows[i].to = v;
        }
    }
    return ret->count.p != NULL;
}

/* Cuts off " {..}" at the end. */
static struct slice cut_extras(struct slice *text)
{
    const char *open = text->n && text->p[text->n - 1] == '}' ? memchr(text->p, '{', text->n) : NULL;
    if (!open || open == text->p || open[-1] != ' ')
        return (struct slice){ 0 };
    const struct slice inside = { open + 1, (uint32_t)(text->p + text->n - open) - 2 };
    text->n = (uint32_t)(open - text->p) - 1;
    return inside;
}

bool shown_value(struct slice text, struct shown_value *ret)
{
    struct slice inside = { 0 };
    const struct slice extras = cut_extras(&text);
    *ret = (struct shown_value){ .value = text, .extras = extras };
    if (cut(text, ' ', &ret->value, &inside)) {
        if (inside.n < 2 || inside.p[0] != '(' || inside.p[inside.n - 1] != ')')
            return false;
        inside = (struct slice){ inside.p + 1, inside.n - 2 };
        if (cut(inside, '/', &ret->numerator, &ret->denominator)) {
            if (!shown_number(ret->numerator) || !shown_number(ret->denominator))
                return false;
        } else if (!distribution(inside, ret)) {
            return false;
        }
    }
    return shown_number(ret->value);
}

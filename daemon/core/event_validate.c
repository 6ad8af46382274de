/* The rules every event must keep before a tracker sees it: what is required, ranges by kind of field, currencies, scales
 * and time. Does not look at any record, rate table or configuration. */
#include "crmpulse/event.h"
#include "crmpulse/utf8.h"

enum { ID_MAX_BYTES = 128, CODE_MAX_BYTES = 64, TEXT_MAX_BYTES = 1024, PPM_MAX = 1000000, CURRENCY_BYTES = 3 };

/* Redis scripts compute in doubles: integers beyond 2^53 are not exact there. */
#define EXACT_MAX ((int64_t)1 << 53)

/* 9999-12-31T23:59:59.999Z. Calendars end there, and sums of a time and a duration stay far from overflow. */
#define UNIX_MS_MAX INT64_C(253402300799999)

/* The first field of `a` that is not in `b`, or EVENT_FIELD_COUNT. */
static enum event_field first_missing(const uint64_t *a, const uint64_t *b)
{
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++) {
        uint64_t missing = a[w] & ~b[w];
        if (missing)
            return (enum event_field)(w * 64 + __builtin_ctzll(missing));
    }
    return EVENT_FIELD_COUNT;
}

static bool share_a_field(const uint64_t *a, const uint64_t *b)
{
    uint64_t common = 0;
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++)
        common |= a[w] & b[w];
    return common != 0;
}

static enum event_reject check_text(struct slice s, uint32_t min_bytes, uint32_t max_bytes, enum event_reject bad_size)
{
    if (s.n < min_bytes || s.n > max_bytes)
        return bad_size;
    if (!utf8_valid(s.p, s.n) || (s.n && memchr(s.p, '\0', s.n)))
        return REJECT_INVALID_UTF8;
    return REJECT_NONE;
}

static enum event_reject check_currency(struct slice s)
{
    if (s.n != CURRENCY_BYTES)
        return REJECT_BAD_CURRENCY;
    for (uint32_t i = 0; i < s.n; i++)
        if (s.p[i] < 'A' || s.p[i] > 'Z')
            return REJECT_BAD_CURRENCY;
    return REJECT_NONE;
}

static enum event_reject check_range(int64_t value, int64_t min, int64_t max)
{
    return value < min || value > max ? REJECT_OUT_OF_RANGE : REJECT_NONE;
}

static enum event_reject check_unix_ms(int64_t unix_ms)
{
    return unix_ms < 0 ? REJECT_NEGATIVE_TIME : check_range(unix_ms, 0, UNIX_MS_MAX);
}

static enum event_reject check_ppm_list(const union event_value *v)
{
    if (v->ppm.n > EVENT_PPM_LIST_MAX)
        return REJECT_OUT_OF_RANGE;
    for (uint32_t i = 0; i < v->ppm.n; i++)
        if (v->ppm.p[i] < 0 || v->ppm.p[i] > PPM_MAX)
            return REJECT_OUT_OF_RANGE;
    return REJECT_NONE;
}

/* Sequence numbers are only compared, and log positions used as such may be large; a rate divides. */
static enum event_reject check_int(enum event_field f, int64_t value)
{
    if (f == F_ENTITY_SEQ)
        return REJECT_NONE;
    return check_range(value, f == F_RATE_E9 ? 1 : -EXACT_MAX, EXACT_MAX);
}

static enum event_reject check_value(enum event_field f, const union event_value *v)
{
    switch (event_field_info(f)->kind) {
    case FIELD_ID:
        return check_text(v->s, 1, ID_MAX_BYTES, REJECT_BAD_ID);
    case FIELD_CODE:
        return check_text(v->s, 1, CODE_MAX_BYTES, REJECT_BAD_ID);
    case FIELD_TEXT:
        return check_text(v->s, 0, TEXT_MAX_BYTES, REJECT_OUT_OF_RANGE);
    case FIELD_CURRENCY:
        return check_currency(v->s);
    case FIELD_UNIX_MS:
        return check_unix_ms(v->i);
    case FIELD_DURATION_MS:
    case FIELD_COUNT:
        return check_range(v->i, 0, EXACT_MAX);
    case FIELD_MICROS:
    case FIELD_MILLI:
        return check_range(v->i, -EXACT_MAX, EXACT_MAX);
    case FIELD_PPM:
        return check_range(v->i, 0, PPM_MAX);
    case FIELD_INT:
        return check_int(f, v->i);
    case FIELD_BOOL:
        return check_range(v->i, 0, 1);
    case FIELD_PPM_LIST:
        return check_ppm_list(v);
    }
    return REJECT_OUT_OF_RANGE;
}

/* Checks each value and finds money on the way. */
static enum event_reject check_values(const struct event *ev, enum event_field *ret_field, bool *ret_money)
{
    *ret_money = false;
    for (int w = 0; w < EVENT_PRESENT_WORDS; w++) {
        for (uint64_t left = ev->present[w]; left; left &= left - 1) {
            enum event_field f = (enum event_field)(w * 64 + __builtin_ctzll(left));
            *ret_field = f;
            if (f >= EVENT_FIELD_COUNT)
                return REJECT_MALFORMED; /* a stray bit: no decoder sets it */
            enum event_reject reason = check_value(f, &ev->v[f]);
            if (reason != REJECT_NONE)
                return reason;
            *ret_money |= event_field_info(f)->kind == FIELD_MICROS;
        }
    }
    return REJECT_NONE;
}

static bool int_equals_text(int64_t value, const char *text, size_t n)
{
    bool negative = n > 0 && text[0] == '-';
    int64_t parsed = 0;
    for (size_t i = negative; i < n; i++)
        parsed = parsed * 10 + (text[i] - '0'); /* our own table's literals: one or two digits */
    return value == (negative ? -parsed : parsed);
}

static bool value_equals_text(const struct event *ev, enum event_field f, const char *text, size_t n)
{
    if (event_field_info(f)->kind == FIELD_CODE)
        return slice_eq(ev->v[f].s, (struct slice){ text, (uint32_t)n });
    return int_equals_text(ev->v[f].i, text, n);
}

/* `alternatives` is "a|b|c" of length n. */
static bool value_is_listed(const struct event *ev, enum event_field f, const char *alternatives, size_t n)
{
    for (size_t i = 0; i <= n;) {
        const char *bar = i < n ? memchr(alternatives + i, '|', n - i) : NULL;
        size_t length = bar ? (size_t)(bar - alternatives) - i : n - i;
        if (value_equals_text(ev, f, alternatives + i, length))
            return true;
        i += length + 1;
    }
    return false;
}

/* Each rule is "field=a|b"; an absent field keeps it. */
static enum event_reject check_enums(const char *rules, const struct event *ev, enum event_field *ret_field)
{
    while (*rules) {
        size_t name = strcspn(rules, "=");
        size_t length = strcspn(rules, " ");
        int f = event_field_by_name((struct slice){ rules, (uint32_t)name });
        if (f >= 0 && event_has(ev, (enum event_field)f) &&
            !value_is_listed(ev, (enum event_field)f, rules + name + 1, length - name - 1)) {
            *ret_field = (enum event_field)f;
            return REJECT_BAD_ENUM;
        }
        rules += length;
        rules += strspn(rules, " ");
    }
    return REJECT_NONE;
}

/* Counts are at most 2^53, so x 1000 fits. */
static enum event_reject check_scale(const struct event *ev, enum event_field *ret_field)
{
    if (!event_has(ev, F_SCALE_MIN) || !event_has(ev, F_SCALE_MAX))
        return REJECT_NONE;
    int64_t min = ev->v[F_SCALE_MIN].i;
    int64_t max = ev->v[F_SCALE_MAX].i;
    *ret_field = F_SCALE_MAX;
    if (max <= min)
        return REJECT_OUT_OF_RANGE;
    *ret_field = F_SCORE_MILLI;
    if (!event_has(ev, F_SCORE_MILLI))
        return REJECT_NONE;
    return check_range(ev->v[F_SCORE_MILLI].i, min * 1000, max * 1000);
}

/* A period has both ends, in order, and is no longer than what a cost can be spread over day by day. A balance has an end only. */
static enum event_reject check_period(const struct event_type_info *type, const struct event *ev,
                                      enum event_field *ret_field)
{
    bool start = event_has(ev, F_PERIOD_START_MS), end = event_has(ev, F_PERIOD_END_MS);
    *ret_field = start ? F_PERIOD_END_MS : F_PERIOD_START_MS;
    if (start != end && !(type->required[F_PERIOD_END_MS / 64] >> (F_PERIOD_END_MS % 64) & 1))
        return REJECT_MISSING_FIELD;
    if (!start || !end)
        return REJECT_NONE;
    int64_t length_ms = ev->v[F_PERIOD_END_MS].i - ev->v[F_PERIOD_START_MS].i; /* both in 0..UNIX_MS_MAX */
    return check_range(length_ms, 1, EVENT_PERIOD_MAX_MS);
}

static enum event_reject check_future(const struct event *ev, int64_t now_ms, int64_t max_ahead_ms)
{
    int64_t ahead_ms;
    if (__builtin_sub_overflow(ev->v[F_OCCURRED_AT_MS].i, now_ms, &ahead_ms))
        return REJECT_FUTURE_TIME;
    return ahead_ms > max_ahead_ms ? REJECT_FUTURE_TIME : REJECT_NONE;
}

static enum event_reject check_presence(const struct event_type_info *type, const struct event *ev,
                                        enum event_field *ret_field)
{
    *ret_field = first_missing(type->required, ev->present);
    if (*ret_field != EVENT_FIELD_COUNT)
        return REJECT_MISSING_FIELD;
    static const uint64_t nothing[EVENT_PRESENT_WORDS] = { 0 };
    enum event_field first = first_missing(type->any_of, nothing);
    if (first == EVENT_FIELD_COUNT || share_a_field(type->any_of, ev->present))
        return REJECT_NONE;
    *ret_field = first;
    return REJECT_MISSING_FIELD;
}

static enum event_reject validate(const struct event_type_info *type, const struct event *ev, int64_t now_ms,
                                  int64_t max_ahead_ms, enum event_field *ret_field)
{
    bool money;
    enum event_reject reason = check_presence(type, ev, ret_field);
    if (reason == REJECT_NONE)
        reason = check_values(ev, ret_field, &money);
    if (reason == REJECT_NONE)
        reason = check_enums(type->enums, ev, ret_field);
    if (reason == REJECT_NONE)
        reason = check_scale(ev, ret_field);
    if (reason == REJECT_NONE)
        reason = check_period(type, ev, ret_field);
    if (reason != REJECT_NONE)
        return reason;
    *ret_field = F_CURRENCY;
    if (money && !event_has(ev, F_CURRENCY))
        return REJECT_MONEY_WITHOUT_CURRENCY;
    *ret_field = F_OCCURRED_AT_MS;
    return check_future(ev, now_ms, max_ahead_ms);
}

enum event_reject event_validate(const struct event_schema *schema, const struct event *ev, int64_t now_ms,
                                 int64_t max_ahead_ms, enum event_field *ret_field)
{
    *ret_field = EVENT_FIELD_COUNT;
    if ((unsigned)ev->type >= EVENT_TYPE_COUNT)
        return REJECT_UNKNOWN_TYPE;
    enum event_reject reason = validate(&schema->type[ev->type], ev, now_ms, max_ahead_ms, ret_field);
    if (reason == REJECT_NONE)
        *ret_field = EVENT_FIELD_COUNT;
    return reason;
}

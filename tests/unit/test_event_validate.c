/* event_validate: one row for each rule, on both sides of each limit. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "crmpulse/event.h"

#define NOW_MS           INT64_C(1741568400000)
#define AHEAD_MS         INT64_C(3600000)
#define EXACT_MAX        (INT64_C(1) << 53)
#define YEAR_9999_END_MS INT64_C(253402300799999)

static struct event_schema schema;
static struct event ev;

static void init_schema(void)
{
    event_schema_init(&schema);
}

TestSuite(event_validate, .init = init_schema);

static void start(enum event_type type)
{
    event_clear(&ev);
    ev.type = type;
    event_set_str(&ev, F_EVENT_ID, SLICE("e1"));
    event_set_str(&ev, F_ORG_ID, SLICE("acme"));
    event_set_int(&ev, F_OCCURRED_AT_MS, NOW_MS);
}

static void start_deal_closed(void)
{
    start(EV_DEAL_CLOSED);
    event_set_str(&ev, F_DEAL_ID, SLICE("D1"));
    event_set_str(&ev, F_OUTCOME, SLICE("won"));
    event_set_int(&ev, F_AMOUNT_MICROS, 60000000000);
    event_set_str(&ev, F_CURRENCY, SLICE("CNY"));
}

static void start_survey_answered(int64_t score_milli, int64_t scale_min, int64_t scale_max)
{
    start(EV_SURVEY_ANSWERED);
    event_set_str(&ev, F_RESPONSE_ID, SLICE("r1"));
    event_set_str(&ev, F_KIND, SLICE("csat"));
    event_set_int(&ev, F_SCORE_MILLI, score_milli);
    event_set_int(&ev, F_SCALE_MIN, scale_min);
    event_set_int(&ev, F_SCALE_MAX, scale_max);
}

static void unset(enum event_field f)
{
    ev.present[f >> 6] &= ~((uint64_t)1 << (f & 63));
}

static void expect(enum event_reject want, enum event_field want_field, const char *what)
{
    enum event_field f = F_TYPE;
    enum event_reject got = event_validate(&schema, &ev, NOW_MS, AHEAD_MS, &f);
    cr_expect_eq(got, want, "%s: %s instead of %s", what, event_reject_name(got), event_reject_name(want));
    cr_expect_eq(f, want_field, "%s: field %d instead of %d", what, (int)f, (int)want_field);
}

static void expect_good(const char *what)
{
    expect(REJECT_NONE, EVENT_FIELD_COUNT, what);
}

Test(event_validate, a_good_event)
{
    start_deal_closed();
    expect_good("deal_closed");
}

Test(event_validate, unknown_type)
{
    start_deal_closed();
    ev.type = EVENT_TYPE_COUNT;
    expect(REJECT_UNKNOWN_TYPE, EVENT_FIELD_COUNT, "past the last");
    ev.type = (enum event_type) - 1;
    expect(REJECT_UNKNOWN_TYPE, EVENT_FIELD_COUNT, "negative");
}

Test(event_validate, each_required_field)
{
    static const enum event_field required[] = { F_EVENT_ID, F_ORG_ID,  F_OCCURRED_AT_MS,
                                                 F_DEAL_ID,  F_OUTCOME, F_AMOUNT_MICROS };
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        start_deal_closed();
        unset(required[i]);
        expect(REJECT_MISSING_FIELD, required[i], event_field_info(required[i])->name);
    }
}

Test(event_validate, one_of_two_is_enough)
{
    start(EV_LEAD_CONVERTED);
    event_set_str(&ev, F_LEAD_ID, SLICE("L1"));
    enum event_field f;
    cr_assert_eq(event_validate(&schema, &ev, NOW_MS, AHEAD_MS, &f), REJECT_MISSING_FIELD);
    cr_assert(f == F_CUSTOMER_ID || f == F_DEAL_ID);
    event_set_str(&ev, F_DEAL_ID, SLICE("D1"));
    expect_good("with a deal");
    unset(F_DEAL_ID);
    event_set_str(&ev, F_CUSTOMER_ID, SLICE("C1"));
    expect_good("with a customer");
}

Test(event_validate, an_envelope_field_can_be_the_one_of_many)
{
    start(EV_DEAL_AMENDED);
    event_set_str(&ev, F_DEAL_ID, SLICE("D1"));
    event_set_str(&ev, F_NOTE, SLICE("nothing else"));
    enum event_field f;
    cr_assert_eq(event_validate(&schema, &ev, NOW_MS, AHEAD_MS, &f), REJECT_MISSING_FIELD);
    event_set_str(&ev, F_PRODUCT_ID, SLICE("P1"));
    expect_good("with a product");
}

struct text_case {
    const char *what;
    enum event_field field;
    uint32_t bytes;
    enum event_reject want;
};

Test(event_validate, lengths_of_texts)
{
    static const struct text_case cases[] = {
        { "empty id", F_DEAL_ID, 0, REJECT_BAD_ID },         { "id of 1", F_DEAL_ID, 1, REJECT_NONE },
        { "id of 128", F_DEAL_ID, 128, REJECT_NONE },        { "id of 129", F_DEAL_ID, 129, REJECT_BAD_ID },
        { "id of 64 kB", F_EVENT_ID, 65536, REJECT_BAD_ID }, { "empty event id", F_EVENT_ID, 0, REJECT_BAD_ID },
        { "empty org", F_ORG_ID, 0, REJECT_BAD_ID },         { "empty owner", F_OWNER_ID, 0, REJECT_BAD_ID },
        { "empty code", F_COMPETITOR, 0, REJECT_BAD_ID },    { "code of 64", F_COMPETITOR, 64, REJECT_NONE },
        { "code of 65", F_COMPETITOR, 65, REJECT_BAD_ID },   { "empty text", F_REASON, 0, REJECT_NONE },
        { "text of 1024", F_REASON, 1024, REJECT_NONE },     { "text of 1025", F_REASON, 1025, REJECT_OUT_OF_RANGE },
    };
    static char a[65536];
    memset(a, 'a', sizeof a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_deal_closed();
        event_set_str(&ev, cases[i].field, (struct slice){ a, cases[i].bytes });
        expect(cases[i].want, cases[i].want == REJECT_NONE ? EVENT_FIELD_COUNT : cases[i].field, cases[i].what);
    }
}

Test(event_validate, bytes_of_texts)
{
    static const struct slice bad[] = { SLICE("a\xFF"), SLICE("\xED\xA0\x80"), SLICE("\xC0\x80"), SLICE("a\0b"),
                                        SLICE("\0") };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start_deal_closed();
        event_set_str(&ev, F_DEAL_ID, bad[i]);
        expect(REJECT_INVALID_UTF8, F_DEAL_ID, "id");
        start_deal_closed();
        event_set_str(&ev, F_REASON, bad[i]);
        expect(REJECT_INVALID_UTF8, F_REASON, "text");
    }
    start_deal_closed();
    event_set_str(&ev, F_DEAL_ID, SLICE("{}|\r\n\x01<script>%s../\xE2\x80\xAE"));
    expect_good("ugly, but text");
}

struct int_case {
    const char *what;
    enum event_type type;
    enum event_field field;
    int64_t value;
    enum event_reject want;
};

Test(event_validate, ranges_of_numbers)
{
    static const struct int_case cases[] = {
        { "count 0", EV_DEAL_CLOSED, F_ITEMS, 0, REJECT_NONE },
        { "count -1", EV_DEAL_CLOSED, F_ITEMS, -1, REJECT_OUT_OF_RANGE },
        { "count 2^53", EV_DEAL_CLOSED, F_ITEMS, EXACT_MAX, REJECT_NONE },
        { "count 2^53 + 1", EV_DEAL_CLOSED, F_ITEMS, EXACT_MAX + 1, REJECT_OUT_OF_RANGE },
        { "count INT64_MIN", EV_DEAL_CLOSED, F_ITEMS, INT64_MIN, REJECT_OUT_OF_RANGE },
        { "amount 2^53", EV_DEAL_CLOSED, F_AMOUNT_MICROS, EXACT_MAX, REJECT_NONE },
        { "amount -2^53", EV_DEAL_CLOSED, F_AMOUNT_MICROS, -EXACT_MAX, REJECT_NONE },
        { "amount 2^53 + 1", EV_DEAL_CLOSED, F_AMOUNT_MICROS, EXACT_MAX + 1, REJECT_OUT_OF_RANGE },
        { "amount -2^53 - 1", EV_DEAL_CLOSED, F_AMOUNT_MICROS, -EXACT_MAX - 1, REJECT_OUT_OF_RANGE },
        { "amount INT64_MAX", EV_DEAL_CLOSED, F_AMOUNT_MICROS, INT64_MAX, REJECT_OUT_OF_RANGE },
        { "amount INT64_MIN", EV_DEAL_CLOSED, F_AMOUNT_MICROS, INT64_MIN, REJECT_OUT_OF_RANGE },
        { "time 0", EV_DEAL_CLOSED, F_OPENED_AT_MS, 0, REJECT_NONE },
        { "time -1", EV_DEAL_CLOSED, F_OPENED_AT_MS, -1, REJECT_NEGATIVE_TIME },
        { "time INT64_MIN", EV_DEAL_CLOSED, F_OPENED_AT_MS, INT64_MIN, REJECT_NEGATIVE_TIME },
        { "end of 9999", EV_DEAL_CLOSED, F_OPENED_AT_MS, YEAR_9999_END_MS, REJECT_NONE },
        { "year 10000", EV_DEAL_CLOSED, F_OPENED_AT_MS, YEAR_9999_END_MS + 1, REJECT_OUT_OF_RANGE },
        { "time INT64_MAX", EV_DEAL_CLOSED, F_OPENED_AT_MS, INT64_MAX, REJECT_OUT_OF_RANGE },
        { "sequence INT64_MIN", EV_DEAL_CLOSED, F_ENTITY_SEQ, INT64_MIN, REJECT_NONE },
        { "version INT64_MAX", EV_DEAL_CLOSED, F_SCHEMA_VERSION, INT64_MAX, REJECT_OUT_OF_RANGE },
        { "occurred -1", EV_DEAL_CLOSED, F_OCCURRED_AT_MS, -1, REJECT_NEGATIVE_TIME },
        { "occurred 1970", EV_DEAL_CLOSED, F_OCCURRED_AT_MS, 0, REJECT_NONE },
        { "occurred in an hour", EV_DEAL_CLOSED, F_OCCURRED_AT_MS, NOW_MS + AHEAD_MS, REJECT_NONE },
        { "occurred in an hour and 1 ms", EV_DEAL_CLOSED, F_OCCURRED_AT_MS, NOW_MS + AHEAD_MS + 1, REJECT_FUTURE_TIME },
        { "occurred in 2999", EV_DEAL_CLOSED, F_OCCURRED_AT_MS, INT64_C(32472144000000), REJECT_FUTURE_TIME },
        { "ppm 0", EV_LEAD_SCORED, F_PROB_PPM, 0, REJECT_NONE },
        { "ppm 10^6", EV_LEAD_SCORED, F_PROB_PPM, 1000000, REJECT_NONE },
        { "ppm 10^6 + 1", EV_LEAD_SCORED, F_PROB_PPM, 1000001, REJECT_OUT_OF_RANGE },
        { "ppm -1", EV_LEAD_SCORED, F_PROB_PPM, -1, REJECT_OUT_OF_RANGE },
        { "duration -1", EV_FEATURE_USED, F_DURATION_MS, -1, REJECT_OUT_OF_RANGE },
        { "duration 0", EV_FEATURE_USED, F_DURATION_MS, 0, REJECT_NONE },
        { "yes or no 2", EV_TICKET_HOLD, F_ON, 2, REJECT_OUT_OF_RANGE },
        { "rate 0", EV_FX_RATE_SET, F_RATE_E9, 0, REJECT_OUT_OF_RANGE },
        { "rate 10^-9", EV_FX_RATE_SET, F_RATE_E9, 1, REJECT_NONE },
        { "target -2^53", EV_TARGET_SET, F_VALUE, -EXACT_MAX, REJECT_NONE },
        { "target INT64_MIN", EV_TARGET_SET, F_VALUE, INT64_MIN, REJECT_OUT_OF_RANGE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_deal_closed();
        event_set_str(&ev, F_LEAD_ID, SLICE("L1"));
        event_set_str(&ev, F_USER_ID, SLICE("u1"));
        event_set_str(&ev, F_FEATURE, SLICE("f"));
        event_set_str(&ev, F_TICKET_ID, SLICE("T1"));
        event_set_str(&ev, F_FROM_CURRENCY, SLICE("USD"));
        event_set_str(&ev, F_TO_CURRENCY, SLICE("EUR"));
        event_set_int(&ev, F_VALID_FROM_MS, 0);
        event_set_str(&ev, F_TARGET_ID, SLICE("t"));
        event_set_str(&ev, F_KPI_ID, SLICE("sales"));
        event_set_str(&ev, F_SUBJECT, SLICE("rep:ann"));
        event_set_str(&ev, F_CYCLE, SLICE("2025-03"));
        ev.type = cases[i].type;
        event_set_int(&ev, cases[i].field, cases[i].value);
        expect(cases[i].want, cases[i].want == REJECT_NONE ? EVENT_FIELD_COUNT : cases[i].field, cases[i].what);
    }
}

Test(event_validate, future_without_overflow)
{
    start_deal_closed();
    enum event_field f;
    cr_assert_eq(event_validate(&schema, &ev, INT64_MIN, INT64_MAX, &f), REJECT_FUTURE_TIME);
    cr_assert_eq(event_validate(&schema, &ev, 0, INT64_MAX, &f), REJECT_NONE);
    cr_assert_eq(event_validate(&schema, &ev, INT64_MAX, 0, &f), REJECT_NONE);
}

Test(event_validate, enums)
{
    start_deal_closed();
    event_set_str(&ev, F_OUTCOME, SLICE("lost"));
    expect_good("the last alternative");
    static const struct slice bad[] = { SLICE("wo"), SLICE("won|lost"), SLICE("Won"), SLICE("lostt") };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        event_set_str(&ev, F_OUTCOME, bad[i]);
        expect(REJECT_BAD_ENUM, F_OUTCOME, bad[i].p);
    }
}

Test(event_validate, second_rule_of_two)
{
    start(EV_COST_INCURRED);
    event_set_str(&ev, F_COST_ID, SLICE("c"));
    event_set_str(&ev, F_CATEGORY, SLICE("licences"));
    event_set_int(&ev, F_AMOUNT_MICROS, 1);
    event_set_str(&ev, F_CURRENCY, SLICE("EUR"));
    expect_good("both absent");
    event_set_str(&ev, F_PURPOSE, SLICE("crm"));
    event_set_str(&ev, F_PHASE, SLICE("never"));
    expect(REJECT_BAD_ENUM, F_PHASE, "phase");
    event_set_str(&ev, F_PHASE, SLICE("continuing"));
    expect_good("both good");
}

Test(event_validate, enums_of_numbers)
{
    for (int64_t sentiment = -2; sentiment <= 2; sentiment++) {
        start(EV_FEEDBACK_RECEIVED);
        event_set_str(&ev, F_FEEDBACK_ID, SLICE("f"));
        event_set_str(&ev, F_CUSTOMER_ID, SLICE("c"));
        event_set_str(&ev, F_CHANNEL, SLICE("mail"));
        event_set_int(&ev, F_SENTIMENT, sentiment);
        if (sentiment == -2 || sentiment == 2)
            expect(REJECT_BAD_ENUM, F_SENTIMENT, "outside");
        else
            expect_good("inside");
    }
}

Test(event_validate, conformant_is_a_yes_or_no_for_a_process)
{
    start(EV_PROCESS_FINISHED);
    event_set_str(&ev, F_RUN_ID, SLICE("r"));
    event_set_str(&ev, F_PROCESS, SLICE("p"));
    event_set_int(&ev, F_STARTED_AT_MS, 5);
    event_set_int(&ev, F_CONFORMANT, 1);
    expect_good("yes");
    event_set_int(&ev, F_CONFORMANT, 2);
    expect(REJECT_BAD_ENUM, F_CONFORMANT, "a count");
}

Test(event_validate, money)
{
    start_deal_closed();
    unset(F_CURRENCY);
    expect(REJECT_MONEY_WITHOUT_CURRENCY, F_CURRENCY, "no currency");
    static const struct slice bad[] = { SLICE(""),
                                        SLICE("EU"),
                                        SLICE("EURO"),
                                        SLICE("eur"),
                                        SLICE("E1R"),
                                        SLICE("\xC3\x84"
                                              "A") };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        event_set_str(&ev, F_CURRENCY, bad[i]);
        expect(REJECT_BAD_CURRENCY, F_CURRENCY, bad[i].p);
    }
    start(EV_LEAD_CREATED);
    event_set_str(&ev, F_LEAD_ID, SLICE("L1"));
    event_set_str(&ev, F_OWNER_ID, SLICE("ann"));
    expect_good("no money, no currency");
    event_set_int(&ev, F_EST_AMOUNT_MICROS, 0);
    expect(REJECT_MONEY_WITHOUT_CURRENCY, F_CURRENCY, "optional money");
}

/* A period has both ends, at least a millisecond, at most five years; a balance has only an end. */
Test(event_validate, periods)
{
    static const struct {
        int64_t start_ms, end_ms; /* -1: absent */
        enum event_reject want;
        enum event_field field;
    } cases[] = {
        { -1, -1, REJECT_NONE, EVENT_FIELD_COUNT },
        { 1000, 1001, REJECT_NONE, EVENT_FIELD_COUNT },
        { 1000, 1000, REJECT_OUT_OF_RANGE, F_PERIOD_END_MS },
        { 1000, 999, REJECT_OUT_OF_RANGE, F_PERIOD_END_MS },
        { 0, EVENT_PERIOD_MAX_MS, REJECT_NONE, EVENT_FIELD_COUNT },
        { 0, EVENT_PERIOD_MAX_MS + 1, REJECT_OUT_OF_RANGE, F_PERIOD_END_MS },
        { 1000, -1, REJECT_MISSING_FIELD, F_PERIOD_END_MS },
        { -1, 1000, REJECT_MISSING_FIELD, F_PERIOD_START_MS },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start(EV_COST_INCURRED);
        event_set_str(&ev, F_COST_ID, SLICE("c1"));
        event_set_str(&ev, F_CATEGORY, SLICE("ads"));
        event_set_int(&ev, F_AMOUNT_MICROS, 1);
        event_set_str(&ev, F_CURRENCY, SLICE("CNY"));
        if (cases[i].start_ms >= 0)
            event_set_int(&ev, F_PERIOD_START_MS, cases[i].start_ms);
        if (cases[i].end_ms >= 0)
            event_set_int(&ev, F_PERIOD_END_MS, cases[i].end_ms);
        char what[32];
        snprintf(what, sizeof(what), "period %zu", i);
        expect(cases[i].want, cases[i].field, what);
    }
    start(EV_BALANCE_REPORTED);
    event_set_str(&ev, F_ITEM, SLICE("equity"));
    event_set_int(&ev, F_PERIOD_END_MS, NOW_MS);
    event_set_int(&ev, F_AMOUNT_MICROS, 1);
    event_set_str(&ev, F_CURRENCY, SLICE("CNY"));
    expect_good("a balance");
}

Test(event_validate, scores)
{
    start_survey_answered(1000, 1, 5);
    expect_good("lowest");
    start_survey_answered(5000, 1, 5);
    expect_good("highest");
    start_survey_answered(999, 1, 5);
    expect(REJECT_OUT_OF_RANGE, F_SCORE_MILLI, "below");
    start_survey_answered(5001, 1, 5);
    expect(REJECT_OUT_OF_RANGE, F_SCORE_MILLI, "above");
    start_survey_answered(5000, 5, 5);
    expect(REJECT_OUT_OF_RANGE, F_SCALE_MAX, "no scale");
    start_survey_answered(3000, 5, 1);
    expect(REJECT_OUT_OF_RANGE, F_SCALE_MAX, "upside down");
    start_survey_answered(EXACT_MAX, EXACT_MAX - 1, EXACT_MAX);
    expect(REJECT_OUT_OF_RANGE, F_SCORE_MILLI, "a scale of extremes does not overflow");
}

Test(event_validate, distributions)
{
    static int32_t ppm[EVENT_PPM_LIST_MAX + 1];
    start(EV_TARGET_SET);
    event_set_str(&ev, F_TARGET_ID, SLICE("t"));
    event_set_str(&ev, F_KPI_ID, SLICE("sales"));
    event_set_str(&ev, F_SUBJECT, SLICE("rep:ann"));
    event_set_str(&ev, F_CYCLE, SLICE("2025"));
    event_set_int(&ev, F_VALUE, 7);
    event_mark(&ev, F_DISTRIBUTION_PPM);
    ev.v[F_DISTRIBUTION_PPM].ppm.p = ppm;
    ev.v[F_DISTRIBUTION_PPM].ppm.n = EVENT_PPM_LIST_MAX;
    expect_good("366 entries");
    ev.v[F_DISTRIBUTION_PPM].ppm.n++;
    expect(REJECT_OUT_OF_RANGE, F_DISTRIBUTION_PPM, "367 entries");
    ev.v[F_DISTRIBUTION_PPM].ppm.n = 3;
    ppm[2] = 1000001;
    expect(REJECT_OUT_OF_RANGE, F_DISTRIBUTION_PPM, "over 10^6");
    ppm[2] = -1;
    expect(REJECT_OUT_OF_RANGE, F_DISTRIBUTION_PPM, "negative");
}

/* The codec, the definitions and the comparisons that fuzz targets share. */
#include "fuzz.h"

#include "daemon/config/node.h"

#ifdef CRMPULSE_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    return fuzz_one(bytes, n);
}
#endif

const struct event_codec *fuzz_codec(void)
{
    static struct event_codec codec;
    if (!codec.pb.max_bytes)
        FUZZ_CHECK(event_codec_init(&codec) == 0);
    return &codec;
}

void fuzz_quiet(void *ctx, const struct source *s, struct position at, const char *message)
{
    (void)ctx, (void)s, (void)at, (void)message;
}

const struct config *fuzz_config(void)
{
    static struct config *config;
    static struct arena arena;
    static const char text[] =
        "catalogue: none\n"
        "orgs: {acme: {zone: Asia/Shanghai, currency: CNY, cycle: month}}\n"
        "measures:\n"
        "  won: {fact: deal_close, where: \"outcome == 'won'\", agg: count}\n"
        "  won_amount: {fact: deal_close, where: \"outcome == 'won'\", agg: sum, value: amount}\n"
        "  lost: {fact: deal_close, where: \"outcome == 'lost'\", agg: count}\n"
        "  cycle: {fact: deal_close, agg: duration, value: cycle_ms}\n"
        "  dearest: {fact: deal_close, agg: max, value: amount}\n"
        "  open: {fact: deal_open, agg: count}\n"
        "  buyers: {fact: txn, agg: distinct}\n"
        "  repeat: {fact: txn, agg: distinct, at_least: 2}\n"
        "kpis:\n"
        "  deals: {title: deals, title_zh: x, perspective: F, unit: count, direction: up, empty: 0, value: won,"
        " windows: [5m, 24h, 30d, d, m, q], dims: [O, T, R]}\n"
        "  amount: {title: amount, title_zh: x, perspective: F, unit: micros, direction: up, empty: 0, value: "
        "won_amount,"
        " windows: [7d, m], dims: [O, R]}\n"
        "  rate: {title: rate, title_zh: x, perspective: F, unit: ratio, direction: up, empty: null, numerator: won,"
        " denominator: won + lost, windows: [30d, m], dims: [O, T, R]}\n"
        "  length: {title: length, title_zh: x, perspective: I, form: duration, unit: ms, direction: down, empty: null,"
        " of: cycle, windows: [30d, m], dims: [O, R]}\n"
        "  pipeline: {title: open, title_zh: x, perspective: F, unit: count, direction: neutral, empty: 0, value: open,"
        " windows: [g], dims: [O, R]}\n"
        "  customers: {title: buyers, title_zh: x, perspective: C, unit: count, direction: up, empty: 0, value: buyers,"
        " windows: [24h, 30d, m], dims: [O, R]}\n"
        "  again: {title: again, title_zh: x, perspective: C, unit: ratio, direction: up, empty: null, numerator: "
        "repeat,"
        " denominator: buyers, windows: [30d], dims: [O]}\n"
        "boards:\n"
        "  sellers: {kpi: amount, window: m, dim: rep, ties: competition, changes: 5m}\n"
        "rules:\n"
        "  rate_low: {kpi: rate, window: 30d, dims: [org, rep], fire: \"< 0.45\", clear: \">= 0.50\","
        " critical: \"< 0.30\", min_samples: 2, for: 1h, level: warning}\n"
        "scorecards:\n"
        "  sales:\n"
        "    version: \"1\"\n"
        "    effective_from: 2025-01-01\n"
        "    dim: rep\n"
        "    perspectives:\n"
        "      sales:\n"
        "        weight: 10000\n"
        "        kpis:\n"
        "          deals: {weight: 5000, window: m, curve: linear, floor: 0, goal: 5, cap: 1.2, objective: win}\n"
        "          rate: {weight: 5000, window: m, curve: ratio, goal: 0.5, objective: win what is pursued}\n";
    static const struct source source = { .name = "fuzz", .bytes = { text, sizeof text - 1 } };
    if (config)
        return config;
    struct config_problems problems = { 0 };
    bool ok;
    arena_init(&arena, 0, 0);
    struct node *map = node_parse(&arena, &source, fuzz_quiet, NULL, &ok);
    config = map ? config_load_map(map, &problems) : NULL;
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    FUZZ_CHECK(config);
    return config;
}

static bool same_value(enum field_kind kind, const union event_value *a, const union event_value *b)
{
    if (kind == FIELD_PPM_LIST)
        return a->ppm.n == b->ppm.n && (!a->ppm.n || memcmp(a->ppm.p, b->ppm.p, a->ppm.n * sizeof *a->ppm.p) == 0);
    return kind <= FIELD_CURRENCY ? slice_eq(a->s, b->s) : a->i == b->i;
}

bool fuzz_same_event(const struct event *a, const struct event *b)
{
    if (a->type != b->type || memcmp(a->present, b->present, sizeof a->present) != 0)
        return false;
    for (int f = 0; f < EVENT_FIELD_COUNT; f++)
        if (event_has(a, (enum event_field)f) &&
            !same_value(event_field_info((enum event_field)f)->kind, &a->v[f], &b->v[f]))
            return false;
    return true;
}

/* JSON holds numbers that protobuf's 32 bits do not. */
static bool beyond_32_bits(const struct event *ev)
{
    for (int f = 0; f < EVENT_FIELD_COUNT; f++)
        if (event_has(ev, (enum event_field)f) && event_field_info((enum event_field)f)->kind > FIELD_CURRENCY &&
            event_field_info((enum event_field)f)->kind != FIELD_PPM_LIST &&
            (ev->v[f].i > INT32_MAX || ev->v[f].i < INT32_MIN))
            return true;
    return false;
}

static void through_protobuf(struct arena *a, const struct event *ev)
{
    static struct event again;
    const struct event_codec *codec = fuzz_codec();
    uint8_t *first, *second;
    size_t n = event_pb_encode(&codec->pb, ev, a, &first);
    if (!n) {
        FUZZ_CHECK(beyond_32_bits(ev));
        return;
    }
    if (n > EVENT_PB_MAX_BYTES)
        return;
    FUZZ_CHECK(event_pb_decode(&codec->pb, a, first, n, &again) == REJECT_NONE);
    FUZZ_CHECK(fuzz_same_event(ev, &again));
    FUZZ_CHECK(event_pb_encode(&codec->pb, &again, a, &second) == n && memcmp(first, second, n) == 0);
}

static void through_json(struct arena *a, const struct event *ev)
{
    static struct event again;
    struct event_note note;
    const struct event_codec *codec = fuzz_codec();
    struct slice text = event_json_encode(&codec->schema, ev, a);
    FUZZ_CHECK(text.p);
    if (text.n > EVENT_JSON_MAX_BYTES)
        return; /* escapes made it longer than what was read */
    FUZZ_CHECK(event_json_decode(&codec->schema, a, text.p, text.n, &again, &note) == REJECT_NONE);
    FUZZ_CHECK(note.unknown_keys == 0 && fuzz_same_event(ev, &again));
    FUZZ_CHECK(slice_eq(event_json_encode(&codec->schema, &again, a), text));
}

bool fuzz_both_codecs(struct arena *a, const struct event *ev)
{
    /* JSON lets a count stand where a yes or no belongs; event_validate refuses it (bad_enum). */
    if (ev->type == EV_PROCESS_FINISHED && (uint64_t)event_int(ev, F_CONFORMANT, 0) > 1)
        return false;
    through_protobuf(a, ev);
    through_json(a, ev);
    return true;
}

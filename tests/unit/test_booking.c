/* What is booked: which switches decide it, found out by booking the events of all golden cases under each value; what a shard that was booked by other
 * definitions is answered with. */
#include "config_fixture.h"
#include "crmpulse/cell.h"
#include "golden_events.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- what a configuration says it books ---- */

enum { PAIRS_MAX = 2000 };

struct shelf {
    struct slice pair[2 * PAIRS_MAX];
    struct booked held;
};

/* As the daemon would have written it. */
static struct booked shelve(struct shelf *s, const struct config *c)
{
    uint32_t n = 0;
    for (; n < c->booking.n; n++) {
        cr_assert_lt(n, PAIRS_MAX);
        s->pair[2 * n] = slice_of(c->booking.row[n].key);
        s->pair[2 * n + 1] = slice_of(c->booking.row[n].value);
    }
    s->pair[2 * n] = SLICE("hash");
    s->pair[2 * n + 1] = slice_of(c->booking.hash);
    return s->held = (struct booked){ .pair = s->pair, .n_pairs = n + 1, .newest_ms = INT64_C(1741226400000) };
}

static struct loaded with_switch(const char *name, const char *value)
{
    char set[400];
    snprintf(set, sizeof set, "switches.%s=%s", name, value);
    const char *sets[] = { set };
    return load_with(NULL, 1, sets);
}

/* Value number i of a switch that is not its default; false: no more. */
static bool other_value(const struct config_switch *s, int i, char to[static 200])
{
    if (strcmp(s->choices, "a list") == 0) {
        snprintf(to, 200, "[report, erp]");
        return i == 0;
    }
    if (strncmp(s->choices, "a number", 8) == 0) {
        snprintf(to, 200, "%lld", strtoll(s->value, NULL, 10) + 3);
        return i == 0 && !strstr(s->choices, ",");
    }
    char all[400], *save = NULL;
    snprintf(all, sizeof all, "%s", s->choices);
    char *word = strtok_r(all, ", ", &save);
    for (int k = 0; word && k <= i; k++)
        word = strtok_r(NULL, ", ", &save);
    snprintf(to, 200, "%s", word ? word : "");
    return word != NULL;
}

Test(booking, switches_say_whether_they_book)
{
    struct loaded base = load(NULL);
    const struct config *c = must_load(&base);
    static struct shelf shelf;
    struct booked held = shelve(&shelf, c);
    char value[200], why[BOOKING_WHY_MAX];
    cr_assert_eq(booking_compare(c, &held, why), BOOKING_SAME);
    for (uint32_t s = 0; s < c->n_switches; s++)
        for (int i = 0; other_value(&c->switches[s], i, value); i++) {
            struct loaded other = with_switch(c->switches[s].name, value);
            cr_assert(other.config, "%s=%s", c->switches[s].name, value);
            enum booking_match match = booking_compare(other.config, &held, why);
            cr_expect_eq(match, c->switches[s].books ? BOOKING_OTHER : BOOKING_FREE, "%s=%s: %s", c->switches[s].name,
                         value, why);
            if (match == BOOKING_OTHER)
                cr_expect(strstr(why, c->switches[s].name), "%s", why);
            done(&other);
        }
    done(&base);
}

/* ---- what is really booked ---- */

static uint64_t deltas_sum(struct engine *e)
{
    const struct cell_delta *d;
    uint64_t sum = 0;
    for (uint32_t n = engine_deltas(e, &d), k = 0; k < n; k++) {
        uint64_t name = XXH3_64bits_withSeed(d[k].field.p, d[k].field.n, XXH3_64bits(d[k].org.p, d[k].org.n));
        name = XXH3_64bits_withSeed(&d[k].pane_ms, sizeof d[k].pane_ms, name + (uint64_t)d[k].grain);
        sum += d[k].grain == CELL_EVIDENCE ? 0 : name * (uint64_t)d[k].value;
    }
    engine_flush_begun(e);
    engine_flush_applied(e);
    return sum;
}

/* The sum of all cells, each weighed by a hash of its name: equal sums are equal cells. */
static uint64_t cells_sum(const struct config *c, const struct history *h)
{
    const struct engine_options opt = { .all_in_memory = true };
    struct engine *e = engine_new(&c->defs, &opt);
    struct event_codec codec = { 0 };
    struct arena arena;
    uint64_t sum = 0;
    arena_init(&arena, 0, 0);
    cr_assert_eq(event_codec_init(&codec), 0);
    for (uint32_t i = 0; i < h->n; i++) {
        struct event ev;
        if (history_event(h, i, &codec, &arena, &ev) && engine_apply(e, &ev, INT64_MIN) == APPLY_DONE)
            sum += deltas_sum(e);
    }
    arena_release(&arena);
    engine_free(e);
    return sum;
}

/* A switch that changes one cell and is not said to book would let a query answer with figures of another value. */
Test(booking, switches_that_do_not_book_change_no_cell)
{
    struct loaded base = load(NULL);
    const struct config *c = must_load(&base);
    struct history h = { 0 };
    char value[200];
    history_gather(&h, 4); /* a part is enough, and quick */
    uint64_t want = cells_sum(c, &h);
    for (uint32_t s = 0; s < c->n_switches; s++)
        for (int i = 0; !c->switches[s].books && other_value(&c->switches[s], i, value); i++) {
            struct loaded other = with_switch(c->switches[s].name, value);
            cr_expect_eq(cells_sum(other.config, &h), want, "%s=%s", c->switches[s].name, value);
            done(&other);
        }
    struct loaded other = with_switch("sales_basis", "orders");
    cr_assert_neq(cells_sum(other.config, &h), want);
    done(&other);
    arena_release(&h.arena);
    free(h.event);
    done(&base);
}

/* ---- answers ---- */

static enum booking_match ask(const char *was, const char *is, const struct booked *more, char why[BOOKING_WHY_MAX])
{
    static struct shelf shelf;
    struct loaded a = load(was), b = load(is);
    struct booked held = shelve(&shelf, must_load(&a));
    if (more) {
        held.pane = more->pane;
        held.n_panes = more->n_panes;
    }
    enum booking_match match = booking_compare(must_load(&b), &held, why);
    done(&a);
    done(&b);
    return match;
}

Test(booking, what_differs_is_named)
{
    char why[BOOKING_WHY_MAX];
    cr_assert_eq(ask("log: {level: info}\n", "switches: {sales_basis: orders, csat_mode: mean}\n", NULL, why),
                 BOOKING_OTHER);
    cr_assert_str_eq(why, "switch sales_basis: Redis holds 'deals', asked is 'orders'");
    cr_assert_eq(ask("switches: {followup_days: 7}\n", "switches: {followup_days: 9}\n", NULL, why), BOOKING_OTHER);
    cr_assert_str_eq(why, "switch followup_days: Redis holds '7', asked is '9'");
    cr_assert_eq(ask("log: {level: info}\n",
                     "measures: {leads_created: {fact: lead, where: \"won == 1\", agg: count}}\n", NULL, why),
                 BOOKING_OTHER);
    cr_assert(strncmp(why, "measure leads_created: Redis holds '", 36) == 0, "%s", why);
}

Test(booking, fine_panes_of_another_length_are_others)
{
    static const char kpi[] =
        "measures: {sold: {fact: deal_close, agg: count}}\n"
        "kpis: {x: {title: x, perspective: F, unit: count, value: sold, windows: [5m], dims: [O]}}\n";
    char ten[400], five[400], why[BOOKING_WHY_MAX];
    snprintf(ten, sizeof ten, "catalogue: none\ntime: {fine_pane: 10s}\n%s", kpi);
    snprintf(five, sizeof five, "catalogue: none\n%s", kpi);
    cr_assert_eq(ask(ten, ten, NULL, why), BOOKING_SAME, "%s", why);
    cr_assert_eq(ask(five, five, NULL, why), BOOKING_SAME, "%s", why);
    cr_assert_eq(ask(ten, five, NULL, why), BOOKING_OTHER);
    cr_assert_eq(ask(five, ten, NULL, why), BOOKING_OTHER);
    cr_assert(strstr(why, "measure sold") && strstr(why, "fine=10000"), "%s", why);
}

Test(booking, what_is_only_read_is_free)
{
    static const char kpi[] =
        "kpis: {x: {title: x, perspective: F, unit: count, value: deals_won, windows: [30d], dims: [O, R]}}\n";
    char why[BOOKING_WHY_MAX];
    cr_assert_eq(ask("log: {level: info}\n", "log: {level: debug}\n", NULL, why), BOOKING_SAME);
    cr_assert_eq(ask("log: {level: info}\n", kpi, NULL, why), BOOKING_SAME, "%s", why);
    cr_assert_eq(ask("log: {level: info}\n", "switches: {csat_mode: mean}\n", NULL, why), BOOKING_FREE);
    cr_assert_str_eq(why, "");
    struct booked nothing = { .newest_ms = INT64_MIN };
    struct loaded c = load(NULL);
    cr_assert_eq(booking_compare(must_load(&c), &nothing, why), BOOKING_UNKNOWN);
    done(&c);
}

/* A dimension more has no cells of the past; one less is merely not read. */
Test(booking, places)
{
    static const char more[] =
        "kpis: {x: {title: x, perspective: F, unit: count, value: review_n, windows: [30d], dims: [O, F]}}\n";
    char why[BOOKING_WHY_MAX];
    cr_assert_eq(ask("log: {level: info}\n", more, NULL, why), BOOKING_OTHER);
    cr_assert(strncmp(why, "measure review_n: ", 18) == 0, "%s", why);
    cr_assert_eq(ask(more, "log: {level: info}\n", NULL, why), BOOKING_FREE);
}

Test(booking, orgs)
{
    char why[BOOKING_WHY_MAX];
    const struct slice key = SLICE("pane:b:h:0");
    const struct booked with_b = { .pane = &key, .n_panes = 1 };
    static const char a[] = "orgs: {\"*\": {zone: UTC}, a: {zone: Asia/Shanghai}}\n";
    cr_assert_eq(ask(a, "orgs: {\"*\": {zone: UTC}, a: {zone: Asia/Tokyo}}\n", NULL, why), BOOKING_OTHER);
    cr_assert(strstr(why, "org a: Redis holds 'zone=Asia/Shanghai"), "%s", why);
    /* one without a cell may come with a calendar of its own, one that was booked as "*" may not */
    static const char b[] = "orgs: {\"*\": {zone: UTC}, a: {zone: Asia/Shanghai}, b: {zone: Asia/Tokyo}}\n";
    cr_assert_eq(ask(a, b, NULL, why), BOOKING_FREE);
    cr_assert_eq(ask(a, b, &with_b, why), BOOKING_OTHER);
    cr_assert_eq(ask(b, a, &with_b, why), BOOKING_OTHER);
    cr_assert_eq(ask(b, a, NULL, why), BOOKING_FREE);
    cr_assert_eq(ask("orgs: {a: {zone: UTC}}\n", "orgs: {a: {zone: UTC}, b: {zone: Asia/Tokyo}}\n", &with_b, why),
                 BOOKING_FREE);
    cr_assert_eq(ask("orgs: {a: {zone: UTC}}\n",
                     "time: {retention: 1830d, lateness: 400d}\norgs: {a: {zone: UTC, go_live: 2025-03-01}}\n", NULL,
                     why),
                 BOOKING_SAME);
}

/* The newest event is of 2025-03-06: holidays after it are still to come. */
Test(booking, holidays)
{
    char why[BOOKING_WHY_MAX];
    static const char was[] = "orgs: {a: {holidays: [2025-01-01, 2025-05-01]}}\n";
    cr_assert_eq(ask(was, "orgs: {a: {holidays: [2025-01-01, 2025-05-01, 2026-01-01]}}\n", NULL, why), BOOKING_FREE);
    cr_assert_eq(ask(was, "orgs: {a: {holidays: [2025-01-01]}}\n", NULL, why), BOOKING_FREE);
    cr_assert_eq(ask(was, "orgs: {a: {holidays: [2025-01-01, 2025-03-06, 2025-05-01]}}\n", NULL, why), BOOKING_OTHER);
    cr_assert_str_eq(why, "holidays of a: Redis holds '2025-01-01', asked is '2025-01-01 2025-03-06'");
}

/* Not even whoever accepts a mix gets a sum of two currencies; where nothing was counted there is none. */
Test(booking, currencies)
{
    char why[BOOKING_WHY_MAX];
    const struct slice key = SLICE("pane:a:h:0");
    const struct booked with_a = { .pane = &key, .n_panes = 1 };
    static const char none[] = "orgs: {a: {zone: UTC}}\n", cny[] = "orgs: {a: {zone: UTC, currency: CNY}}\n",
                      usd[] = "orgs: {a: {zone: UTC, currency: USD}}\n",
                      moved[] = "orgs: {a: {zone: Asia/Tokyo, currency: CNY}}\n";
    cr_assert_eq(ask(cny, usd, &with_a, why), BOOKING_CURRENCY);
    cr_assert_str_eq(why, "currency of a: Redis holds 'CNY', asked is 'USD'");
    cr_assert_eq(ask(cny, usd, NULL, why), BOOKING_OTHER);
    cr_assert_eq(ask(none, usd, &with_a, why), BOOKING_CURRENCY);
    cr_assert_str_eq(why, "currency of a: Redis holds 'that of its earliest event', asked is 'USD'");
    cr_assert_eq(ask(cny, none, &with_a, why), BOOKING_CURRENCY);
    cr_assert_eq(ask(cny, moved, &with_a, why), BOOKING_OTHER);
    cr_assert(strncmp(why, "org a: Redis holds 'zone=UTC", 28) == 0, "%s", why);
    cr_assert_eq(
        ask("orgs: {\"*\": {currency: CNY}}\n", "orgs: {\"*\": {currency: CNY}, a: {currency: USD}}\n", &with_a, why),
        BOOKING_CURRENCY);
}

/* Booked by the first, then run by the second, asked by the third. */
static enum booking_match ask_back(const char *first, const char *second, const char *third, const struct booked *more)
{
    static struct shelf was, is;
    char why[BOOKING_WHY_MAX];
    struct loaded a = load(first), b = load(second), c = load(third);
    struct booked before = shelve(&was, must_load(&a)), held = shelve(&is, must_load(&b));
    before.pane = held.pane = more->pane;
    before.n_panes = held.n_panes = more->n_panes;
    for (uint32_t i = 0; i < before.n_pairs; i++)
        if (booking_keeps(b.config, &before, i)) {
            is.pair[2 * held.n_pairs] = was.pair[2 * i];
            is.pair[2 * held.n_pairs++ + 1] = was.pair[2 * i + 1];
        }
    enum booking_match match = booking_compare(must_load(&c), &held, why);
    done(&a);
    done(&b);
    done(&c);
    return match;
}

Test(booking, an_org_that_comes_back)
{
    const struct slice key = SLICE("pane:a:h:0");
    const struct booked with_a = { .pane = &key, .n_panes = 1 }, empty = { 0 };
    static const char both[] = "orgs: {a: {currency: CNY}, b: {currency: CNY}}\n",
                      one[] = "orgs: {b: {currency: CNY}}\n",
                      other[] = "orgs: {a: {currency: USD}, b: {currency: CNY}}\n",
                      any[] = "orgs: {\"*\": {currency: CNY}}\n";
    cr_assert_eq(ask_back(both, one, both, &with_a), BOOKING_FREE);
    cr_assert_eq(ask_back(both, one, other, &with_a), BOOKING_CURRENCY);
    cr_assert_eq(ask_back(both, one, other, &empty), BOOKING_FREE);
    cr_assert_eq(ask_back(any, one, other, &with_a), BOOKING_CURRENCY);
    cr_assert_eq(ask_back(any, one, both, &with_a), BOOKING_FREE);
}

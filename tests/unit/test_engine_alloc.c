/* No malloc per event in steady state: 100,000 protobuf events through decoding, validation, the engine and the building of flushes, with every
 * allocation of the process counted.
 *
 * New leads, deals, orders and tickets come all the time, a fixed staff uses the CRM; records are forgotten when the cache is full. The store is a
 * stand-in that has no record: what is asked for is absent. Records' buffers come from a pool, so what remains is the scratch of a flush (its sort) and
 * the slabs of histories that still grow: at most two in a flush of a thousand events. */
#include "engine_rig.h"

#include "crmpulse/config.h"
#include "crmpulse/event_decode.h"

static uint64_t allocations;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(UNDER_ASAN)
/* The sanitizer owns malloc; it tells. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                                     void (*on_free)(const volatile void *));
static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
    allocations++;
}
static void on_free(const volatile void *p)
{
    (void)p;
}
static void count_allocations(void)
{
    cr_assert_gt(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free), 0);
}
#else
/* The program's own definitions come before the C library's. */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}
static void count_allocations(void)
{
}
#endif

enum { WARM = 60000, COUNTED = 100000, FLUSH_EVERY = 1000 };

static const int64_t start_ms = 1740960000000;

/* The i-th event: one of a few processes, each with its own ids, two seconds apart. */
static void line(char *out, size_t cap, int i)
{
    long long t = start_ms + i * 2000LL, n = i / 10;
    switch (i % 10) {
    case 0:
        snprintf(out, cap, "lead_created %lld e%d lead_id=L%lld owner_id=u%lld channel=web", t, i, n, n % 50);
        break;
    case 1:
        snprintf(out, cap,
                 "deal_opened %lld e%d deal_id=D%lld owner_id=u%lld amount_micros=5000000 currency=CNY stage=s "
                 "lead_id=L%lld",
                 t, i, n, n % 50, n);
        break;
    case 2:
        snprintf(out, cap,
                 "deal_closed %lld e%d deal_id=D%lld outcome=won amount_micros=5000000 currency=CNY customer_id=k%lld",
                 t, i, n - 100, n % 300);
        break;
    case 3:
        snprintf(out, cap, "ticket_opened %lld e%d ticket_id=T%lld kind=customer owner_id=u%lld customer_id=k%lld", t,
                 i, n, n % 50, n % 300);
        break;
    case 4:
        snprintf(out, cap, "ticket_resolved %lld e%d ticket_id=T%lld resolver_id=u%lld", t, i, n - 50, n % 50);
        break;
    case 5:
        snprintf(out, cap,
                 "order_placed %lld e%d order_id=O%lld customer_id=k%lld amount_micros=7000000 currency=CNY items=2 "
                 "owner_id=u%lld",
                 t, i, n, n % 300, n % 50);
        break;
    case 6:
        snprintf(out, cap,
                 "survey_answered %lld e%d response_id=A%lld kind=csat score_milli=4000 scale_min=1 scale_max=5", t, i,
                 n);
        break;
    default:
        snprintf(out, cap, "login %lld e%d user_id=u%d", t, i, (i * 7) % 50);
        break;
    }
}

struct encoded {
    uint8_t *bytes;
    size_t n;
};

struct pipe {
    struct event_codec codec;
    struct engine *engine;
    struct arena decode;
    uint64_t applied, cells, flushes;
};

static void encode_all(const struct event_codec *codec, struct arena *to, struct encoded *v)
{
    struct rig_event *ev = malloc(sizeof *ev);
    char text[512];
    for (int i = 0; i < WARM + COUNTED; i++) {
        line(text, sizeof text, i);
        rig_parse(ev, text);
        cr_assert_gt(v[i].n = event_pb_encode(&codec->pb, &ev->ev, to, &v[i].bytes), 0, "%s", text);
    }
    free(ev);
}

static void answer_absent(struct engine *e)
{
    const struct slice *key;
    uint32_t n = engine_missing(e, &key);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(engine_put(e, key[i], 0, (struct slice){ 0 }), 0);
    engine_missing_clear(e);
}

static void flush(struct pipe *p)
{
    struct store_flush f = { 0 };
    cr_assert_eq(engine_build_flush(p->engine, start_ms, INT64_MAX, &f), 0);
    p->cells += f.n_cells;
    p->flushes++;
    engine_flush_begun(p->engine);
    engine_flush_applied(p->engine);
}

static void feed(struct pipe *p, const struct encoded *v, int from, int to)
{
    for (int i = from; i < to; i++) {
        struct event ev;
        struct event_note note;
        enum event_field field;
        arena_reset(&p->decode);
        enum event_reject why = event_decode(&p->codec, &p->decode, v[i].bytes, v[i].n, &ev, &note);
        if (why == REJECT_NONE)
            why = event_validate(&p->codec.schema, &ev, INT64_MAX / 2, 3600000, &field);
        if (why != REJECT_NONE)
            cr_assert_fail("event %d: %s", i, event_reject_name(why));
        enum apply_result r;
        while ((r = engine_apply(p->engine, &ev, INT64_MIN)) == APPLY_NEED)
            answer_absent(p->engine);
        if (r != APPLY_DONE)
            cr_assert_fail("event %d: %d", i, (int)r);
        p->applied++;
        if ((i + 1) % FLUSH_EVERY == 0)
            flush(p);
    }
}

Test(engine_alloc, none_per_event_in_steady_state, .timeout = 240)
{
    struct config_problems problems = { 0 };
    const struct config_load_options set = { 0 };
    struct config *config = config_load(NULL, &set, &problems);
    struct encoded *v = malloc((WARM + COUNTED) * sizeof *v);
    struct pipe *p = calloc(1, sizeof *p);
    struct arena bytes;
    cr_assert(config);
    const struct engine_options opt = { .cache_bytes = 6 << 20 };
    arena_init(&bytes, 0, 0);
    arena_init(&p->decode, 0, 0);
    cr_assert_eq(event_codec_init(&p->codec), 0);
    cr_assert(p->engine = engine_new(&config->defs, &opt));
    encode_all(&p->codec, &bytes, v);
    feed(p, v, 0, WARM);
    count_allocations();
    uint64_t before = allocations;
    feed(p, v, WARM, WARM + COUNTED);
    uint64_t made = allocations - before;
    struct engine_stats stats;
    engine_stats(p->engine, &stats);
    cr_log_info("%llu allocations, %llu cells in %llu flushes, %llu records cached", (unsigned long long)made,
                (unsigned long long)p->cells, (unsigned long long)p->flushes, (unsigned long long)stats.records_cached);
    cr_assert_eq(p->applied, WARM + COUNTED);
    cr_assert_gt(p->cells, COUNTED, "the measures were fed");
    cr_assert_lt(made, 2 * COUNTED / FLUSH_EVERY, "%llu allocations in %d events", (unsigned long long)made, COUNTED);
    engine_free(p->engine);
    arena_release(&p->decode);
    arena_release(&bytes);
    free(p);
    free(v);
    config_problems_release(&problems);
    config_free(config);
}

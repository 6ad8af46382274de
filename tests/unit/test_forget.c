/* Who was erased for good in the records of others: after the walk no key and no value in the store has the id, and figures are as they would be if the
 * erasure had never become final: those that stand, and all that later corrections make of them. */
#include "engine_rig.h"
#include "test_zones.h"

enum { LINES_MAX = 64, ID_MAX = 32 };

/* "%u" is the user that is erased, "%c" the customer. */
struct history {
    const char *before[LINES_MAX], *after[LINES_MAX];
};

#define ERASED_USER     "entity_deleted 9000000000 d1 entity_kind=user entity_id=%u erase=1"
#define ERASED_CUSTOMER "entity_deleted 9000000001 d2 entity_kind=customer entity_id=%c erase=1"

static const struct history everything = {
    { "user_enabled 1000 u1 user_id=%u team_id=east",
      "user_enabled 1000 u2 user_id=bob team_id=east",
      "login 2000 l1 user_id=%u",
      "login 86400000 l2 user_id=%u actor_id=%u",
      "feature_used 172800000 l3 user_id=%u feature=f customer_id=%c",
      "feature_used 172800001 l4 user_id=bob feature=f customer_id=%c",
      "training_required 3000 t1 user_id=%u course_id=c",
      "training_completed 4000 t2 user_id=%u course_id=c pre_milli=1000 post_milli=2000",
      "customer_acquired 5000 c1 customer_id=%c owner_id=%u",
      "customer_acquired 5000 c2 customer_id=lee owner_id=%u",
      "lead_created 6000 p1 lead_id=L owner_id=%u",
      "deal_opened 7000 o1 deal_id=D owner_id=%u amount_micros=50 stage=s lead_id=L",
      "deal_closed 8000 w1 deal_id=D outcome=won amount_micros=60 owner_id=%u customer_id=lee",
      "deal_closed 8001 w2 deal_id=E outcome=won amount_micros=70 owner_id=bob customer_id=%c product_id=P",
      "order_placed 9000 q1 order_id=O customer_id=lee amount_micros=5 items=1 owner_id=%u",
      "order_placed 9001 q2 order_id=Q customer_id=%c amount_micros=6 items=1 owner_id=bob",
      "order_refunded 9002 q3 refund_id=r order_id=O amount_micros=1 customer_id=lee",
      "ticket_opened 10000 k1 ticket_id=T kind=customer customer_id=%c owner_id=bob",
      "ticket_first_response 10500 k2 ticket_id=T responder_id=%u",
      "ticket_resolved 11000 k3 ticket_id=T resolver_id=%u",
      "survey_sent 12000 s1 survey_id=S kind=csat customer_id=%c about_user_id=%u",
      "survey_answered 13000 s2 survey_id=S response_id=R kind=csat score_milli=4000 scale_min=1 scale_max=5",
      "complaint_filed 14000 h1 complaint_id=H customer_id=%c about_user_id=%u",
      "contact_made 15000 n1 contact_id=N customer_id=%c direction=out medium=phone owner_id=%u",
      "follow_up_logged 16000 f1 followup_id=F target_kind=customer target_id=%c owner_id=%u",
      "campaign_sent 7500 g1 campaign_id=G recipient_id=%c kind=mail",
      "campaign_sent 7500 g2 campaign_id=G recipient_id=lee kind=mail owner_id=%u",
      "campaign_responded 7600 g3 campaign_id=G recipient_id=%c kind=click",
      "target_set 1000 v1 target_id=V kpi_id=sales_amount subject=rep:%u cycle=1970-01 value=100",
      "target_set 1000 v2 target_id=W kpi_id=sales_amount subject=rep:bob cycle=1970-01 value=100 owner_id=%u",
      "forecast_made 2000 y1 subject=rep:%u cycle=1970-01 amount_micros=9 made_at_ms=2000",
      "review_scored 2000 z1 area=a reviewer_id=%u score_milli=5000 subject=rep:bob",
      "review_scored 2000 z2 area=a reviewer_id=bob score_milli=4000 subject=rep:%u",
      "subscription_changed 17000 b1 subscription_id=B customer_id=%c mrr_micros=30",
      "task_assigned 18000 a1 task_id=A owner_id=%u",
      "task_completed 19000 a2 task_id=A by_user_id=%u",
      "referral_made 20000 e1 referral_id=F customer_id=%c referred_customer_id=lee",
      "owner_changed 21000 x1 entity_kind=deal entity_id=D to_owner=bob from_owner=%u",
      "comment_added 22000 m1 comment_id=M target_kind=deal target_id=D actor_id=%u",
      "entity_merged 23000 j1 entity_kind=user from_id=%u-of-old into_id=%u",
      "login 24000 l5 user_id=%u-of-old",
      ERASED_USER,
      ERASED_CUSTOMER,
      NULL },
    { "event_retracted 9000000100 x01 target_event_id=l2",
      "event_retracted 9000000100 x02 target_event_id=t2",
      "event_retracted 9000000100 x03 target_event_id=g1",
      "event_retracted 9000000100 x04 target_event_id=v1",
      "event_retracted 9000000100 x05 target_event_id=y1",
      "event_retracted 9000000100 x06 target_event_id=u1",
      "event_retracted 9000000100 x07 target_event_id=z1",
      "event_retracted 9000000100 x08 target_event_id=c1",
      "deal_amended 8500 x09 deal_id=D amount_micros=90",
      "deal_amended 9000000200 x10 deal_id=E amount_micros=91",
      "order_amended 9500 x11 order_id=O amount_micros=8",
      "order_cancelled 9000000200 x12 order_id=Q",
      "ticket_reopened 9000000300 x13 ticket_id=T",
      "user_enabled 3000 x14 user_id=bob team_id=west",
      "event_retracted 9000000400 x15 target_event_id=c2",
      "event_retracted 9000000400 x16 target_event_id=x09",
      "complaint_resolved 9000000500 x17 complaint_id=H",
      "customer_acquired 9000000600 x18 customer_id=lee owner_id=bob",
      "event_retracted 9000000700 x19 target_event_id=x01",
      "event_retracted 9000000700 x20 target_event_id=s2",
      "event_retracted 9000000700 x21 target_event_id=l5",
      "event_retracted 9000000700 x22 target_event_id=b1",
      "task_completed 9000000800 x23 task_id=A by_user_id=bob",
      "order_placed 9000000800 x24 order_id=Z customer_id=lee amount_micros=3 items=1",
      NULL }
};

/* The order of what one log says differs by time and by sequence number: that of several is by time. */
static const struct history sequenced = {
    { "user_enabled 1000 o1 user_id=%u entity_seq=4 team_id=east", "user_disabled 2000 o2 user_id=%u entity_seq=3",
      "user_enabled 1500 p1 user_id=%u-of-old entity_seq=2 team_id=west",
      "entity_merged 4000 m1 entity_kind=user from_id=%u-of-old into_id=%u", ERASED_USER, NULL },
    { "event_retracted 9000000100 x1 target_event_id=o2", NULL }
};

/* The same for one plain id, so that nothing else can be to blame. */
static const struct history alone = {
    { "user_enabled 1000 u1 user_id=%u team_id=east", "login 2000 l1 user_id=%u", "login 86400000 l2 user_id=%u",
      "deal_closed 8000 w1 deal_id=D outcome=won amount_micros=60 owner_id=%u customer_id=lee", ERASED_USER, NULL },
    { "event_retracted 9000000100 x01 target_event_id=l2", "deal_amended 8500 x09 deal_id=D amount_micros=90",
      "event_retracted 9000000100 x02 target_event_id=u1", NULL }
};

/* More hours of use than a list of dependants is searched through one by one (record.c). */
#define LOGIN(day) "login " #day "86400000 l" #day " user_id=%u"
static const struct history often = { { "user_enabled 1000 u1 user_id=%u team_id=east",
                                        LOGIN(1),
                                        LOGIN(2),
                                        LOGIN(3),
                                        LOGIN(4),
                                        LOGIN(5),
                                        LOGIN(6),
                                        LOGIN(7),
                                        LOGIN(8),
                                        LOGIN(9),
                                        LOGIN(10),
                                        LOGIN(11),
                                        LOGIN(12),
                                        LOGIN(13),
                                        LOGIN(14),
                                        LOGIN(15),
                                        LOGIN(16),
                                        LOGIN(17),
                                        LOGIN(18),
                                        LOGIN(19),
                                        LOGIN(20),
                                        "entity_deleted 30000000000 d1 entity_kind=user entity_id=%u erase=1",
                                        NULL },
                                      { "event_retracted 30000000100 x1 target_event_id=l7",
                                        "event_retracted 30000000100 x2 target_event_id=u1", NULL } };

/* Entities with sequence numbers, one of which was merged into the other, and one that had been deleted before: their logs are read as one. */
static const struct history merged = {
    { "deal_opened 1000 o1 deal_id=%u entity_seq=2 owner_id=bob amount_micros=50 stage=s",
      "deal_amended 2000 o2 deal_id=%u entity_seq=1 amount_micros=70",
      "deal_opened 1500 p1 deal_id=%u-of-old entity_seq=9 owner_id=bob amount_micros=51 stage=t",
      "deal_stage_changed 2500 p2 deal_id=%u-of-old entity_seq=8 to_stage=v",
      "deal_opened 1200 g1 deal_id=%u-gone owner_id=bob amount_micros=52 stage=w",
      "entity_deleted 3000 g2 entity_kind=deal entity_id=%u-gone",
      "entity_merged 4000 m1 entity_kind=deal from_id=%u-of-old into_id=%u",
      "entity_merged 4001 m2 entity_kind=deal from_id=%u-gone into_id=%u",
      "entity_merged 4002 m3 entity_kind=deal from_id=%u into_id=other", "event_retracted 4003 m4 target_event_id=m3",
      "entity_deleted 9000000000 d1 entity_kind=deal entity_id=%u erase=1", NULL },
    { "event_retracted 9000000100 x1 target_event_id=p2", "event_retracted 9000000100 x2 target_event_id=o2",
      "event_retracted 9000000200 x3 target_event_id=o1", "event_retracted 9000000300 x4 target_event_id=x3", NULL }
};

struct run {
    struct definitions *defs;
    struct engine *e;
    struct rig_store *store;
    struct rig_cells cells;
};

/* ---- the engine as the daemon drives it ---- */

static void flush(struct run *r)
{
    struct store_flush f = { 0 };
    cr_assert_eq(engine_build_flush(r->e, 1000, INT64_MAX, &f), 0);
    engine_flush_begun(r->e);
    cr_assert(rig_store_flush(r->store, &f), "versions");
    cr_assert_eq(feed_read(f.feed, rig_keep_delta, &r->cells), 0);
    engine_flush_applied(r->e);
}

static void fill_in(char *to, size_t cap, const char *line, const char *user, const char *customer)
{
    size_t n = 0;
    for (; *line && n + ID_MAX < cap; line++)
        if (line[0] == '%' && (line[1] == 'u' || line[1] == 'c'))
            n += (size_t)snprintf(to + n, cap - n, "%s", *++line == 'u' ? user : customer);
        else
            to[n++] = *line;
    to[n] = 0;
}

static void apply_all(struct run *r, const char *const *lines, const char *user, const char *customer)
{
    struct rig_event *ev = malloc(sizeof *ev);
    char line[512];
    for (uint32_t i = 0; lines[i]; i++) {
        enum apply_result result;
        fill_in(line, sizeof line, lines[i], user, customer);
        rig_parse(ev, line);
        while ((result = engine_apply(r->e, &ev->ev, INT64_MIN)) == APPLY_NEED)
            rig_store_give(r->store, r->e);
        cr_assert(result == APPLY_DONE, "%s: %d", line, (int)result);
        flush(r);
    }
    free(ev);
}

static uint32_t keys_of(const struct run *r, const char *head, struct slice *ret)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->store->n; i++)
        if (r->store->v[i].n_bytes && strncmp(r->store->v[i].key, head, strlen(head)) == 0)
            ret[n++] = slice_of(r->store->v[i].key);
    return n;
}

static enum apply_result give_up(struct run *r, struct slice key)
{
    struct orphan o;
    enum apply_result result;
    while ((result = engine_give_up(r->e, key, INT64_MAX, &o)) == APPLY_NEED)
        rig_store_give(r->store, r->e);
    flush(r);
    return result;
}

/* What was not flushed yet is lost, as with a crash. */
static void lose(struct run *r)
{
    struct store_flush f = { 0 };
    cr_assert_eq(engine_build_flush(r->e, 1000, INT64_MAX, &f), 0);
    engine_flush_begun(r->e);
    engine_reset(r->e);
}

/* Both walks over all records, from the first one. After `lose_after` records what was not flushed is lost and the walk ends there: *ret_whole is false.
 * How many records it changed. */
static uint32_t walk(struct run *r, uint32_t lose_after, bool *ret_whole)
{
    static struct slice keys[RIG_STORE_MAX];
    uint32_t changed = 0, done = 0;
    *ret_whole = true;
    for (int pass = 0; pass < 2; pass++) {
        uint32_t n = keys_of(r, "ent:", keys);
        for (uint32_t i = 0; i < n; i++) {
            enum apply_result result;
            while ((result = engine_forget(r->e, SLICE("o"), keys[i], pass == 0)) == APPLY_NEED)
                rig_store_give(r->store, r->e);
            cr_assert(result == APPLY_DONE || result == APPLY_DUPLICATE);
            changed += result == APPLY_DONE;
            if (++done == lose_after) {
                lose(r);
                *ret_whole = false;
                return changed;
            }
            if (i % 3 == 0)
                flush(r);
        }
        flush(r);
    }
    return changed;
}

/* Interrupted ever later, until it gets through. */
static uint32_t forget_all(struct run *r)
{
    bool whole = false;
    uint32_t changed = 0;
    for (uint32_t lose_after = 2; !whole; lose_after += 7)
        changed += walk(r, lose_after, &whole);
    return changed;
}

static void end_erasures(struct run *r)
{
    static struct slice keys[RIG_STORE_MAX];
    uint32_t n = keys_of(r, "ent:final:", keys);
    for (uint32_t i = 0; i < n; i++) {
        while (engine_cleaned(r->e, keys[i]) == APPLY_NEED)
            rig_store_give(r->store, r->e);
        flush(r);
    }
    cr_assert_eq(keys_of(r, "ent:final:", keys), 0);
}

static void make_final(struct run *r)
{
    static struct slice keys[RIG_STORE_MAX];
    uint32_t n = keys_of(r, "ent:final:", keys);
    cr_assert_gt(n, 0);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(give_up(r, keys[i]), APPLY_DUPLICATE);
        cr_assert_eq(give_up(r, keys[i]), APPLY_FINAL);
    }
}

/* ---- what is compared ---- */

static struct definitions *new_definitions(bool keep, bool by_segment)
{
    struct definitions *defs = calloc(1, sizeof *defs);
    rig_org(defs, zone_utc());
    rig_all_measures(defs);
    defs->erase_keep = keep;
    defs->customers.by_customer = true;
    defs->customers.segment_by_rfm = by_segment;
    defs->customers.churn_after_ms = INT64_C(180) * 86400000;
    return defs;
}

static void begin(struct run *r, bool keep, bool by_segment)
{
    const struct engine_options opt = { .cache_bytes = 0 }; /* clean records are forgotten at once */
    *r = (struct run){ .defs = new_definitions(keep, by_segment), .store = calloc(1, sizeof *r->store) };
    r->e = engine_new(r->defs, &opt);
    cr_assert(r->e);
}

static void end(struct run *r)
{
    rig_cells_release(&r->cells);
    engine_free(r->e);
    rig_store_free(r->store);
    definitions_free(r->defs);
    free(r->defs);
}

static bool holds(struct slice in, const char *text)
{
    size_t n = strlen(text);
    for (uint32_t i = 0; in.p && i + n <= in.n; i++)
        if (memcmp(in.p + i, text, n) == 0)
            return true;
    return false;
}

static void check_nowhere(const struct run *r, const char *id)
{
    char once[4 * ID_MAX], twice[12 * ID_MAX];
    once[cell_escape(slice_of(id), once, sizeof once)] = 0;
    twice[cell_escape(slice_of(once), twice, sizeof twice)] = 0;
    const char *form[] = { id, once, twice };
    for (uint32_t i = 0; i < r->store->n; i++)
        for (int k = 0; k < 3 && r->store->v[i].n_bytes; k++) {
            struct slice value = { r->store->v[i].bytes, r->store->v[i].n_bytes };
            cr_expect(!holds(slice_of(r->store->v[i].key), form[k]), "key %s", r->store->v[i].key);
            cr_expect(!holds(value, form[k]), "value of %s", r->store->v[i].key);
        }
}

static void check_equal(struct run *a, struct run *b, const char *what)
{
    struct rig_cells *x = &a->cells, *y = &b->cells;
    rig_cells_net(x, false);
    rig_cells_net(y, false);
    for (size_t i = 0; i < x->n && i < y->n; i++)
        cr_assert(rig_by_cell(&x->v[i], &y->v[i]) == 0 && x->v[i].value == y->v[i].value, "%s: %s %lld, not %s %lld",
                  what, x->v[i].field.p, (long long)x->v[i].value, y->v[i].field.p, (long long)y->v[i].value);
    cr_assert_eq(x->n, y->n, "%s: %zu cells, not %zu", what, x->n, y->n);
}

static void same(const struct history *h, bool keep, bool by_segment, const char *user, const char *customer)
{
    struct run young, gone;
    begin(&young, keep, by_segment);
    begin(&gone, keep, by_segment);
    apply_all(&young, h->before, user, customer);
    apply_all(&gone, h->before, user, customer);
    make_final(&gone);
    cr_assert_gt(forget_all(&gone), 0);
    cr_assert_eq(forget_all(&gone), 0, "the second time there is nothing to do");
    end_erasures(&gone);
    check_nowhere(&gone, user);
    if (h == &everything)
        check_nowhere(&gone, customer);
    apply_all(&young, h->after, user, customer);
    apply_all(&gone, h->after, user, customer);
    check_equal(&gone, &young, keep ? "keep" : "correct");
    check_nowhere(&gone, user);
    end(&young);
    end(&gone);
}

Test(forget, one_user)
{
    same(&alone, false, false, "xann", "-");
    same(&alone, true, false, "xann", "-");
}

Test(forget, a_user_with_many_dependants)
{
    same(&often, false, false, "xann", "-");
    same(&often, true, false, "xann", "-");
}

Test(forget, everything_that_names_them)
{
    same(&everything, false, false, "xann", "xkim");
    same(&everything, true, false, "xann", "xkim");
}

Test(forget, what_was_merged)
{
    same(&merged, false, false, "xdeal", "-");
    same(&merged, true, false, "xdeal", "-");
    same(&sequenced, false, false, "xann", "-");
    same(&sequenced, true, false, "xann", "-");
}

Test(forget, ids_that_are_escaped_in_keys)
{
    same(&everything, false, false, "x:a%n", "x|k/i:m");
    same(&everything, true, false, "x:a%n", "x|kim");
}

Test(forget, ledgers_with_whole_facts)
{
    same(&everything, false, true, "xann", "xkim");
    same(&everything, true, true, "xann", "xkim");
}

/* Between finality and the end of the walk, at any record, corrections find what they are about. */
Test(forget, corrections_in_between)
{
    for (int keep = 0; keep < 2; keep++)
        for (int moved = 0; moved < 2; moved++) {
            struct run young, gone;
            static struct slice keys[RIG_STORE_MAX];
            begin(&young, keep, false);
            begin(&gone, keep, false);
            apply_all(&young, everything.before, "xann", "xkim");
            apply_all(&gone, everything.before, "xann", "xkim");
            make_final(&gone);
            uint32_t n = keys_of(&gone, "ent:", keys);
            for (uint32_t i = 0; i < n && moved; i++) {
                while (engine_forget(gone.e, SLICE("o"), keys[i], true) == APPLY_NEED)
                    rig_store_give(gone.store, gone.e);
                flush(&gone);
            }
            apply_all(&young, everything.after, "xann", "xkim");
            apply_all(&gone, everything.after, "xann", "xkim");
            cr_assert_gt(forget_all(&gone), 0);
            end_erasures(&gone);
            check_nowhere(&gone, "xann");
            check_nowhere(&gone, "xkim");
            check_equal(&gone, &young, "in between");
            end(&young);
            end(&gone);
        }
}

/* Others whose ids hold the same text, or who have the same id as another kind, stay as they are. */
Test(forget, namesakes_stay)
{
    static const char *const before[] = {
        "login 1000 l1 user_id=7",
        "login 1000 l2 user_id=77",
        "customer_acquired 1000 c1 customer_id=7 owner_id=77",
        "deal_closed 8000 w1 deal_id=7 outcome=won amount_micros=60 owner_id=7 customer_id=7",
        "deal_closed 8002 w2 deal_id=9 outcome=won amount_micros=5 owner_id=77 customer_id=8 product_id=7",
        "customer_acquired 1000 c2 customer_id=8 owner_id=77",
        "entity_deleted 9000000000 d1 entity_kind=user entity_id=7 erase=1",
        NULL
    };
    static const char *const after[] = { "deal_amended 8500 x1 deal_id=7 amount_micros=90",
                                         "event_retracted 9000000100 x2 target_event_id=l2",
                                         "event_retracted 9000000100 x3 target_event_id=c1",
                                         "event_retracted 9000000100 x5 target_event_id=w2",
                                         "order_placed 9000000100 x4 order_id=7 customer_id=7 amount_micros=5 items=1",
                                         NULL };
    for (int keep = 0; keep < 2; keep++) {
        struct run young, gone;
        static struct slice keys[RIG_STORE_MAX];
        begin(&young, keep, false);
        begin(&gone, keep, false);
        apply_all(&young, before, "", "");
        apply_all(&gone, before, "", "");
        make_final(&gone);
        (void)forget_all(&gone);
        end_erasures(&gone);
        cr_assert_eq(keys_of(&gone, "ent:customer:o:7", keys), 1);
        cr_assert_eq(keys_of(&gone, "ent:deal:o:7", keys), 1);
        cr_assert_eq(keys_of(&gone, "ent:usage:o:7/", keys), 0);
        apply_all(&young, after, "", "");
        apply_all(&gone, after, "", "");
        check_equal(&gone, &young, "namesakes");
        end(&young);
        end(&gone);
    }
}

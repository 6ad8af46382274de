/* Corrections that reach over entities: a history with them leaves the same cells as the history that it amounts to.
 *
 * Each case is two histories, one with the correction and one that says the same without it; what is compared are the sums over all causes (the order
 * of arrival and the causes are test_engine_order.c's). */
#include "engine_rig.h"
#include "test_zones.h"

enum { LINES_MAX = 24 };

struct pair {
    const char *with[LINES_MAX], *without[LINES_MAX];
};

/* Runs the events in the order given, or backwards; `results` are what engine_apply says, one digit each ("" = all done). */
static void play(const struct definitions *defs, const char *const *lines, bool backwards, const char *results,
                 struct rig_cells *ret)
{
    struct engine *e = rig_engine(defs);
    struct rig_event *ev = malloc(sizeof *ev);
    uint32_t n = 0;
    while (n < LINES_MAX && lines[n])
        n++;
    for (uint32_t i = 0; i < n; i++) {
        rig_parse(ev, lines[backwards ? n - 1 - i : i]);
        int want = results && results[i] ? results[i] - '0' : APPLY_DONE;
        cr_assert_eq((int)engine_apply(e, &ev->ev, INT64_MIN), want, "%s", lines[backwards ? n - 1 - i : i]);
        rig_take(ret, e);
    }
    rig_cells_net(ret, false);
    free(ev);
    engine_free(e);
}

static void check_equal(const struct rig_cells *a, const struct rig_cells *b, const char *what)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        cr_assert(rig_by_cell(&a->v[i], &b->v[i]) == 0 && a->v[i].value == b->v[i].value, "%s: %s %lld, not %s %lld",
                  what, a->v[i].field.p, (long long)a->v[i].value, b->v[i].field.p, (long long)b->v[i].value);
    cr_assert_eq(a->n, b->n, "%s: %zu cells, not %zu", what, a->n, b->n);
}

static void same(const struct pair *p)
{
    struct definitions defs = { 0 };
    struct rig_cells a = { 0 }, b = { 0 }, c = { 0 };
    rig_org(&defs, zone_utc());
    rig_all_measures(&defs);
    play(&defs, p->with, false, NULL, &a);
    play(&defs, p->with, true, NULL, &b);
    play(&defs, p->without, false, NULL, &c);
    check_equal(&a, &c, "in order");
    check_equal(&b, &c, "backwards");
    rig_cells_release(&a);
    rig_cells_release(&b);
    rig_cells_release(&c);
    definitions_free(&defs);
}

#define OPENED "deal_opened 1000000 o deal_id=D owner_id=ann amount_micros=50 stage=s lead_id=L"
#define WON    "deal_closed 2000000 w deal_id=D outcome=won amount_micros=70 customer_id=k"

Test(engine_retract, a_withdrawn_close_leaves_the_deal_open)
{
    same(&(struct pair){ { OPENED, WON, "event_retracted 3000000 r target_event_id=w" }, { OPENED } });
}

Test(engine_retract, a_withdrawn_opening_leaves_what_the_close_tells)
{
    same(&(struct pair){ { OPENED, WON, "event_retracted 3000000 r target_event_id=o" }, { WON } });
}

Test(engine_retract, a_retraction_of_a_retraction_restores)
{
    same(&(struct pair){
        { OPENED, WON, "event_retracted 3000000 r target_event_id=w", "event_retracted 3500000 r2 target_event_id=r" },
        { OPENED, WON } });
    same(&(struct pair){ { OPENED, WON, "event_retracted 3000000 r target_event_id=w",
                           "event_retracted 3500000 r2 target_event_id=r",
                           "event_retracted 3600000 r3 target_event_id=r2" },
                         { OPENED } });
}

Test(engine_retract, of_two_retractions_one_is_enough)
{
    same(&(struct pair){ { OPENED, WON, "event_retracted 3000000 r target_event_id=w",
                           "event_retracted 3500000 q target_event_id=w",
                           "event_retracted 3600000 r2 target_event_id=q" },
                         { OPENED } });
}

Test(engine_retract, an_unknown_target_changes_nothing)
{
    same(&(struct pair){ { OPENED, "event_retracted 3000000 r target_event_id=nobody" }, { OPENED } });
    same(&(struct pair){ { OPENED, "event_retracted 3000000 r target_event_id=r" }, { OPENED } });
    same(&(struct pair){
        { OPENED, "event_retracted 3000000 p target_event_id=q", "event_retracted 3000001 q target_event_id=p" },
        { OPENED } });
}

/* Lead, customer and orders read one another: what a withdrawn event named has to be computed again. */
Test(engine_retract, reaches_those_who_read_the_entity)
{
    static const char lead[] = "lead_created 500000 l lead_id=L owner_id=bob team_id=t";
    static const char order[] = "order_placed 2500000 p order_id=O customer_id=k amount_micros=9 items=1 deal_id=D";
    same(&(struct pair){ { lead, OPENED, WON, order, "event_retracted 3000000 r target_event_id=o" },
                         { lead, WON, order } });
    same(&(struct pair){ { lead, WON, "customer_acquired 2600000 c customer_id=k lead_id=L owner_id=cy region=n", order,
                           "event_retracted 3000000 r target_event_id=c" },
                         { lead, WON, order } });
    same(&(struct pair){
        { "user_enabled 1 u user_id=ann team_id=x", "user_enabled 2 u2 user_id=ann team_id=y", lead, OPENED, WON,
          "login 2000001 i user_id=ann", "event_retracted 90000000 r target_event_id=u2" },
        { "user_enabled 1 u user_id=ann team_id=x", lead, OPENED, WON, "login 2000001 i user_id=ann" } });
}

/* One use among several of the same hour; events nobody computes with. */
Test(engine_retract, events_that_stand_alone)
{
    same(&(struct pair){ { "login 7200000 a user_id=u customer_id=k", "login 7200001 b user_id=u",
                           "event_retracted 7200002 r target_event_id=a" },
                         { "login 7200001 b user_id=u" } });
    same(&(struct pair){ { "order_refunded 5000 f refund_id=F deal_id=D amount_micros=20", OPENED, WON,
                           "event_retracted 3000000 r target_event_id=f" },
                         { OPENED, WON } });
    same(&(struct pair){ { OPENED, "owner_changed 1500000 c entity_kind=deal entity_id=D to_owner=bob", WON,
                           "event_retracted 3000000 r target_event_id=c" },
                         { OPENED, WON } });
    same(&(struct pair){ { OPENED, WON, "entity_deleted 2500000 d entity_kind=deal entity_id=D",
                           "event_retracted 3000000 r target_event_id=d" },
                         { OPENED, WON } });
}

/* Nothing is counted between the instants of a close and of a retraction that lies before it; else it counts until the retraction. */
Test(engine_retract, acts_in_the_pane_of_its_target_from_its_own_time_on)
{
    struct definitions defs = { 0 };
    struct rig_cells c = { 0 };
    rig_org(&defs, zone_utc());
    rig_all_measures(&defs);
    struct engine *e = rig_engine(&defs);
    struct rig_event ev;
    static const char *const lines[] = { OPENED, "event_retracted 9000000 r target_event_id=w", WON };
    for (int i = 0; i < 3; i++) {
        rig_parse(&ev, lines[i]);
        cr_assert_eq(engine_apply(e, &ev.ev, INT64_MIN), APPLY_DONE);
        rig_take(&c, e);
    }
    cr_assert_eq(rig_sum(&c, "org:o|txn", CELL_HOUR, 0, 1999999), 0);
    cr_assert_eq(rig_sum(&c, "org:o|txn", CELL_HOUR, 0, 2000000), 1);
    cr_assert_eq(rig_sum(&c, "org:o|txn", CELL_HOUR, 0, 8999999), 1);
    cr_assert_eq(rig_sum(&c, "org:o|txn", CELL_HOUR, 0, 9000000), 0);
    engine_free(e);
    rig_cells_release(&c);
    definitions_free(&defs);
}

/* The same event_id, whatever it is about (2.4 point 6). */
Test(engine_ids, are_unique_in_an_org)
{
    struct definitions defs = { 0 };
    struct rig_cells c = { 0 };
    static const char *const lines[] = { OPENED,
                                         OPENED,
                                         "deal_opened 1000000 o deal_id=E owner_id=ann amount_micros=50 stage=s",
                                         "lead_created 1000000 o lead_id=E owner_id=ann",
                                         "login 5 o user_id=ann",
                                         "event_retracted 5 o target_event_id=x",
                                         "login 5 o user_id=ann org_id=p",
                                         NULL };
    const char results[] = { '0' + APPLY_DONE,     '0' + APPLY_DUPLICATE, '0' + APPLY_CONFLICT, '0' + APPLY_CONFLICT,
                             '0' + APPLY_CONFLICT, '0' + APPLY_CONFLICT,  '0' + APPLY_DONE,     0 };
    rig_org(&defs, zone_utc());
    play(&defs, lines, false, results, &c);
    rig_cells_release(&c);
    definitions_free(&defs);
}

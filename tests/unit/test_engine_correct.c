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

/* The marks of erased users are in no history without the erasure. */
static void drop_marks(struct rig_cells *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].field.n > 7 && memcmp(c->v[i].field.p, "rep:%7F", 7) == 0)
            free((void *)(uintptr_t)c->v[i].field.p);
        else
            c->v[n++] = c->v[i];
    c->n = n;
}

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

static bool any_mark(const struct rig_cells *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].field.n > 7 && memcmp(c->v[i].field.p, "rep:%7F", 7) == 0)
            return true;
    return false;
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
    cr_assert_eq(any_mark(&a), any_mark(&b), "marks depend on the order");
    drop_marks(&a);
    drop_marks(&b);
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

/* ---- merges: as if everything had named the one that stands ---- */

#define MERGE(kind, from, into) "entity_merged 9000000 m entity_kind=" kind " from_id=" from " into_id=" into

Test(engine_merge, customers_become_one_member)
{
    static const char ox[] = "order_placed 1000000 a order_id=A customer_id=x amount_micros=5 items=1 owner_id=ann";
    same(&(struct pair){ { ox, "order_placed 2000000 b order_id=B customer_id=y amount_micros=7 items=1",
                           MERGE("customer", "x", "y"),
                           "order_placed 9500000 c order_id=C customer_id=x amount_micros=7 items=1" },
                         { "order_placed 1000000 a order_id=A customer_id=y amount_micros=5 items=1 owner_id=ann",
                           "order_placed 2000000 b order_id=B customer_id=y amount_micros=7 items=1",
                           "order_placed 9500000 c order_id=C customer_id=y amount_micros=7 items=1" } });
    same(&(struct pair){
        { "customer_acquired 1 p customer_id=x owner_id=ann region=n lead_id=L",
          "customer_acquired 2 q customer_id=y owner_id=bob region=s", MERGE("customer", "x", "y"),
          "lead_created 1 l lead_id=L owner_id=cy", "customer_churned 9500000 c customer_id=x",
          "contact_made 500 n contact_id=N customer_id=x direction=in medium=m",
          "ticket_opened 600 t ticket_id=T kind=customer customer_id=x", "login 700 i user_id=u customer_id=x" },
        { "customer_acquired 1 p customer_id=y owner_id=ann region=n lead_id=L",
          "customer_acquired 2 q customer_id=y owner_id=bob region=s", "lead_created 1 l lead_id=L owner_id=cy",
          "customer_churned 9500000 c customer_id=y",
          "contact_made 500 n contact_id=N customer_id=y direction=in medium=m",
          "ticket_opened 600 t ticket_id=T kind=customer customer_id=y", "login 700 i user_id=u customer_id=y" } });
}

Test(engine_merge, leads_and_deals_take_over_each_others_history)
{
    same(&(struct pair){
        { "lead_created 1 a lead_id=L owner_id=ann channel=web", "lead_created 2 b lead_id=M owner_id=bob", OPENED, WON,
          "lead_qualified 5 q lead_id=L", MERGE("lead", "L", "M") },
        { "lead_created 1 a lead_id=M owner_id=ann channel=web", "lead_created 2 b lead_id=M owner_id=bob",
          "deal_opened 1000000 o deal_id=D owner_id=ann amount_micros=50 stage=s lead_id=M", WON,
          "lead_qualified 5 q lead_id=M" } });
    same(&(struct pair){ { OPENED, "deal_closed 2000000 w deal_id=E outcome=won amount_micros=70 customer_id=k",
                           "order_refunded 2500000 f refund_id=F deal_id=D amount_micros=20",
                           "order_placed 2600000 p order_id=O customer_id=k amount_micros=9 items=1 deal_id=E",
                           "order_refunded 2700000 g refund_id=G order_id=O amount_micros=2", MERGE("deal", "E", "D") },
                         { OPENED, WON, "order_refunded 2500000 f refund_id=F deal_id=D amount_micros=20",
                           "order_placed 2600000 p order_id=O customer_id=k amount_micros=9 items=1 deal_id=D",
                           "order_refunded 2700000 g refund_id=G order_id=O amount_micros=2" } });
}

Test(engine_merge, users_in_every_role)
{
    same(&(struct pair){
        { "user_enabled 1 a user_id=u team_id=t", "user_enabled 2 b user_id=w team_id=s", "login 3 c user_id=u",
          "login 4 d user_id=w", MERGE("user", "u", "w"),
          "ticket_opened 5 e ticket_id=T kind=customer owner_id=u team_id=z",
          "ticket_first_response 6 f ticket_id=T responder_id=u team_id=z",
          "ticket_resolved 7 g ticket_id=T resolver_id=u", "login 9500000 h user_id=u",
          "deal_opened 8 j deal_id=D owner_id=x amount_micros=5 stage=s",
          "owner_changed 9 k entity_kind=deal entity_id=D to_owner=u team_id=z",
          "survey_answered 10 n response_id=A kind=csat score_milli=4000 scale_min=1 scale_max=5 about_user_id=u",
          "target_set 11 o target_id=G kpi_id=sales_amount subject=rep:u cycle=1970-01 value=9 currency=CNY" },
        { "user_enabled 1 a user_id=w team_id=t", "user_enabled 2 b user_id=w team_id=s", "login 3 c user_id=w",
          "login 4 d user_id=w", "ticket_opened 5 e ticket_id=T kind=customer owner_id=w team_id=z",
          "ticket_first_response 6 f ticket_id=T responder_id=w team_id=z",
          "ticket_resolved 7 g ticket_id=T resolver_id=w", "login 9500000 h user_id=w",
          "deal_opened 8 j deal_id=D owner_id=x amount_micros=5 stage=s",
          "owner_changed 9 k entity_kind=deal entity_id=D to_owner=w team_id=z",
          "survey_answered 10 n response_id=A kind=csat score_milli=4000 scale_min=1 scale_max=5 about_user_id=w",
          "target_set 11 o target_id=G kpi_id=sales_amount subject=rep:w cycle=1970-01 value=9 currency=CNY" } });
}

Test(engine_merge, chains_circles_and_what_does_not_exist)
{
    static const char x[] = "customer_acquired 1 p customer_id=x owner_id=ann",
                      y[] = "customer_acquired 2 q customer_id=y", z[] = "customer_acquired 3 r customer_id=z";
    same(&(struct pair){
        { x, y, z, MERGE("customer", "x", "y"), "entity_merged 9000001 n entity_kind=customer from_id=y into_id=z" },
        { "customer_acquired 1 p customer_id=z owner_id=ann", "customer_acquired 2 q customer_id=z", z } });
    /* what is merged a second time takes along what it stands for by then */
    same(&(struct pair){
        { x, y, z, MERGE("customer", "x", "y"), "entity_merged 9000001 n entity_kind=customer from_id=x into_id=z" },
        { "customer_acquired 1 p customer_id=z owner_id=ann", "customer_acquired 2 q customer_id=z", z } });
    same(&(struct pair){
        { x, y, MERGE("customer", "x", "y"), "entity_merged 9000001 n entity_kind=customer from_id=y into_id=x" },
        { "customer_acquired 1 p customer_id=y owner_id=ann", y } });
    same(&(struct pair){
        { x, y, MERGE("customer", "x", "x"), "entity_merged 9000001 n entity_kind=product from_id=y into_id=x" },
        { x, y } });
}

Test(engine_merge, a_retracted_merge_never_was)
{
    static const char x[] = "customer_acquired 1 p customer_id=x owner_id=ann",
                      y[] = "customer_acquired 2 q customer_id=y",
                      buys[] = "order_placed 9500000 c order_id=C customer_id=x amount_micros=7 items=1";
    same(&(struct pair){ { x, y, MERGE("customer", "x", "y"), buys, "event_retracted 9900000 r target_event_id=m" },
                         { x, y, buys } });
    same(&(struct pair){ { x, y, MERGE("customer", "x", "y"), buys, "event_retracted 9900000 r target_event_id=m",
                           "event_retracted 9900001 s target_event_id=r" },
                         { "customer_acquired 1 p customer_id=y owner_id=ann", y,
                           "order_placed 9500000 c order_id=C customer_id=y amount_micros=7 items=1" } });
}

/* Deleted before: brings nothing. Deleted afterwards, under either name: both go. */
Test(engine_merge, and_deletions)
{
    static const char x[] = "lead_created 1 p lead_id=x owner_id=ann", y[] = "lead_created 2 q lead_id=y owner_id=bob",
                      before[] = "entity_deleted 8000000 d entity_kind=lead entity_id=x",
                      after[] = "entity_deleted 9100000 d entity_kind=lead entity_id=x";
    same(&(struct pair){ { x, y, before, MERGE("lead", "x", "y") }, { y } });
    same(&(struct pair){ { x, y, after, MERGE("lead", "x", "y") }, { NULL } });
}

/* ---- erasure: as if nobody had that name (T35); with erase=keep under a name that nobody can tell ---- */

#define ERASE(kind, id) "entity_deleted 9000000 d entity_kind=" kind " entity_id=" id " erase=1"

Test(engine_erase, leaves_what_the_others_did)
{
    static const char lead[] = "lead_created 5 l lead_id=L owner_id=bob team_id=t";
    same(&(struct pair){ { "user_enabled 1 a user_id=ann team_id=t", "login 2 b user_id=ann",
                           "feature_used 3 c user_id=ann feature=f", "login 4 e user_id=bob", lead, WON,
                           ERASE("user", "ann"), "ticket_opened 6 g ticket_id=T kind=customer owner_id=ann",
                           "login 9500000 h user_id=ann" },
                         { "login 4 e user_id=bob", lead, WON, "ticket_opened 6 g ticket_id=T kind=customer" } });
    /* an erased owner's deal does not fall to the owner of its lead */
    same(
        &(struct pair){ { lead, OPENED, ERASE("user", "ann") },
                        { lead, "deal_opened 1000000 o deal_id=D owner_id=\x7f amount_micros=50 stage=s lead_id=L" } });
    same(&(struct pair){ { "customer_acquired 1 a customer_id=x owner_id=ann",
                           "order_placed 2 b order_id=O customer_id=x amount_micros=5 items=1 owner_id=ann",
                           ERASE("customer", "x") },
                         { "order_placed 2 b order_id=O customer_id=\x7f amount_micros=5 items=1 owner_id=ann" } });
}

Test(engine_erase, is_final_for_merges_and_can_be_retracted)
{
    static const char x[] = "customer_acquired 1 a customer_id=x owner_id=ann",
                      y[] = "customer_acquired 2 b customer_id=y owner_id=bob";
    same(&(struct pair){
        { x, y, ERASE("customer", "x"), "entity_merged 9000001 m entity_kind=customer from_id=x into_id=y" }, { y } });
    same(&(struct pair){
        { x, y, MERGE("customer", "x", "y"), "entity_deleted 9000001 d entity_kind=customer entity_id=x erase=1" },
        { NULL } });
    same(&(struct pair){ { x, y, ERASE("customer", "x"), "event_retracted 9000001 r target_event_id=d" }, { x, y } });
}

/* How many marks stand as of an instant, 0 or 1; the last one's field in `text`. */
static size_t marks(const char *const *lines, int64_t upto_ms, char text[256])
{
    struct definitions defs = { 0 };
    struct rig_cells c = { 0 };
    *text = 0;
    rig_org(&defs, zone_utc());
    rig_all_measures(&defs);
    struct engine *e = rig_engine(&defs);
    struct rig_event *ev = malloc(sizeof *ev);
    for (uint32_t i = 0; i < LINES_MAX && lines[i]; i++) {
        rig_parse(ev, lines[i]);
        cr_assert_eq(engine_apply(e, &ev->ev, INT64_MIN), APPLY_DONE);
        rig_take(&c, e);
    }
    int64_t sum = 0;
    for (size_t i = 0; i < c.n; i++) {
        bool mark = c.v[i].field.n > 7 && memcmp(c.v[i].field.p, "rep:%7F", 7) == 0;
        if (!mark || c.v[i].cause_ms > upto_ms || c.v[i].grain == CELL_HOUR) /* its steps */
            continue;
        cr_assert_eq(c.v[i].grain, CELL_GAUGE);
        snprintf(text, 256, "%.*s", (int)c.v[i].field.n, c.v[i].field.p);
        sum += c.v[i].value;
    }
    rig_cells_release(&c);
    definitions_free(&defs);
    free(ev);
    engine_free(e);
    cr_assert(sum == 0 || sum == 1, "%lld", (long long)sum);
    return (size_t)sum;
}

Test(engine_erase, leaves_a_mark_that_names_nobody)
{
    char text[256];
    static const char login[] = "login 2 b user_id=ann", retracted[] = "event_retracted 9500000 r target_event_id=d",
                      plain[] = "entity_deleted 9000000 d entity_kind=user entity_id=ann";
    const char *const erased[] = { login, ERASE("user", "ann"), "login 9600000 h user_id=ann", NULL };
    const char *const unknown[] = { ERASE("user", "ann"), NULL };
    const char *const back[] = { retracted, login, ERASE("user", "ann"), NULL };
    const char *const customer[] = { "customer_acquired 1 a customer_id=ann", ERASE("customer", "ann"), NULL };
    const char *const deleted[] = { login, plain, NULL };
    cr_assert_eq(marks(erased, INT64_MAX, text), 1);
    cr_assert_eq(strstr(text, "ann"), NULL, "%s", text);
    cr_assert_eq(marks(erased, 8999999, text), 0, "not before the deletion");
    cr_assert_eq(marks(unknown, INT64_MAX, text), 1);
    cr_assert_eq(marks(back, INT64_MAX, text), 0);
    cr_assert_eq(marks(back, 9499999, text), 1, "until the retraction");
    cr_assert_eq(marks(customer, INT64_MAX, text), 0, "customers are no subjects");
    cr_assert_eq(marks(deleted, INT64_MAX, text), 0, "a deletion alone leaves the id where it is");
}

/* The engine: what each tracker contributes, by hand; duplicates, conflicts, late events; records that have to be fetched; flushes.
 *
 * Expected figures come from the domain specification, sections 2 and 3. Cells are read as sums over all panes unless a pane is named. */
#include "engine_rig.h"
#include "test_zones.h"

static const int64_t t0 = 1740960000000; /* 2025-03-03T00:00Z, a Monday */

struct rig {
    struct definitions defs;
    struct engine *e;
    struct rig_cells cells;
    struct rig_event ev;
};

static struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof *r);
    rig_org(&r->defs, zone_utc());
    rig_all_measures(&r->defs);
    r->e = rig_engine(&r->defs);
    return r;
}

static void rig_free(struct rig *r)
{
    engine_free(r->e);
    rig_cells_release(&r->cells);
    definitions_free(&r->defs);
    free(r);
}

/* "type +HOURS id field=value ...": hours after t0; "@H" in a value likewise. */
static void expand_hours(const char *line, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *p = line; *p && n + 24 < cap;) {
        bool time = (*p == '+' && p[-1] == ' ') || *p == '@';
        if (!time) {
            out[n++] = *p++;
            continue;
        }
        char *end;
        n += (size_t)snprintf(out + n, cap - n, "%lld", (long long)(t0 + strtol(p + 1, &end, 10) * TEST_HOUR));
        p = end;
    }
    out[n] = 0;
}

static enum apply_result try(struct rig *r, const char *line)
{
    char text[512];
    expand_hours(line, text, sizeof text);
    rig_parse(&r->ev, text);
    enum apply_result result = engine_apply(r->e, &r->ev.ev, INT64_MIN);
    rig_take(&r->cells, r->e);
    return result;
}

static void say(struct rig *r, const char *line)
{
    cr_assert_eq(try(r, line), APPLY_DONE, "%s", line);
}

static int64_t now(const struct rig *r, const char *field)
{
    return rig_sum(&r->cells, field, CELL_HOUR, INT64_MIN, INT64_MAX);
}

static int64_t gauge_at(const struct rig *r, const char *field, int64_t hours)
{
    return rig_sum(&r->cells, field, CELL_GAUGE, 0, t0 + hours * TEST_HOUR);
}

static int64_t in_hour(const struct rig *r, const char *field, int64_t hours)
{
    return rig_sum(&r->cells, field, CELL_HOUR, t0 + hours * TEST_HOUR, INT64_MAX);
}

/* The steps up to the end of an hour. */
static int64_t level_at(const struct rig *r, const char *field, int64_t hours)
{
    int64_t sum = 0;
    for (size_t i = 0; i < r->cells.n; i++) {
        const struct cell_delta *d = &r->cells.v[i];
        if (d->grain == CELL_HOUR && d->pane_ms <= t0 + hours * TEST_HOUR && slice_eq(d->field, slice_of(field)))
            sum += d->value;
    }
    return sum;
}

#define expect(got, want) cr_assert_eq(got, want, #got " = %lld", (long long)(got))

/* ---- leads ---- */

Test(engine_lead, cohort_numerators_lie_in_the_pane_of_the_creation)
{
    struct rig *r = rig_new();
    say(r, "lead_created +1 a lead_id=L1 owner_id=ann channel=web prob_ppm=200000");
    say(r, "lead_created +2 b lead_id=L2 owner_id=bo");
    expect(gauge_at(r, "org:o|lead_open", 2), 2);
    expect(gauge_at(r, "channel:web|lead_open~prob_ppm", 2), 200000);
    say(r, "lead_qualified +49 c lead_id=L1");
    expect(in_hour(r, "org:o|lead~qualified", 1), 1);
    expect(in_hour(r, "org:o|lead_qualified", 49), 1); /* the fact of that name: at the qualification */
    expect(now(r, "rep:ann|lead_qualified~qualify_ms"), 48 * TEST_HOUR);
    expect(in_hour(r, "rep:ann|lead~converted", 1), 0);
    say(r, "customer_acquired +60 d customer_id=k1 lead_id=L1");
    expect(in_hour(r, "rep:ann|lead~converted", 1), 1);
    expect(in_hour(r, "rep:ann|lead_converted", 60), 1);
    expect(gauge_at(r, "org:o|lead_open", 59), 2);
    expect(gauge_at(r, "org:o|lead_open", 60), 1);
    say(r, "lead_disqualified +61 e lead_id=L2 reason=x");
    expect(now(r, "rep:bo|lead"), 1);
    expect(gauge_at(r, "org:o|lead_open", 61), 0);
    rig_free(r);
}

Test(engine_lead, won_by_a_deal_that_names_it_until_that_is_reopened)
{
    struct rig *r = rig_new();
    rig_measure(&r->defs, "leads_won", "lead", AGG_COUNT, "won == 1", NULL);
    engine_free(r->e);
    r->e = rig_engine(&r->defs);
    say(r, "deal_opened +2 a deal_id=D1 owner_id=bo amount_micros=7 stage=s lead_id=L1");
    say(r, "deal_closed +9 b deal_id=D1 outcome=won amount_micros=7");
    expect(now(r, "org:o|leads_won"), 0); /* the lead is not known yet */
    say(r, "lead_created +1 c lead_id=L1 owner_id=ann channel=web");
    expect(in_hour(r, "rep:ann|leads_won", 1), 1);      /* cohort: the owner at creation */
    expect(now(r, "channel:web|deal_close~amount"), 7); /* the deal takes the lead's channel */
    say(r, "deal_reopened +10 d deal_id=D1");
    expect(now(r, "org:o|leads_won"), 0);
    expect(rig_sum(&r->cells, "org:o|leads_won", CELL_HOUR, INT64_MIN, t0 + 9 * TEST_HOUR),
           1); /* as of then it was won */
    rig_free(r);
}

/* ---- deals ---- */

Test(engine_deal, a_close_counts_at_once_and_its_cycle_when_the_opening_arrives)
{
    struct rig *r = rig_new();
    say(r, "deal_closed +30 b deal_id=D1 outcome=won amount_micros=100 owner_id=ann");
    expect(in_hour(r, "rep:ann|deal_close~amount", 30), 100);
    expect(now(r, "rep:ann|cycle.n"), 0);
    say(r, "deal_opened +6 a deal_id=D1 owner_id=ann amount_micros=80 stage=s");
    expect(now(r, "rep:ann|cycle.n"), 1);
    expect(now(r, "rep:ann|cycle.sum"), 24 * TEST_HOUR);
    expect(now(r, "rep:ann|deal_close~amount"), 100); /* the late opening does not undo the close's amount */
    expect(gauge_at(r, "org:o|deal_open~amount", 29), 80);
    expect(gauge_at(r, "org:o|deal_open~amount", 30), 0);
    rig_free(r);
}

Test(engine_deal, an_amend_acts_in_the_pane_of_the_close)
{
    struct rig *r = rig_new();
    say(r, "deal_opened +1 a deal_id=D2 owner_id=bo amount_micros=50000 stage=s product_id=p1");
    say(r, "deal_closed +5 b deal_id=D2 outcome=won amount_micros=56000 items=2 cost_micros=30000");
    expect(in_hour(r, "product:p1|txn~amount", 5), 56000);
    say(r, "deal_amended +90 c deal_id=D2 amount_micros=50000 product_id=p2");
    expect(in_hour(r, "product:p1|txn~amount", 5), 0);
    expect(in_hour(r, "product:p2|txn~amount", 5), 50000);
    expect(in_hour(r, "org:o|txn~cost", 5), 30000);
    expect(in_hour(r, "org:o|txn~amount", 90), 0);
    say(r, "deal_amended +91 d deal_id=D2 closed_at_ms=@7");
    expect(in_hour(r, "org:o|txn~amount", 5), 0);
    expect(in_hour(r, "org:o|txn~amount", 7), 50000);
    rig_free(r);
}

Test(engine_deal, a_reopen_withdraws_and_the_next_close_counts_at_its_own_time)
{
    struct rig *r = rig_new();
    say(r, "deal_opened +1 a deal_id=D3 owner_id=cy amount_micros=45000 stage=s prob_ppm=500000");
    say(r, "deal_closed +5 b deal_id=D3 outcome=lost amount_micros=45000 reason=price");
    expect(now(r, "kind:price|lost"), 1);
    say(r, "deal_reopened +8 c deal_id=D3 reason=second_thoughts");
    expect(now(r, "kind:price|lost"), 0);
    expect(gauge_at(r, "rep:cy|deal_open~amount", 5), 0); /* as of then it was closed */
    expect(gauge_at(r, "rep:cy|deal_open~amount", 8), 45000);
    expect(gauge_at(r, "rep:cy|deal_open~weighted", 8), 22500);
    say(r, "deal_closed +9 d deal_id=D3 outcome=lost amount_micros=1");
    expect(now(r, "kind:unspecified|lost"), 1); /* the reopen's reason is none of the close's */
    say(r, "deal_closed +10 e deal_id=D3 outcome=won amount_micros=50000");
    expect(now(r, "org:o|lost"), 0); /* a second close replaces the first */
    expect(in_hour(r, "rep:cy|txn~amount", 10), 50000);
    rig_free(r);
}

Test(engine_deal, a_reopen_that_comes_first_waits_for_its_close)
{
    struct rig *r = rig_new();
    say(r, "deal_reopened +8 c deal_id=D3");
    expect(r->cells.n, 0);
    say(r, "deal_closed +5 b deal_id=D3 outcome=won amount_micros=4");
    expect(now(r, "org:o|txn"), 0);
    expect(rig_sum(&r->cells, "org:o|txn", CELL_HOUR, INT64_MIN, t0 + 7 * TEST_HOUR), 1);
    expect(gauge_at(r, "org:o|deal_open", 99), 0); /* never opened: not open either */
    rig_free(r);
}

/* T22: owner A to B on day 10, won on day 20 and on day 5. */
Test(engine_deal, credit_stays_with_the_owner_of_the_time)
{
    struct rig *r = rig_new();
    say(r, "deal_opened +0 a deal_id=D1 owner_id=A amount_micros=1 stage=s");
    say(r, "deal_opened +0 b deal_id=D2 owner_id=A amount_micros=2 stage=s");
    say(r, "deal_opened +0 c deal_id=D3 owner_id=A amount_micros=4 stage=s");
    say(r, "deal_closed +120 d deal_id=D1 outcome=won amount_micros=1");
    say(r, "deal_closed +480 e deal_id=D2 outcome=won amount_micros=2");
    say(r, "owner_changed +240 f entity_kind=deal entity_id=D1 to_owner=B");
    say(r, "owner_changed +240 g entity_kind=deal entity_id=D2 to_owner=B");
    say(r, "owner_changed +240 h entity_kind=deal entity_id=D3 to_owner=B");
    expect(now(r, "rep:A|txn~amount"), 1);
    expect(now(r, "rep:B|txn~amount"), 2);
    expect(gauge_at(r, "rep:A|deal_open~amount", 239), 4 + 2);
    expect(gauge_at(r, "rep:B|deal_open~amount", 240), 4 + 2);
    expect(gauge_at(r, "rep:A|deal_open~amount", 240), 0); /* gauges move at once */
    rig_free(r);
}

Test(engine_deal, takes_the_customer_acquired_first_from_its_lead)
{
    struct rig *r = rig_new();
    say(r, "deal_closed +9 a deal_id=D1 outcome=won amount_micros=1");
    say(r, "deal_opened +3 b deal_id=D1 owner_id=u amount_micros=1 stage=s lead_id=L1");
    expect(now(r, "org:o|buyers"), 0);
    say(r, "customer_acquired +12 c customer_id=k2 lead_id=L1");
    expect(in_hour(r, "org:o|buyers", 9), 1);
    say(r, "deal_closed +20 d deal_id=D2 outcome=won amount_micros=1 customer_id=k1");
    expect(now(r, "org:o|repeat_buyers"), 0);
    say(r, "customer_acquired +11 e customer_id=k1 lead_id=L1"); /* earlier: both sales are k1's now */
    expect(now(r, "org:o|buyers"), 1);
    expect(now(r, "org:o|repeat_buyers"), 1);
    rig_free(r);
}

/* ---- orders and refunds ---- */

/* T23: at_refund and at_order; a refund above the order. */
Test(engine_refund, counts_in_time_order_up_to_what_stands)
{
    struct rig *r = rig_new();
    say(r, "order_placed +1 a order_id=O1 customer_id=k amount_micros=100 cost_micros=40 items=1 owner_id=u");
    say(r, "order_refunded +30 b refund_id=F2 order_id=O1 amount_micros=60 cost_micros=30");
    expect(in_hour(r, "rep:u|refund~amount", 30), 60);
    expect(in_hour(r, "rep:u|refund~amount", 1),
           60); /* the same, booked at the order; a measure takes one of the modes */
    say(r, "order_refunded +20 c refund_id=F1 order_id=O1 amount_micros=70");
    expect(in_hour(r, "rep:u|refund~amount", 20), 70);
    expect(in_hour(r, "rep:u|refund~amount", 30), 30 + 30); /* only 30 were left; the rest has the mode "excess" */
    expect(in_hour(r, "rep:u|refund~cost", 30), 15);
    say(r, "order_amended +40 d order_id=O1 amount_micros=120");
    expect(in_hour(r, "rep:u|refund~amount", 30), 50 + 10); /* judged again */
    say(r, "order_refunded +50 e refund_id=F1 order_id=O1 amount_micros=5");
    expect(in_hour(r, "rep:u|refund~amount", 50), 0); /* the same refund again */
    say(r, "order_cancelled +60 f order_id=O1");
    expect(now(r, "org:o|refund"), 0);
    expect(now(r, "org:o|txn"), 0);
    expect(now(r, "org:o|order"), 0);
    rig_free(r);
}

Test(engine_refund, of_an_order_counts_for_the_deal_that_the_order_names)
{
    struct rig *r = rig_new();
    rig_measure(&r->defs, "deal_refunds", "refund", AGG_SUM, "basis == 'deals' and mode == 'at_refund'", "amount");
    engine_free(r->e);
    r->e = rig_engine(&r->defs);
    say(r, "order_refunded +9 a refund_id=F1 order_id=O1 amount_micros=30");
    say(r, "order_placed +1 b order_id=O1 customer_id=k amount_micros=100 items=1 deal_id=D1 owner_id=x");
    expect(now(r, "org:o|deal_refunds"), 0); /* no sale yet */
    say(r, "deal_closed +2 c deal_id=D1 outcome=won amount_micros=20 owner_id=ann");
    expect(in_hour(r, "rep:ann|deal_refunds", 9), 20); /* up to the deal's amount, credited like the sale */
    say(r, "order_refunded +8 d refund_id=F2 deal_id=D1 amount_micros=5");
    expect(in_hour(r, "rep:ann|deal_refunds", 8), 5);
    expect(in_hour(r, "rep:ann|deal_refunds", 9), 15);
    say(r, "deal_reopened +20 e deal_id=D1");
    expect(now(r, "org:o|deal_refunds"), 0);
    rig_free(r);
}

Test(engine_order, takes_owner_and_dimensions_from_its_customer)
{
    struct rig *r = rig_new();
    say(r, "order_placed +1 a order_id=O1 customer_id=k amount_micros=10 items=1");
    say(r, "order_placed +9 b order_id=O2 customer_id=k amount_micros=20 items=1 region=south");
    say(r, "customer_acquired +0 c customer_id=k owner_id=ann region=north");
    expect(now(r, "rep:ann|txn~amount"), 30);
    expect(now(r, "region:north|txn~amount"), 10);
    expect(now(r, "region:south|txn~amount"), 20);
    say(r, "owner_changed +5 d entity_kind=customer entity_id=k to_owner=bo");
    expect(now(r, "rep:ann|txn~amount"), 10);
    expect(now(r, "rep:bo|txn~amount"), 20);
    expect(now(r, "org:o|buyers"), 1);
    expect(now(r, "org:o|repeat_buyers"), 1);
    rig_free(r);
}

/* ---- customers: T25 in small ---- */

Test(engine_customer, joined_and_left_of_any_window_follow_from_the_transitions)
{
    struct rig *r = rig_new();
    say(r, "customer_acquired +0 a customer_id=k1 owner_id=u");
    say(r, "customer_acquired +1 b customer_id=k2 owner_id=u");
    say(r, "customer_churned +10 c customer_id=k1 reason=price");
    say(r, "customer_acquired +12 d customer_id=k3 owner_id=u");
    say(r, "customer_churned +14 e customer_id=k3");
    say(r, "customer_acquired +15 f customer_id=k1"); /* of the same customer again: ignored */
    expect(level_at(r, "org:o|member~n", 9), 2);
    expect(level_at(r, "rep:u|member~n", 99), 1);
    int64_t joined = 0, left = 0; /* in [5, now): k1 left; k3 came and went inside */
    for (int64_t h = 5; h < 20; h++) {
        joined += in_hour(r, "org:o|member_joined~n", h);
        left += in_hour(r, "org:o|member_left~n", h);
    }
    expect(joined, 0);
    expect(left, 1);
    expect(now(r, "kind:price|churn"), 1);
    expect(now(r, "org:o|customer_acquired"), 3);
    say(r, "customer_reactivated +18 g customer_id=k1");
    expect(level_at(r, "org:o|member~n", 18), 2);
    expect(now(r, "org:o|churn"), 2); /* the churn happened all the same */
    rig_free(r);
}

/* ---- tickets ---- */

/* The golden ticket: 09:00 opened, 13:00 resolved; reopened 23 h later, resolved 2 h after that. */
Test(engine_ticket, resolution_in_three_modes)
{
    struct rig *r = rig_new();
    static const char *const mode[] = { "total", "last", "first" };
    for (int i = 0; i < 3; i++) {
        char where[40];
        snprintf(where, sizeof where, "mode == '%s'", mode[i]);
        rig_measure(&r->defs, mode[i], "ticket_resolve", AGG_SUM, where, "res_ms");
    }
    engine_free(r->e);
    r->e = rig_engine(&r->defs);
    say(r, "ticket_opened +2 a ticket_id=T1 kind=customer owner_id=cy customer_id=k1");
    say(r, "ticket_first_response +3 b ticket_id=T1 responder_id=bot is_bot=1");
    say(r, "ticket_first_response +4 c ticket_id=T1 responder_id=ann");
    say(r, "ticket_resolved +6 d ticket_id=T1 resolver_id=cy");
    expect(now(r, "rep:ann|frt"), 2 * TEST_HOUR);
    expect(now(r, "rep:cy|total"), 4 * TEST_HOUR);
    expect(now(r, "rep:cy|ticket~fcr"), 1);
    say(r, "ticket_reopened +25 e ticket_id=T1");
    expect(now(r, "rep:cy|total"), 0);
    expect(in_hour(r, "rep:cy|first", 6), 4 * TEST_HOUR); /* never withdrawn */
    expect(gauge_at(r, "kind:customer|ticket_open", 25), 1);
    expect(gauge_at(r, "kind:customer|ticket_open", 24), 0);
    expect(now(r, "rep:cy|ticket~fcr"), 0);
    say(r, "ticket_resolved +27 f ticket_id=T1 resolver_id=bo");
    expect(in_hour(r, "rep:bo|total", 27), 6 * TEST_HOUR);
    expect(now(r, "rep:bo|last"), 25 * TEST_HOUR);
    expect(now(r, "rep:cy|ticket~reopened"), 1);
    say(r,
        "ticket_first_response +3 g ticket_id=T1 responder_id=zoe"); /* an earlier reply that arrives late replaces */
    expect(now(r, "rep:zoe|frt"), TEST_HOUR);
    expect(now(r, "rep:ann|frt"), 0);
    say(r, "ticket_resolved +28 h ticket_id=T1 resolver_id=bo");
    expect(now(r, "rep:bo|total"), 6 * TEST_HOUR); /* no reopen between: ignored */
    rig_free(r);
}

Test(engine_ticket, time_on_hold_is_left_out)
{
    struct rig *r = rig_new();
    say(r, "ticket_opened +0 a ticket_id=T1 kind=internal");
    say(r, "ticket_hold +1 b ticket_id=T1 on=1");
    say(r, "ticket_hold +3 c ticket_id=T1 on=0");
    say(r, "ticket_hold +8 d ticket_id=T1 on=1");
    say(r, "ticket_resolved +10 e ticket_id=T1 resolver_id=u");
    expect(now(r, "rep:u|res_last.sum"), 6 * TEST_HOUR);
    rig_free(r);
}

Test(engine_ticket, a_due_time_is_judged_when_met_or_when_it_has_passed)
{
    struct rig *r = rig_new();
    rig_measure(&r->defs, "met", "ticket_due", AGG_SUM, "due == 'response' and basis != 'business'", "met");
    rig_measure(&r->defs, "judged", "ticket_due", AGG_COUNT, "due == 'response' and basis != 'business'", NULL);
    engine_free(r->e);
    r->e = rig_engine(&r->defs);
    say(r, "ticket_opened +0 a ticket_id=T1 kind=customer first_due_ms=@8");
    expect(rig_sum(&r->cells, "org:o|judged", CELL_HOUR, INT64_MIN, t0 + 7 * TEST_HOUR),
           0); /* the due time itself is a cause */
    expect(rig_sum(&r->cells, "org:o|judged", CELL_HOUR, INT64_MIN, t0 + 8 * TEST_HOUR), 1);
    say(r, "ticket_first_response +8 b ticket_id=T1 responder_id=u"); /* T27: met to the millisecond */
    expect(now(r, "org:o|met"), 1);
    expect(now(r, "org:o|judged"), 1);
    say(r, "ticket_opened +0 c ticket_id=T2 kind=customer first_due_ms=@8");
    say(r, "ticket_first_response +9 d ticket_id=T2 responder_id=u");
    expect(now(r, "org:o|met"), 1);
    expect(now(r, "org:o|judged"), 2);
    rig_free(r);
}

Test(engine_ticket, a_negative_duration_counts_as_nothing_and_is_counted)
{
    struct rig *r = rig_new();
    struct engine_stats stats;
    say(r, "ticket_opened +5 a ticket_id=T1 kind=customer");
    say(r, "ticket_first_response +4 b ticket_id=T1 responder_id=u");
    expect(now(r, "rep:u|ticket_reply"), 1);
    expect(now(r, "rep:u|ticket_reply~frt_ms"), 0);
    engine_stats(r->e, &stats);
    expect((long long)stats.negative_durations, 1);
    say(r, "ticket_hold +6 c ticket_id=T1 on=1"); /* computed again: nothing new about it */
    engine_stats(r->e, &stats);
    expect((long long)stats.negative_durations, 1);
    rig_free(r);
}

/* ---- the rest ---- */

Test(engine_complaint, resolved_reopened_withdrawn)
{
    struct rig *r = rig_new();
    say(r, "complaint_filed +1 a complaint_id=C1 customer_id=k about_user_id=bo topic=late");
    say(r, "complaint_resolved +5 b complaint_id=C1 resolver_id=ann");
    expect(in_hour(r, "rep:bo|complaint_resolved", 5), 1);
    expect(now(r, "rep:bo|complaint_resolved~complaint_ms"), 4 * TEST_HOUR);
    expect(now(r, "kind:late|complaint"), 1);
    say(r, "complaint_reopened +6 c complaint_id=C1");
    expect(now(r, "org:o|complaint_resolved"), 0);
    say(r, "complaint_withdrawn +7 d complaint_id=C1");
    expect(now(r, "org:o|complaint"), 0);
    rig_free(r);
}

Test(engine_task, on_time_by_the_due_date_that_stands)
{
    struct rig *r = rig_new();
    say(r, "task_assigned +1 a task_id=K1 owner_id=u due_at_ms=@5 participants=2");
    say(r, "task_completed +6 b task_id=K1");
    expect(in_hour(r, "rep:u|task~done", 5), 1);
    expect(now(r, "rep:u|task~on_time"), 0);
    say(r, "task_assigned +2 c task_id=K1 owner_id=u due_at_ms=@7"); /* the new date judges again, in its own pane */
    expect(in_hour(r, "rep:u|task~on_time", 7), 1);
    expect(in_hour(r, "rep:u|task", 5), 0);
    expect(now(r, "rep:u|task~shared"), 1);
    say(r, "task_cancelled +9 d task_id=K1");
    expect(now(r, "org:o|task"), 0);
    rig_free(r);
}

/* T31: 5-star 5 5 4 2 2; the second answer of one response_id replaces the first, in its own pane. */
Test(engine_survey, top_two_and_the_newest_answer)
{
    struct rig *r = rig_new();
    say(r, "survey_answered +1 a response_id=A1 kind=csat score_milli=2000 scale_min=1 scale_max=5 about_user_id=u");
    say(r, "survey_answered +2 b response_id=A2 kind=csat score_milli=4000 scale_min=1 scale_max=5 about_user_id=u");
    expect(now(r, "rep:u|survey~top2"), 1);
    expect(now(r, "rep:u|survey~score5_micros"), 6000000);
    say(r, "survey_answered +3 c response_id=A1 kind=csat score_milli=10000 scale_min=0 scale_max=10 about_user_id=u");
    expect(now(r, "rep:u|survey~top2"), 2);
    expect(now(r, "rep:u|survey~score5_micros"), 9000000);
    expect(in_hour(r, "org:o|survey", 1), 0);
    expect(in_hour(r, "org:o|survey", 3), 1);
    rig_free(r);
}

Test(engine_user, a_team_is_that_of_the_org_chart_at_the_time)
{
    struct rig *r = rig_new();
    say(r, "user_enabled +0 a user_id=ann team_id=east");
    say(r, "deal_closed +5 b deal_id=D1 outcome=won amount_micros=1 owner_id=ann");
    say(r, "deal_closed +15 c deal_id=D2 outcome=won amount_micros=2 owner_id=ann");
    say(r,
        "deal_closed +16 d deal_id=D3 outcome=won amount_micros=4 owner_id=ann team_id=north"); /* its own team holds */
    say(r, "deal_opened +16 e deal_id=D4 owner_id=ann amount_micros=8 stage=s");
    expect(now(r, "team:east|txn~amount"), 3);
    say(r, "user_enabled +10 f user_id=ann team_id=west"); /* late: what came after it moves */
    expect(now(r, "team:east|txn~amount"), 1);
    expect(now(r, "team:west|txn~amount"), 2);
    expect(now(r, "team:north|txn~amount"), 4);
    say(r, "user_enabled +20 g user_id=ann team_id=south"); /* in time: only the open deal moves */
    expect(now(r, "team:west|txn~amount"), 2);
    expect(gauge_at(r, "team:west|deal_open~amount", 19), 8);
    expect(gauge_at(r, "team:south|deal_open~amount", 20), 8);
    expect(in_hour(r, "team:west|user_enabled~n", 10), 1);
    expect(in_hour(r, "team:west|user_enabled~n", 20), -1);
    expect(in_hour(r, "team:south|user_enabled~n", 20), 1);
    say(r, "user_disabled +30 h user_id=ann");
    expect(now(r, "team:south|user_enabled~n"), 0);
    expect(now(r, "org:o|user_enabled~n"), 0);
    rig_free(r);
}

/* Presence by whole days: a day counts on which the user was enabled at any instant, for the team of its end. t0 is a midnight in UTC. */
Test(engine_user, days_of_presence_are_whole)
{
    struct rig *r = rig_new();
    say(r, "user_enabled +10 a user_id=ann team_id=east");
    expect(in_hour(r, "team:east|user_days~n", 0), 1);
    say(r, "user_disabled +58 b user_id=ann"); /* on the third day: it still counts */
    expect(in_hour(r, "team:east|user_days~n", 48), 0);
    expect(in_hour(r, "team:east|user_days~n", 72), -1);
    say(r, "user_disabled +48 c user_id=ann"); /* before its first instant: it does not */
    expect(in_hour(r, "team:east|user_days~n", 48), -1);
    expect(in_hour(r, "team:east|user_days~n", 72), 0);
    say(r, "user_enabled +30 d user_id=ann team_id=west");
    expect(in_hour(r, "team:east|user_days~n", 24), -1);
    expect(in_hour(r, "team:west|user_days~n", 24), 1);
    expect(now(r, "org:o|user_days~n"), 0);
    rig_free(r);
}

/* A login counts once a working day and user, if the user was enabled at some instant of that day. */
Test(engine_user, days_of_use)
{
    struct rig *r = rig_new();
    say(r, "login +9 a user_id=ann");
    expect(now(r, "rep:ann|once_user_day"), 0);
    say(r, "user_enabled +15 b user_id=ann team_id=east");
    expect(in_hour(r, "rep:ann|once_user_day", 0), 1);
    say(r, "login +16 c user_id=ann");
    say(r, "login +33 d user_id=ann");
    expect(now(r, "rep:ann|once_user_day"), 2);
    say(r, "user_disabled +24 e user_id=ann");
    expect(now(r, "rep:ann|once_user_day"), 1);
    rig_free(r);
}

/* T16: enabled last year, first event in the window: not new. */
Test(engine_user, new_is_decided_by_the_enabling_even_if_it_is_told_late)
{
    struct rig *r = rig_new();
    say(r, "login +9 a user_id=ann");
    expect(now(r, "rep:ann|once_usage.new.d"), 1);
    say(r, "user_enabled +-9000 b user_id=ann");
    expect(now(r, "rep:ann|once_usage.new.d"), 0);
    expect(now(r, "rep:ann|once_usage.new.m"), 0);
    expect(now(r, "rep:ann|once_usage.res.d"), 1);
    expect(now(r, "rep:ann|once_usage.d"), 1);
    rig_free(r);
}

Test(engine_target, the_newest_holds_and_rolls_up)
{
    struct rig *r = rig_new();
    say(r, "user_enabled +-100 u user_id=ann team_id=east");
    say(r, "target_set +0 a target_id=G1 kpi_id=sales_amount subject=rep:ann cycle=2025-03 value=100");
    say(r, "target_set +9 b target_id=G1 kpi_id=sales_amount subject=rep:ann cycle=2025-03 value=80");
    expect(now(r, "rep:ann|own_target"), 80);
    expect(now(r, "team:east|team_target"), 80);
    expect(rig_sum(&r->cells, "rep:ann|own_target", CELL_HOUR, 1740787200000, INT64_MAX), 80); /* 1 March */
    say(r, "target_set +9 c target_id=G2 kpi_id=sales_amount subject=nonsense cycle=2025-03 value=80");
    say(r, "target_set +9 d target_id=G3 kpi_id=sales_amount subject=rep:ann cycle=2025-77 value=80");
    expect(now(r, "org:o|team_target"), 80);
    rig_free(r);
}

Test(engine_delete, all_contributions_leave)
{
    struct rig *r = rig_new();
    say(r, "deal_opened +1 a deal_id=D1 owner_id=u amount_micros=9 stage=s customer_id=k");
    say(r, "deal_closed +2 b deal_id=D1 outcome=won amount_micros=9");
    say(r, "login +3 c user_id=u customer_id=k");
    say(r, "entity_deleted +9 d entity_kind=deal entity_id=D1");
    say(r, "entity_deleted +9 e entity_kind=user entity_id=u");
    rig_cells_net(&r->cells, false);
    expect(r->cells.n, 0);
    rig_free(r);
}

/* ---- duplicates and refusals ---- */

Test(engine_refuse, the_same_event_counts_once_and_another_payload_is_a_conflict)
{
    struct rig *r = rig_new();
    struct engine_stats stats;
    say(r, "lead_created +1 a lead_id=L1 owner_id=u");
    expect((int)try(r, "lead_created +1 a lead_id=L1 owner_id=u"), APPLY_DUPLICATE);
    expect((int)try(r, "lead_created +1 a lead_id=L1 owner_id=u source=elsewhere"), APPLY_DUPLICATE);
    expect((int)try(r, "lead_created +1 a lead_id=L1 owner_id=v"), APPLY_CONFLICT);
    expect((int)try(r, "lead_created +2 a lead_id=L1 owner_id=u"), APPLY_CONFLICT);
    expect((int)try(r, "lead_created +1 a lead_id=L1 owner_id=u entity_seq=1"), APPLY_CONFLICT);
    expect(now(r, "org:o|lead"), 1);
    engine_stats(r->e, &stats);
    expect(stats.applied, 1);
    expect(stats.duplicates, 2);
    expect(stats.conflicts, 3);
    rig_free(r);
}

Test(engine_refuse, an_event_behind_the_lateness_changes_nothing)
{
    struct rig *r = rig_new();
    char text[200];
    r->defs.lateness_ms = TEST_HOUR;
    snprintf(text, sizeof text, "lead_created %lld a lead_id=L1 owner_id=u", (long long)t0);
    rig_parse(&r->ev, text);
    int64_t newest_ms = t0 + TEST_HOUR + r->defs.out_of_orderness_ms;
    expect((int)engine_apply(r->e, &r->ev.ev, newest_ms + 1), APPLY_LATE);
    cr_assert(engine_batch_empty(r->e) || engine_batch_records(r->e) == 0);
    expect((int)engine_apply(r->e, &r->ev.ev, newest_ms), APPLY_DONE);
    rig_free(r);
}

Test(engine_refuse, a_foreign_currency_and_an_unknown_org)
{
    struct rig *r = rig_new();
    strcpy(r->defs.org[0].currency, "CNY");
    expect((int)try(r, "order_placed +1 a order_id=O1 customer_id=k amount_micros=1 items=1 currency=USD"),
           APPLY_PARKED);
    expect((int)try(r, "order_placed +1 a2 order_id=O2 customer_id=k amount_micros=1 items=1 currency=CNY"),
           APPLY_DONE);
    free(r->defs.org[0].id);
    r->defs.org[0].id = strdup("acme");
    expect((int)try(r, "lead_created +1 b lead_id=L1 owner_id=u"), APPLY_NO_ORG);
    rig_free(r);
}

Test(engine_refuse, the_kind_of_a_deleted_entity_cannot_name_an_inner_record)
{
    struct rig *r = rig_new();
    say(r, "login +3 a user_id=u");
    int64_t before = now(r, "org:o|once_usage");
    say(r, "entity_deleted +9 b entity_kind=dst entity_id=org:o|once_usage/u");
    say(r, "entity_deleted +9 c entity_kind=dep entity_id=user/u/g20150");
    say(r, "owner_changed +9 d entity_kind=usage entity_id=u/20150 to_owner=x");
    say(r, "login +4 e user_id=u");
    expect(now(r, "org:o|once_usage"), before);
    rig_free(r);
}

/* ---- records that live in a store ---- */

static const char *const story[] = {
    "user_enabled +0 a user_id=ann team_id=east",
    "lead_created +1 b lead_id=L1 owner_id=ann channel=web",
    "deal_opened +2 c deal_id=D1 owner_id=ann amount_micros=9 stage=s lead_id=L1",
    "login +2 d user_id=ann",
    "customer_acquired +3 e customer_id=k1 lead_id=L1 owner_id=ann region=north",
    "order_placed +4 f order_id=O1 customer_id=k1 amount_micros=5 items=1",
    "deal_closed +5 g deal_id=D1 outcome=won amount_micros=8",
    "login +6 h user_id=ann",
    "feature_used +30 i user_id=ann feature=f",
    "user_enabled +4 j user_id=ann team_id=west",
    "order_refunded +7 k refund_id=F order_id=O1 amount_micros=2",
    "ticket_opened +8 l ticket_id=T1 kind=customer customer_id=k1 owner_id=ann first_due_ms=@9",
    "ticket_first_response +9 m ticket_id=T1 responder_id=ann",
    "deal_reopened +10 n deal_id=D1",
    "customer_churned +11 o customer_id=k1",
    "login +2 d user_id=ann",
    NULL,
};

static void tell_in_memory(struct rig *r)
{
    for (int i = 0; story[i]; i++)
        (void)try(r, story[i]);
    rig_cells_net(&r->cells, false);
}

/* What the feeds of all flushes say is what the cells say; and both are what the engine with everything in memory says. */
static void tell_with_store(struct rig *r, size_t cache_bytes, int flush_every, int conflict_every, uint32_t *ret_asked)
{
    const struct engine_options opt = { .cache_bytes = cache_bytes };
    struct rig_store *s = calloc(1, sizeof *s);
    struct rig_event *ev = calloc(32, sizeof *ev);
    struct engine *e = engine_new(&r->defs, &opt);
    char text[512];
    int from = 0;
    for (int i = 0; story[i]; i++) {
        expand_hours(story[i], text, sizeof text);
        rig_parse(&ev[i], text);
    }
    for (int i = 0, rounds = 0; story[i]; i++) {
        enum apply_result result;
        while ((result = engine_apply(e, &ev[i].ev, INT64_MIN)) == APPLY_NEED) {
            cr_assert_lt(++rounds, 500);
            rig_store_give(s, e);
        }
        cr_assert(result == APPLY_DONE || result == APPLY_DUPLICATE);
        if ((i + 1) % flush_every && story[i + 1])
            continue;
        struct store_flush f = { 0 };
        cr_assert_eq(engine_build_flush(e, t0, INT64_MAX, &f), 0);
        if (conflict_every && i % conflict_every == 0) { /* somebody else wrote: everything is read and run again */
            conflict_every = 0;
            engine_flush_begun(e);
            engine_reset(e);
            i = from - 1;
            continue;
        }
        cr_assert(rig_store_flush(s, &f), "versions");
        struct rig_cells sums = { 0 }, fed = { 0 };
        for (uint32_t k = 0; k < f.n_cells; k++) {
            struct cell_delta d = { .field = f.cell[k].field, .grain = CELL_HOUR, .value = f.cell[k].value };
            rig_cells_add(&sums, &d);
        }
        cr_assert_eq(feed_read(f.feed, rig_keep_delta, &r->cells), 0);
        cr_assert_eq(feed_read(f.feed, rig_keep_delta, &fed), 0);
        for (size_t k = 0; k < fed.n; k++) {
            fed.v[k].pane_ms = 0;
            fed.v[k].grain = CELL_HOUR;
        }
        rig_cells_net(&sums, false);
        rig_cells_net(&fed, false);
        cr_assert_eq(sums.n, fed.n, "cells %zu, feed %zu", sums.n, fed.n);
        for (size_t k = 0; k < sums.n; k++)
            cr_assert(slice_eq(sums.v[k].field, fed.v[k].field) && sums.v[k].value == fed.v[k].value);
        rig_cells_release(&sums);
        rig_cells_release(&fed);
        engine_flush_begun(e);
        engine_flush_applied(e);
        from = i + 1;
    }
    *ret_asked = s->asked;
    rig_cells_net(&r->cells, false);
    engine_free(e);
    free(ev);
    rig_store_free(s);
}

static void check_store(size_t cache_bytes, int flush_every, int conflict_every)
{
    struct rig *want = rig_new(), *got = rig_new();
    uint32_t asked;
    tell_in_memory(want);
    tell_with_store(got, cache_bytes, flush_every, conflict_every, &asked);
    cr_assert_gt(asked, 20);
    cr_assert_eq(want->cells.n, got->cells.n, "%zu cells, want %zu", got->cells.n, want->cells.n);
    for (size_t i = 0; i < want->cells.n; i++)
        cr_assert(rig_by_cell(&want->cells.v[i], &got->cells.v[i]) == 0 &&
                      want->cells.v[i].value == got->cells.v[i].value,
                  "%s", want->cells.v[i].field.p);
    rig_free(want);
    rig_free(got);
}

Test(engine_store, a_warm_cache_gives_what_memory_gives)
{
    check_store(64 << 20, 3, 0);
}

Test(engine_store, so_does_a_cache_that_forgets_everything)
{
    check_store(0, 1, 0);
}

Test(engine_store, and_a_batch_that_was_refused_and_run_again)
{
    check_store(64 << 20, 4, 3);
    check_store(0, 2, 5);
}

Test(engine_store, an_event_that_lacks_records_leaves_no_trace)
{
    struct rig *r = rig_new();
    const struct engine_options opt = { .cache_bytes = 64 << 20 };
    struct engine *e = engine_new(&r->defs, &opt);
    const struct slice *key;
    char text[512];
    expand_hours("deal_closed +5 g deal_id=D1 outcome=won amount_micros=8 owner_id=ann customer_id=k", text,
                 sizeof text);
    rig_parse(&r->ev, text);
    expect((int)engine_apply(e, &r->ev.ev, INT64_MIN), APPLY_NEED);
    cr_assert(engine_batch_empty(e));
    uint32_t n = engine_missing(e, &key);
    cr_assert_gt(n, 0);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = i + 1; k < n; k++)
            cr_assert_not(slice_eq(key[i], key[k]), "asked twice");
    expect((int)engine_apply(e, &r->ev.ev, INT64_MIN), APPLY_NEED);
    cr_assert(engine_batch_empty(e));
    cr_assert_eq(engine_missing(e, &key), n, "asked again");
    cr_assert_eq(engine_put(e, key[0], 3, SLICE("\xffgarbage")), -1);
    engine_free(e);
    rig_free(r);
}

/* The same thing in the same tick, in both directions: cells of 0 remain, so that the subject is listed (T4); nothing is fed. */
Test(engine_store, deltas_that_cancel_out_leave_zeros)
{
    struct rig *r = rig_new();
    const struct engine_options opt = { .all_in_memory = true };
    struct engine *e = engine_new(&r->defs, &opt);
    struct store_flush f = { 0 };
    static const char *const lines[] = { "complaint_filed +5 a complaint_id=C1 customer_id=k",
                                         "complaint_withdrawn +5 b complaint_id=C1" };
    for (int i = 0; i < 2; i++) {
        char text[512];
        struct rig_event *ev = malloc(sizeof *ev);
        expand_hours(lines[i], text, sizeof text);
        rig_parse(ev, text);
        expect((int)engine_apply(e, &ev->ev, INT64_MIN), APPLY_DONE);
        free(ev);
    }
    cr_assert_eq(engine_build_flush(e, t0, INT64_MAX, &f), 0);
    cr_assert_gt(f.n_cells, 0);
    for (uint32_t i = 0; i < f.n_cells; i++)
        cr_assert_eq(f.cell[i].value, 0);
    cr_assert_eq(f.feed.n, 0);
    cr_assert_eq(f.n_records, 5,
                 "the complaint, the index of its two events, the customer and the list of who names it");
    engine_flush_begun(e);
    engine_flush_applied(e);
    engine_free(e);
    rig_free(r);
}

/* What time alone changes lies ahead: each such delta of the feed is parked under its cause, and nothing else is. */
Test(engine_store, what_lies_ahead_is_parked)
{
    struct rig *r = rig_new();
    r->defs.customers.churn_after_ms = INT64_C(180) * 24 * 3600000;
    const struct engine_options opt = { .all_in_memory = true };
    struct engine *e = engine_new(&r->defs, &opt);
    struct store_flush f = { 0 };
    struct rig_cells fed = { 0 };
    char text[512];
    static struct rig_event ev;
    uint32_t parked = 0, ahead = 0;
    expand_hours("customer_acquired +0 a customer_id=k", text, sizeof text);
    rig_parse(&ev, text);
    cr_assert_eq(engine_apply(e, &ev.ev, INT64_MIN), APPLY_DONE);
    cr_assert_eq(engine_build_flush(e, t0, ev.ev.v[F_OCCURRED_AT_MS].i, &f), 0);
    cr_assert_eq(feed_read(f.feed, rig_keep_delta, &fed), 0);
    for (size_t i = 0; i < fed.n; i++)
        ahead += fed.v[i].ahead;
    for (uint32_t i = 0; i < f.n_cells; i++) {
        struct cell_delta d = { 0 };
        bool found = false;
        if (cell_parked_parse(f.cell[i].field, &d) < 0)
            continue;
        parked++;
        for (size_t k = 0; k < fed.n && !found; k++)
            found = fed.v[k].ahead && slice_eq(fed.v[k].field, d.field) && fed.v[k].cause_ms == d.cause_ms &&
                    fed.v[k].value == f.cell[i].value;
        cr_expect(found, "%.*s", (int)f.cell[i].field.n, f.cell[i].field.p);
    }
    cr_assert_gt(ahead, 0);
    cr_assert_eq(parked, ahead);
    rig_cells_release(&fed);
    engine_flush_begun(e);
    engine_flush_applied(e);
    engine_free(e);
    rig_free(r);
}

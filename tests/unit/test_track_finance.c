/* Trackers of money that no sale made: costs, benefits, balances, figures, licences, forecasts, receivables, and what campaigns are owed. */
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

/* `line` is "type ID field=value ..", at hours after t0. */
static void say(struct rig *r, int64_t hours, const char *line)
{
    char text[512];
    size_t type = strcspn(line, " ");
    snprintf(text, sizeof text, "%.*s %lld%s", (int)type, line, (long long)(t0 + hours * TEST_HOUR), line + type);
    rig_parse(&r->ev, text);
    cr_assert_eq(engine_apply(r->e, &r->ev.ev, INT64_MIN), APPLY_DONE, "%s", line);
    rig_take(&r->cells, r->e);
}

static int64_t now(const struct rig *r, const char *field)
{
    return rig_sum(&r->cells, field, CELL_HOUR, INT64_MIN, INT64_MAX);
}

static int64_t in_hour(const struct rig *r, const char *field, int64_t hours)
{
    return rig_sum(&r->cells, field, CELL_HOUR, t0 + hours * TEST_HOUR, INT64_MAX);
}

#define expect(got, want) cr_assert_eq(got, want, #got " = %lld", (long long)(got))

Test(cost, is_spread_over_its_days_until_it_is_replaced)
{
    struct rig *r = rig_new();
    /* 3 to 6 March: 3, 2, 2 from the first; then one sum at its own time */
    say(r, 1,
        "cost_incurred e1 cost_id=X category=a purpose=crm amount_micros=7 period_start_ms=1740960000000 "
        "period_end_ms=1741219200000");
    expect(in_hour(r, "org:o|cost~amount", 0), 3);
    expect(in_hour(r, "org:o|cost~amount", 24), 2);
    expect(in_hour(r, "org:o|cost~amount", 48), 2);
    expect(now(r, "kind:a|cost~amount"), 7);
    say(r, 5, "cost_incurred e2 cost_id=X category=b amount_micros=9 owner_id=ann");
    expect(in_hour(r, "org:o|cost~amount", 5), 9);
    expect(now(r, "org:o|cost"), 1);
    expect(now(r, "kind:a|cost~amount"), 0);
    expect(now(r, "rep:ann|cost~amount"), 9);
    say(r, 6, "entity_deleted e3 entity_kind=cost entity_id=X");
    expect(now(r, "org:o|cost"), 0);
    rig_free(r);
}

Test(benefit, an_innovation_is_counted_when_it_was_booked)
{
    struct rig *r = rig_new();
    say(r, 1,
        "benefit_booked e1 benefit_id=B kind=innovation amount_micros=10 period_start_ms=1740960000000 "
        "period_end_ms=1741132800000");
    expect(in_hour(r, "org:o|innovation", 1), 1);
    expect(now(r, "org:o|innovation"), 1);
    expect(now(r, "org:o|benefit"), 2);
    rig_free(r);
}

/* Levels from the newest report of each period's end: 10, then 25, the first restated to 12. */
Test(balance, becomes_steps_at_the_last_instant_of_the_period)
{
    struct rig *r = rig_new();
    say(r, 100, "balance_reported e1 item=equity period_end_ms=1741046400000 amount_micros=10");
    say(r, 101, "balance_reported e2 item=equity period_end_ms=1741132800000 amount_micros=25");
    expect(in_hour(r, "org:o|balance~value", 23), 10);
    expect(in_hour(r, "org:o|balance~value", 47), 15);
    say(r, 102, "balance_reported e3 item=equity period_end_ms=1741046400000 amount_micros=12");
    expect(in_hour(r, "org:o|balance~value", 23), 12);
    expect(in_hour(r, "org:o|balance~value", 47), 13);
    say(r, 103, "balance_reported e4 item=cogs period_end_ms=1741046400000 amount_micros=8");
    say(r, 103, "balance_reported e5 item=cogs period_end_ms=1741132800000 amount_micros=9");
    expect(now(r, "org:o|balance_flow~value"), 17);
    say(r, 104, "balance_reported e6 item=equity period_end_ms=1741132800000 amount_micros=4 product_id=p");
    expect(now(r, "org:o|balance~value"), 25);
    expect(now(r, "product:p|balance~value"), 4);
    rig_free(r);
}

Test(figure, a_rate_holds_until_the_next_and_a_size_is_spread)
{
    struct rig *r = rig_new();
    say(r, 1, "external_figure e1 figure=tax_rate period=2025-03 value_milli=250");
    say(r, 2, "external_figure e2 figure=tax_rate period=2025-04 value_micros=260000");
    expect(now(r, "org:o|figure_rate~value"), 260000);
    expect(in_hour(r, "org:o|figure_rate~value", -48), 250000);
    say(r, 3, "external_figure e3 figure=tax_rate period=nonsense value_milli=1");
    expect(now(r, "org:o|figure_rate"), 2);
    say(r, 4, "external_figure e4 figure=market_size period=2025 value_micros=365");
    say(r, 5, "external_figure e5 figure=market_size period=2025-03 value_micros=62");
    expect(now(r, "org:o|figure_size~value"), 365 - 31 + 62);
    expect(in_hour(r, "org:o|figure_size~value", 0), 2);
    expect(in_hour(r, "org:o|figure_size~value", 30 * 24), 1);
    rig_free(r);
}

Test(licence, steps_from_one_stand_to_the_next)
{
    struct rig *r = rig_new();
    say(r, 1, "licence_changed e1 bought=10");
    say(r, 3, "licence_changed e2 bought=4");
    say(r, 2, "licence_changed e3 bought=7");
    say(r, 2, "licence_changed e4 bought=100 product=other");
    expect(in_hour(r, "org:o|licence~value", 1), 10);
    expect(in_hour(r, "org:o|licence~value", 2), 97);
    expect(in_hour(r, "org:o|licence~value", 3), -3);
    rig_free(r);
}

/* Judged is the newest made up to the start of the cycle; without one, the first made in it. */
Test(forecast, which_one_is_judged)
{
    struct rig *r = rig_new();
    say(r, 1, "forecast_made e1 subject=rep:ann cycle=2025-03 amount_micros=50 made_at_ms=1741000000000");
    say(r, 2, "forecast_made e2 subject=rep:ann cycle=2025-03 amount_micros=60 made_at_ms=1741100000000");
    expect(now(r, "rep:ann|forecast~value"), 50);
    expect(now(r, "org:o|forecast~value"), 50); /* what a rep adds */
    say(r, 3, "forecast_made e3 subject=rep:ann cycle=2025-03 amount_micros=30 made_at_ms=1740700000000");
    say(r, 4, "forecast_made e4 subject=rep:ann cycle=2025-03 amount_micros=40 made_at_ms=1740787200000");
    say(r, 5, "forecast_made e5 subject=rep:ann cycle=2025-03 amount_micros=99 made_at_ms=1745000000000");
    expect(now(r, "rep:ann|forecast~value"), 40);
    rig_free(r);
}

Test(receivable, what_an_order_on_credit_still_owes)
{
    struct rig *r = rig_new();
    say(r, 2, "payment_received e1 order_id=O payment_id=P1 amount_micros=30");
    expect(now(r, "org:o|receivable"), 0);
    say(r, 1, "order_placed e2 order_id=O customer_id=k amount_micros=100 items=1 on_credit=1 owner_id=ann");
    expect(now(r, "org:o|receivable~value"), 70);
    say(r, 3, "payment_received e3 order_id=O payment_id=P1 amount_micros=30");
    say(r, 4, "order_refunded e4 order_id=O refund_id=F1 amount_micros=90");
    expect(in_hour(r, "org:o|receivable~value", 4), -90);
    say(r, 5, "order_amended e5 order_id=O amount_micros=80");
    expect(now(r, "rep:ann|receivable~value"), 80 - 30 - 80); /* of the refund 80 count */
    say(r, 6, "owner_changed e6 entity_kind=order entity_id=O to_owner=bo");
    expect(now(r, "rep:ann|receivable~value"), 0);
    say(r, 7, "order_amended e7 order_id=O on_credit=0");
    expect(now(r, "org:o|receivable"), 0);
    say(r, 8, "order_placed e8 order_id=Q customer_id=k amount_micros=100 items=1");
    expect(now(r, "org:o|receivable"), 0);
    rig_free(r);
}

/* The last response before the sale gets it; one that arrives late takes it over; the refund goes the same way. */
Test(campaign, the_last_touch_takes_the_sale)
{
    struct rig *r = rig_new();
    say(r, 1, "campaign_sent e1 campaign_id=A recipient_id=k channel=mail");
    say(r, 2, "campaign_sent e2 campaign_id=B recipient_id=k channel=sms");
    say(r, 5, "campaign_responded e3 campaign_id=A recipient_id=k kind=click");
    say(r, 50, "deal_closed e4 deal_id=D customer_id=k outcome=won amount_micros=100 cost_micros=40");
    expect(in_hour(r, "campaign:A|campaign_sale~amount", 1), 100);
    expect(now(r, "channel:mail|campaign_sale~duration_ms"), 45 * TEST_HOUR);
    say(r, 40, "campaign_responded e5 campaign_id=B recipient_id=k kind=click");
    say(r, 51, "campaign_responded e6 campaign_id=A recipient_id=k kind=click");
    expect(now(r, "campaign:A|campaign_sale"), 0);
    expect(in_hour(r, "campaign:B|campaign_sale~amount", 2), 100);
    say(r, 60, "order_refunded e7 deal_id=D refund_id=F amount_micros=30 cost_micros=10");
    expect(now(r, "campaign:B|campaign_sale~amount"), 70);
    expect(now(r, "channel:sms|campaign_sale~cost"), 30);
    say(r, 70, "campaign_sent e8 campaign_id=B recipient_id=k");
    expect(now(r, "campaign:B|campaign"), 1);
    expect(now(r, "campaign:B|campaign~done"), 1);
    rig_free(r);
}

Test(product, a_sale_is_new_for_a_year_whenever_the_launch_is_told)
{
    struct rig *r = rig_new();
    say(r, 1, "order_placed e1 order_id=O customer_id=k amount_micros=100 items=1 product_id=p");
    expect(now(r, "org:o|txn~n"), 0);
    say(r, 9, "product_launched e2 product_id=p dev_started_at_ms=1700000000000 launched_at_ms=1740000000000");
    expect(now(r, "org:o|txn~n"), 1);
    expect(now(r, "org:o|product_launch~cycle_ms"), INT64_C(40000000000));
    say(r, 10, "product_launched e3 product_id=p dev_started_at_ms=1700000000000 launched_at_ms=1709000000000");
    expect(now(r, "org:o|txn~n"), 0);
    rig_free(r);
}

/* Open deals lie where they are expected to close. */
Test(deal_due, follows_the_deal)
{
    struct rig *r = rig_new();
    say(r, 1,
        "deal_opened e1 deal_id=D owner_id=ann amount_micros=100 stage=a prob_ppm=500000 "
        "expected_close_ms=1741046400000");
    expect(in_hour(r, "org:o|deal_due~weighted", 24), 50);
    say(r, 2, "deal_amended e2 deal_id=D expected_close_ms=1741132800000");
    expect(in_hour(r, "org:o|deal_due~weighted", 24), 0);
    expect(in_hour(r, "org:o|deal_due~amount", 48), 100);
    say(r, 3, "deal_closed e3 deal_id=D outcome=lost amount_micros=100");
    expect(now(r, "org:o|deal_due"), 0);
    rig_free(r);
}

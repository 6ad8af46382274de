"""The table of KPIs (function, windows, dimensions) and the evaluation of one value."""
from fractions import Fraction

from . import kpis_customers, kpis_experts, kpis_finance, kpis_operations, kpis_sales, kpis_value, kpis_work
from .calendar import canonical_name
from .kpis_customers import survey_kpi
from .kpis_work import life
from .measures import DEFAULTS, switches
from .query import Query, number


def _counter(name):
    return lambda q: number(q.count(name))


def _summer(name):
    return lambda q: number(q.total(name), n=q.count(name))


def _find(name):
    return next(getattr(module, name) for module in (kpis_sales, kpis_customers, kpis_work, kpis_finance, kpis_operations, kpis_value, kpis_experts)
                if hasattr(module, name))


# id: (function, windows, dimensions)
TABLE = {}


def _add(names, function, windows, dims):
    for name in names.split():
        TABLE[name] = (function or _find(name), [canonical_name(w) for w in windows.split()],
                       dims.split())


_SALES = "org team rep channel product region segment"
_add("sales_amount", None, "24h 7d 30d d w m q y td", _SALES)
_add("channel_revenue", kpis_sales.sales_amount, "30d m q y", "channel")
_add("sales_units", None, "d w m q y", "org team rep channel product region")
_add("sales_quota", None, "m q y", "org team rep product")
_add("quota_attainment", None, "td cy", "org team rep product")
_add("quota_pace", None, "td", "org team rep product")
_add("sales_growth_rate", None, "m q y td", "org team rep channel product region")
_add("revenue_growth_rate", None, "m q y td", "org")
_add("new_segments", None, "q y", "org region segment")
_add("gross_margin", None, "30d m q y", "org team channel product region")
_add("sales_share", None, "30d m q y", "team rep channel product region segment")
_add("refund_rate", None, "30d m q y", "org team rep channel product region")
_add("avg_order_value", None, "7d 30d m q", _SALES)
_add("items_per_txn", None, "30d m q", "org team rep channel product")
_add("avg_order_size", None, "30d m q", "org team rep channel product")
_add("win_rate", None, "30d 90d m q y", "org team rep product segment region")
_add("loss_rate", None, "30d 90d m q", "org team rep product segment")
_add("loss_reason_share", None, "90d q", "org team rep product kind")
_add("opportunity_conversion", None, "90d m q", "org team rep product segment")
_add("sales_cycle", None, "90d m q y", "org team rep product segment")
_add("time_to_qualify", None, "30d 90d m q", "org team rep channel")
_add("pipeline_open pipeline_weighted deals_open", None, "g", "org team rep product segment")
_add("pipeline_coverage", None, "g td", "org team rep")
_add("quotes_sent", None, "w m", "org team rep")
_add("purchase_cycle", None, "365d", "org product segment")
_add("purchase_frequency", None, "30d 90d m q y", "org segment product region")
_add("repurchase_rate", None, "90d 365d q y", "org team rep product segment")
_add("lead_close_rate", None, "30d 90d m q", "org team rep product segment")
_add("conversion_rate", None, "30d 90d m q", "org team rep channel campaign segment")
_add("qualification_rate", None, "30d m", "org team rep channel campaign")
_add("lead_success_ratio", None, "g", "org team rep channel")
_add("new_customers", None, "d w m q y 30d", "org team rep channel region campaign segment")
_add("new_customer_rate", None, "m q y", "org team rep channel region")
_add("customer_growth_rate customer_count", None, "m q y g", "org team rep region segment")
_add("retention_rate churn_rate", None, "m q y 30d", "org team rep region segment")
_add("active_customer_rate", None, "30d m", "org team rep segment")
_add("mrr", None, "g m q y", "org product segment")
_add("net_revenue_retention gross_revenue_retention", None, "m q y", "org product segment")
_add("new_customer_quality", None, "q", "org channel campaign")
_add("reminder_hit_rate", None, "90d q", "org team rep segment")
_add("rfm_segment_size", None, "g m", "org team rep segment kind")
_add("churn_risk_share", None, "g", "org team rep segment")
_add("purchase_ratio churn_risk", None, "g", "customer")
_add("clv", None, "q y", "org channel segment")
_add("referral_rate referred_share", None, "90d q y", "org team rep segment")
_add("contact_frequency", None, "30d m q", "org team rep segment")
_add("feedback_rate", None, "30d m q", "org channel segment")
_add("cac", None, "m q y", "org channel campaign")
_add("marketing_cost", None, "m q y", "org channel campaign region")
_add("cost_per_lead", None, "m q", "org channel campaign")
_add("campaign_response_rate", None, "7d 30d m", "org channel campaign segment")
_add("csat", survey_kpi("csat"), "30d 90d m q", "org team rep channel product segment")
_add("product_csat", survey_kpi("product"), "30d 90d q", "org team rep channel product")
_add("service_csat", survey_kpi("service"), "30d 90d q", "org team rep channel product")
_add("purchase_csat", survey_kpi("purchase"), "30d 90d q", "org team rep channel product")
_add("review_score", survey_kpi("review", True), "90d q y", "org product channel region")
_add("brand_score", survey_kpi("brand", True), "90d q y", "org product channel region")
_add("user_csat", survey_kpi("user"), "q", "org team")
_add("survey_response_rate", None, "30d q", "org channel kind")
_add("nps", None, "90d q y", "org product segment")
_add("complaint_rate", None, "30d m q", "org team rep channel product region")
_add("complaint_count", None, "d w m 7d", "org team rep channel product region kind")
_add("complaint_resolution_rate complaint_resolution_time", None, "30d m q", "org team rep")
_add("first_response_time", None, "24h 7d 30d m", "org team rep channel kind")
_add("resolution_time", None, "7d 30d m q", "org team rep channel kind")
_add("resolution_rate", None, "7d 30d m", "org team rep channel kind")
_add("reopen_rate fcr_rate", None, "30d m", "org team rep channel")
_add("ticket_backlog", None, "g", "org team rep channel kind")
_add("sla_hit_rate", None, "7d 30d m", "org team rep channel")
_add("task_completion_rate task_on_time_rate", None, "7d 30d m", "org team rep kind")
_add("dau", kpis_work.active_users, "d", "org team feature")
_add("wau", kpis_work.active_users, "7d", "org team feature")
_add("mau", kpis_work.active_users, "30d", "org team feature")
_add("active_users", None, "d 7d 30d m", "org team feature")
_add("stickiness", None, "d", "org team")
_add("usage_lifecycle", None, "d w m", "org team")
_add("life_new", life("life_new"), "d w m", "org team")
_add("life_returning", life("life_returning"), "d w m", "org team")
_add("life_resurrected", life("life_resurrected"), "d w m", "org team")
_add("life_dormant", life("life_dormant"), "d w m", "org team")
_add("user_retention", None, "d w m", "org team")
_add("feature_usage_rate", None, "7d 30d m", "org team feature")
_add("access_frequency usage_depth", None, "7d 30d m", "org team rep")
_add("login_usage_rate", None, "7d 14d 30d m", "org team rep")
_add("crm_adoption zero_activity_users", None, "7d 30d m", "org team")
_add("users_enabled", None, "g", "org team")
_add("marketing_cost_ratio", None, "m q y", "org channel campaign region")
_add("sales_cost_ratio", None, "30d m q y", "org team rep channel product region")
_add("campaign_roi", None, "30d q", "campaign channel")
_add("recommendation_hit_rate", None, "30d q", "org product segment")
_add("market_share", None, "q y", "org region product")
_add("roi", None, "y live", "org")
_add("cost_saving labour_saving revenue_gain", None, "m q y", "org team")
_add("total_benefit", None, "q y", "org")
_add("payback npv irr", None, "live", "org")
_add("tco", None, "5y", "org kind")
_add("upfront_share tco_incomplete reserve_missing", None, "5y", "org")
_add("sales_forecast forecast_error", None, "m q cy", "org team rep product")
_add("innovation_count", None, "q y", "org team")
_add("cost_plan_variance", None, "m q y td", "org kind")
_add("maintenance_ratio eva", None, "y", "org")
_add("new_product_sales_ratio new_product_cycle", None, "q y", "org product")
_add("asset_turnover inventory_turnover receivables_turnover", None, "q y", "org product")
_add("net_margin cash_flow", None, "m q y", "org")
_add("licence_utilisation", None, "30d", "org")
_add("receivables_open", None, "g", "org team rep segment")
# data quality, processes, platform, learning
_add("record_completeness", None, "g m", "org team rep kind")
_add("data_accuracy duplicate_rate", None, "90d m q", "org team rep kind")
_add("data_update_rate", None, "30d m q", "org team rep kind")
_add("input_conformance", None, "30d m", "org team rep")
_add("process_efficiency process_consistency rework_rate quality_index", None, "30d m q", "org team kind")
_add("integration_stability uptime", None, "24h 7d 30d m", "org kind")
_add("sync_consistency", None, "7d 30d", "org kind")
_add("security_incidents incident_handling_time", None, "d m q y", "org kind")
_add("training_coverage training_continuity", None, "g q", "org team kind")
_add("training_effect", None, "q", "org team kind")
_add("community_activity ecosystem_size", None, "30d q y", "org")
_add("area_score", None, "td", "org kind")
_add("expert_agreement expert_weight expert_grades", None, "g m", "kind")
_add("followup_record_rate", None, "7d 30d m", "org team rep")
# plain measures, published as counts and sums
_add("leads_created", _counter("leads_created"), "d w m q y 30d", "org team rep channel campaign")
_add("deals_opened", _counter("deals_opened"), "d w m q y 30d", "org team rep product region")
_add("deals_won", _counter("deals_won"), "d w m q y 30d", "org team rep product region")
_add("deals_lost", _counter("deals_lost"), "d w m q y 30d", "org team rep product region")
_add("txn_count", _counter("txn"), "d w m q y 30d", "org team rep product region")
_add("won_amount", _summer("won_amount"), "d w m q y 30d", "org team rep product region")
_add("lost_amount", _summer("lost_amount"), "d w m q y 30d", "org team rep product region")
_add("refund_amount", _summer("refund"), "d w m q y 30d", "org team rep product region")
_add("tickets_opened", _counter("tickets_opened"), "d w m q y 30d", "org team rep channel kind")

# Changes with the instant itself, not only with events and window edges.
CONTINUOUS = {"quota_pace"}


def evaluate(facts, kpi, window, at, dim, subject, given=()):
    """One KPI value. `window`: a name or {start, end}; `given`: switches."""
    sw = given if DEFAULTS.keys() <= dict(given).keys() else switches(given)
    if kpi not in TABLE:
        raise KeyError("the oracle does not know the KPI %s" % kpi)
    placed = facts.cal.window(window, at)
    result = TABLE[kpi][0](Query(facts, placed, at, dim, subject, sw))
    for name, value in result.items():
        if isinstance(value, Fraction):
            result[name] = float(value)
    result["window_start_ms"] = None if placed.gauge else placed.start
    result["window_end_ms"] = None if placed.gauge else placed.end
    return result

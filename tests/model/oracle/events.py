"""Reads events from NDJSON (plain or gzip), validates them, drops duplicates.

Says what was rejected and why; does not sort and does not interpret.
"""
import gzip
import json

MAX_ID_BYTES = 128
MAX_CODE_BYTES = 64
INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

# type: required fields; "a|b" means at least one of them.
_REQUIRED_TEXT = """
lead_created: lead_id owner_id
lead_scored: lead_id prob_ppm
lead_qualified: lead_id
lead_converted: lead_id customer_id|deal_id
lead_disqualified: lead_id reason
deal_opened: deal_id owner_id amount_micros stage
deal_stage_changed: deal_id to_stage
deal_amended: deal_id amount_micros|cost_micros|items|expected_close_ms|product_id|closed_at_ms
deal_closed: deal_id outcome amount_micros
deal_reopened: deal_id
quote_sent: quote_id deal_id amount_micros
order_placed: order_id customer_id amount_micros items
order_amended: order_id
order_cancelled: order_id
order_refunded: refund_id amount_micros order_id|deal_id
payment_received: payment_id order_id amount_micros
customer_acquired: customer_id
customer_churned: customer_id
customer_reactivated: customer_id
subscription_changed: subscription_id customer_id mrr_micros
referral_made: referral_id customer_id
contact_made: contact_id customer_id direction medium
follow_up_logged: followup_id target_kind target_id
comment_added: comment_id target_kind target_id
survey_sent: survey_id kind customer_id|user_id
survey_answered: response_id kind score_milli scale_min scale_max
feedback_received: feedback_id customer_id channel
complaint_filed: complaint_id customer_id
complaint_resolved: complaint_id
complaint_reopened: complaint_id
complaint_withdrawn: complaint_id
ticket_opened: ticket_id kind
ticket_first_response: ticket_id responder_id
ticket_handed_off: ticket_id
ticket_hold: ticket_id on
ticket_resolved: ticket_id resolver_id
ticket_reopened: ticket_id
user_enabled: user_id
user_disabled: user_id
login: user_id
feature_used: user_id feature
licence_changed: bought
campaign_sent: campaign_id recipient_id
campaign_responded: campaign_id recipient_id kind
cost_incurred: cost_id category amount_micros
benefit_booked: benefit_id kind amount_micros
task_assigned: task_id owner_id
task_completed: task_id
task_cancelled: task_id
process_finished: run_id process started_at_ms conformant
record_created: record_id kind filled required
record_updated: record_id kind filled required
record_validated: record_id accurate
training_required: user_id course_id
training_completed: user_id course_id
sync_run: run_id integration_id ok
outage: outage_id component started_at_ms
security_incident: incident_id severity
community_activity: user_id kind
product_launched: product_id dev_started_at_ms launched_at_ms
target_set: target_id kpi_id subject cycle value
forecast_made: subject cycle amount_micros made_at_ms
balance_reported: period_end_ms item amount_micros
external_figure: figure period value_milli|value_micros
fx_rate_set: from_currency to_currency rate_e9 valid_from_ms
review_scored: area reviewer_id score_milli
expert_ranked: panel_id round expert_id criterion rank_x2
expert_graded: panel_id round expert_id criterion grade
owner_changed: entity_kind entity_id to_owner
entity_merged: entity_kind from_id into_id
entity_deleted: entity_kind entity_id
event_retracted: target_event_id
"""

_ENUM = {
    ("deal_closed", "outcome"): "won lost",
    ("contact_made", "direction"): "in out",
    ("customer_churned", "kind"): "explicit inactivity",
    ("ticket_opened", "kind"): "customer internal",
    ("cost_incurred", "purpose"): "marketing sales crm service",
    ("cost_incurred", "phase"): "upfront continuing",
    ("benefit_booked", "kind"): "saving revenue labour innovation",
    ("community_activity", "kind"): "post answer solution extension",
    ("target_set", "proration"): "linear business_days distribution none",
}
_COUNTS = frozenset(
    "items seats n priority severity text_len participants rework records "
    "mismatches filled required checked bought scale_max round".split())
_BOOLS = frozenset(
    "on_credit satisfied is_bot by_bot first_contact planned accurate passed "
    "ok erase".split())
_CODES = frozenset("team_id channel product_id region campaign_id segment".split())
# Everything that ISO 4217 lists as a circulating currency.
_CURRENCIES = frozenset("""
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL
BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP
ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG ZWL
""".split())


def _parse_required():
    table = {}
    for line in _REQUIRED_TEXT.strip().splitlines():
        name, fields = line.split(":")
        table[name] = [field.split("|") for field in fields.split()]
    return table


REQUIRED = _parse_required()


def _is_int_field(event_type, name):
    if name.endswith(("_ms", "_micros", "_ppm", "_milli", "_e9", "_x2")) \
            and name != "distribution_ppm":
        return True
    if name == "conformant":
        return event_type.startswith("record_")
    if name == "value":
        return event_type == "target_set"
    return name in _COUNTS or name in ("scale_min", "entity_seq", "sentiment", "floor")


def _to_int(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not INT64_MIN <= value <= INT64_MAX:
        return None
    return value


def _bad_text(value, limit):
    if not isinstance(value, str) or not value:
        return True
    try:
        return len(value.encode("utf-8")) > limit
    except UnicodeEncodeError:
        return True


def _check_ranges(event):
    for name, value in event.items():
        if name in _COUNTS and value < 0:
            return "negative_count"
        if name.endswith("_ppm") and name != "distribution_ppm" and not 0 <= value <= 1000000:
            return "ppm_range"
    if event["type"] == "survey_answered":
        low, high = event["scale_min"] * 1000, event["scale_max"] * 1000
        if high <= low or not low <= event["score_milli"] <= high:
            return "score_scale"
    if event.get("sentiment", 0) not in (-1, 0, 1):
        return "unknown_enum"
    return None


def _check_money(event):
    has_money = any(name.endswith("_micros") for name in event)
    if has_money and not event.get("currency"):
        # A restated market figure or a refund still needs its currency.
        return "money_without_currency"
    if event.get("currency") and event["currency"] not in _CURRENCIES:
        return "unknown_currency"
    return None


def validate(raw, ingest_ms=None):
    """(event, None) with integers normalised, or (None, reason)."""
    if not isinstance(raw, dict):
        return None, "bad_json"
    event = {k: v for k, v in raw.items() if v is not None}
    if event.get("type") not in REQUIRED:
        return None, "unknown_type"
    for name in list(event):
        if _is_int_field(event["type"], name):
            event[name] = _to_int(event[name])
            if event[name] is None:
                return None, "bad_integer"
        elif name in _BOOLS and not isinstance(event[name], bool):
            return None, "bad_bool"
        elif name in _CODES and event[name] == "":
            del event[name]
        elif name in _CODES and _bad_text(event[name], MAX_CODE_BYTES):
            return None, "bad_code"
        elif name.endswith("_id") and _bad_text(event[name], MAX_ID_BYTES):
            return None, "bad_id"
    if "occurred_at_ms" not in event or "event_id" not in event or "org_id" not in event:
        return None, "required_missing"
    if event["occurred_at_ms"] < 0:
        return None, "negative_time"
    if ingest_ms is not None and event["occurred_at_ms"] > ingest_ms + 3600000:
        return None, "future"
    for names in REQUIRED[event["type"]]:
        if not any(event.get(name) not in (None, "") for name in names):
            return None, "required_missing"
    for (kind, name), allowed in _ENUM.items():
        if kind == event["type"] and name in event and event[name] not in allowed.split():
            return None, "unknown_enum"
    reason = _check_ranges(event) or _check_money(event)
    return (None, reason) if reason else (event, None)


def parse_lines(lines, ingest_ms=None):
    """(events, rejects, duplicates): the first event of an id wins in input order."""
    events, rejects, seen, duplicates = [], [], set(), 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
        except ValueError:
            rejects.append((number, "bad_json"))
            continue
        event, reason = validate(raw, ingest_ms)
        if reason:
            rejects.append((number, reason))
            continue
        key = (event["org_id"], event["event_id"])
        if key in seen:
            duplicates += 1
            continue
        seen.add(key)
        events.append(event)
    return events, rejects, duplicates


def load(path, ingest_ms=None):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", errors="replace") as stream:
        return parse_lines(stream, ingest_ms)

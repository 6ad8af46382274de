/* Money in the org's currency, as configured or chosen by own_currency.c. Entries in another currency are converted on their way out of the records, by the newest rate of the org that is valid at
 * the original event, also for its amendments (2.4 point 9); trackers see one currency only. What has no rate yet is parked: of a type of its own that
 * nothing counts, without its amounts, until the rate is set; whom it names knows of it. Rates are events of records "fx/<from>/<to>"; a rate chain or an inverse is never guessed. */
#include "engine_int.h"

static const int64_t rate_unit = 1000000000;
static const int64_t exact_max = (int64_t)1 << 53; /* as for amounts of events: scripts compute in doubles */

/* ---- rates ---- */

struct rate {
    bool found;
    int64_t valid_from_ms, rate_e9;
};

/* Of several for one instant the last in canonical order stands. Only what could be in force at t_ms is a cause of the view. */
static void try_rate(struct track_view *v, const struct entry *e, int64_t t_ms, struct rate *best)
{
    int64_t from_ms = entry_int(e, F_VALID_FROM_MS, 0);
    if (e->type != EV_FX_RATE_SET || from_ms > t_ms || (best->found && from_ms < best->valid_from_ms) ||
        !view_reached(v, e->t_ms))
        return;
    *best = (struct rate){ true, from_ms, entry_int(e, F_RATE_E9, 0) };
}

static bool holds_retraction(const struct track_view *v, struct slice key, const struct record *r)
{
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    struct entry at;
    bool found = slice_eq(key, v->overlay) && (v->n_fresh > 1 || v->event.type == EV_EVENT_RETRACTED);
    while (!found && in.p < in.end && entry_read(&in, &at))
        found = at.type == EV_EVENT_RETRACTED;
    return found;
}

static struct rate rate_at(struct track_view *v, struct slice key, int64_t t_ms)
{
    struct record *r = view_record(v, key);
    struct reader in = { r ? r->log.p : NULL, r ? r->log.p + r->log.n : NULL, true };
    bool with_event = v->after && slice_eq(key, v->overlay);
    struct rate best = { 0 };
    struct entry at;
    if (holds_retraction(v, key, r)) {
        struct entry_log log = view_log_key(v, key);
        for (uint32_t i = 0; i < log.n; i++)
            try_rate(v, &log.v[i], t_ms, &best);
        return best;
    }
    while (in.p < in.end && entry_read(&in, &at)) {
        if (with_event && entry_cmp(&v->event, &at) < 0) {
            try_rate(v, &v->event, t_ms, &best);
            with_event = false;
        }
        try_rate(v, &at, t_ms, &best);
    }
    if (with_event)
        try_rate(v, &v->event, t_ms, &best);
    return best;
}

/* "USD/CNY"; both of three letters. */
static struct slice pair_id(struct slice from, const char *to, char *buf)
{
    memcpy(buf, from.p, 3);
    buf[3] = '/';
    memcpy(buf + 4, to, 3);
    return (struct slice){ buf, 7 };
}

bool view_money(struct track_view *v, struct slice currency, int64_t amount, int64_t t_ms, int64_t *ret)
{
    const char *own = v->currency[v->after];
    *ret = amount;
    if (!own[0] || !currency.n || slice_eq(currency, slice_of(own)))
        return true;
    if (currency.n != 3)
        return false;
    char *pair = view_alloc(v, 8); /* dependencies remember it until the event is done */
    if (!pair)
        return false;
    struct rate rate = rate_at(v, view_depend_dated(v, SLICE("fx"), pair_id(currency, own, pair), t_ms), t_ms);
    if (!rate.found)
        return false;
    __int128 product = (__int128)amount * rate.rate_e9, limit = (__int128)exact_max * rate_unit;
    if (product > limit || product < -limit) {
        v->e->stats.money_overflows += v->after && v->e->counting;
        return false;
    }
    *ret = round_half_even(product, rate_unit);
    return true;
}

struct span money_rate_days(struct track_view *v)
{
    int64_t from_ms = entry_int(&v->event, F_VALID_FROM_MS, 0), until_ms = INT64_MAX;
    struct entry_log log = view_log_key(v, v->overlay);
    for (uint32_t i = 0; i < log.n; i++) {
        int64_t next_ms = entry_int(&log.v[i], F_VALID_FROM_MS, 0);
        if (log.v[i].type == EV_FX_RATE_SET && log.v[i].t_ms <= v->event.t_ms && next_ms > from_ms &&
            next_ms < until_ms) /* one that became known later does not keep views before that from the new one */
            until_ms = next_ms;
    }
    return (struct span){ from_ms, until_ms };
}

/* ---- entries ---- */

/* What an event amends; the newest such event before it, else the first one after. */
static const struct {
    enum event_type type, of, or_of;
} amendments[] = {
    { EV_DEAL_AMENDED, EV_DEAL_CLOSED, EV_DEAL_OPENED },
    { EV_ORDER_AMENDED, EV_ORDER_PLACED, EV_ORDER_PLACED },
    { EV_ORDER_REFUNDED, EV_ORDER_PLACED, EV_DEAL_CLOSED },
    { EV_PAYMENT_RECEIVED, EV_ORDER_PLACED, EV_ORDER_PLACED },
    { EV_COST_INCURRED, EV_COST_INCURRED, EV_COST_INCURRED },
    { EV_BENEFIT_BOOKED, EV_BENEFIT_BOOKED, EV_BENEFIT_BOOKED },
};

static uint32_t newest_before(struct entry_log log, uint32_t at, enum event_type type)
{
    for (uint32_t i = at; i-- > 0;) {
        if (log.v[i].type == type)
            return i;
        if (log.v[i].type == EV_DEAL_REOPENED && type == EV_DEAL_CLOSED)
            break; /* that close is withdrawn */
    }
    return log.n;
}

static int64_t original_ms(struct entry_log log, uint32_t at)
{
    enum event_type type = log.v[at].type;
    for (size_t k = 0; k < sizeof amendments / sizeof amendments[0]; k++) {
        if (amendments[k].type != type)
            continue;
        uint32_t i = amendments[k].of == type ? log_first(log, type) : newest_before(log, at, amendments[k].of);
        if (i == log.n)
            i = newest_before(log, at, amendments[k].or_of);
        if (i == log.n)
            i = log_first(log, amendments[k].or_of);
        return log.v[i < log.n ? i : at].t_ms;
    }
    return log.v[at].t_ms;
}

/* The entry's fields with every amount converted. False: no rate, and the fields are those without amounts. */
static bool convert_fields(struct track_view *v, const struct entry *e, struct slice currency, int64_t t_ms,
                           struct bytes *to)
{
    struct reader in = { e->fields.p, e->fields.p + e->fields.n, true };
    bool ok = true;
    int rc = 0;
    while (in.p < in.end && in.ok) {
        const char *from = in.p;
        enum event_field f = (enum event_field)(uint8_t)*in.p++;
        union event_value value = entry_value(&in, f);
        if (event_field_info(f)->kind != FIELD_MICROS) {
            rc |= bytes_put(to, from, (uint32_t)(in.p - from));
        } else if (view_money(v, currency, value.i, t_ms, &value.i)) {
            rc |= bytes_put(to, from, 1);
            rc |= bytes_put_svarint(to, value.i);
        } else {
            ok = false;
        }
    }
    v->e->no_memory |= rc < 0;
    return ok;
}

static bool foreign(const struct track_view *v, const struct entry *e, struct slice *ret_currency)
{
    *ret_currency = entry_str(e, F_CURRENCY);
    return ret_currency->n && !slice_eq(*ret_currency, slice_of(v->currency[v->after]));
}

static struct entry_log convert(struct track_view *v, struct entry_log log)
{
    struct bytes *to = &v->e->converted;
    struct entry *out = view_alloc(v, log.n * sizeof *out);
    struct slice currency;
    if (!out)
        return (struct entry_log){ 0 };
    for (uint32_t i = 0; i < log.n; i++) {
        out[i] = log.v[i];
        to->n = 0;
        if (!foreign(v, &log.v[i], &currency))
            continue;
        if (!convert_fields(v, &log.v[i], currency, original_ms(log, i), to)) {
            out[i].type = ENTRY_PARKED;
            v->e->parked |= v->after && v->upto_ms == INT64_MAX && slice_eq(log.v[i].id, v->event.id);
        }
        out[i].filter = 0;
        out[i].fields = arena_copy(&v->e->scratch, (struct slice){ to->p, to->n });
    }
    return (struct entry_log){ out, log.n };
}

struct entry_log money_in_own_currency(struct track_view *v, struct entry_log log)
{
    struct slice currency = { 0 };
    bool any = false, other = false;
    for (uint32_t i = 0; v->currency[v->after][0] && i < log.n && !other; i++) {
        other = foreign(v, &log.v[i], &currency);
        any |= currency.n > 0;
    }
    if (any && v->currency_key.n && v->currency_open)
        view_depend_on(v, v->currency_key);
    return other ? convert(v, log) : log;
}

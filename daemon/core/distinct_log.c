/* The history that a distinct record holds: its packed form, and how a change is entered. What it contributes is distinct.c's work. */
#include <stdlib.h>

#include "distinct_int.h"

enum { EXACT_PER_PANE = 4 };

/* ---- packed form: u8 has_since, then per change: svarint s since the pane before, svarint cause - pane, svarint n, and with has_since
 * varint 0: beginning unknown, else 1 + zigzag(beginning - the one before) ---- */

bool distinct_room(struct distinct_scratch *s, void *v, uint32_t n, uint32_t *cap, size_t size)
{
    void **array = v;
    if (n < *cap)
        return true;
    void *p = realloc(*array, (n * 2 + 16) * size);
    if (!p) {
        s->no_memory = true;
        return false;
    }
    *array = p;
    *cap = n * 2 + 16;
    return true;
}

static int64_t unpack_since(struct reader *r, int64_t *last_ms)
{
    uint64_t v = read_varint(r);
    if (!v)
        return INT64_MAX;
    v--;
    *last_ms += (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
    return *last_ms;
}

bool distinct_sound(const struct bytes *log)
{
    const int64_t most = INT64_C(1) << 54; /* beyond any time of an event, with room for differences */
    struct reader r = { log->p, log->p + log->n, true };
    int64_t second = 0, since_ms = 0, total = 0;
    char has_since = r.p < r.end ? *r.p++ : 0;
    bool sound = !(has_since & ~1) && (!has_since || r.p < r.end);
    while (sound && r.p < r.end) {
        int64_t step = read_svarint(&r), cause = read_svarint(&r), n = read_svarint(&r);
        sound = r.ok && step >= -most && step <= most && cause >= -most && cause <= most && n >= -INT32_MAX &&
                n <= INT32_MAX;
        second += sound ? step : 0;
        total += sound ? (n < 0 ? -n : n) : 0;
        sound = sound && second >= -most / 1000 && second <= most / 1000 && total <= INT32_MAX;
        uint64_t since = sound && has_since ? read_varint(&r) : 0;
        int64_t d = since ? (int64_t)((since - 1) >> 1) ^ -(int64_t)((since - 1) & 1) : 0;
        sound = sound && r.ok && d >= -2 * most && d <= 2 * most;
        since_ms += sound ? d : 0;
        sound = sound && since_ms >= -most && since_ms <= most;
    }
    return sound;
}

static int pack_since(struct bytes *log, int64_t since_ms, int64_t *last_ms)
{
    if (since_ms == INT64_MAX)
        return bytes_put_varint(log, 0);
    int64_t d = since_ms - *last_ms;
    *last_ms = since_ms;
    return bytes_put_varint(log, (((uint64_t)d << 1) ^ (d < 0 ? UINT64_MAX : 0)) + 1);
}

int distinct_unpack(struct distinct_scratch *s, const struct bytes *log)
{
    struct reader r = { log->p, log->p + log->n, true };
    int64_t second = 0, last_ms = 0;
    s->n_act = 0;
    if (!log->n)
        return 0;
    char has_since = *r.p++;
    if (has_since & ~1 || (has_since && r.p == r.end))
        return -1;
    while (r.ok && r.p < r.end) {
        if (!distinct_room(s, &s->act, s->n_act + 1, &s->act_cap, sizeof *s->act))
            return -1;
        struct activity *a = &s->act[s->n_act++];
        second += read_svarint(&r);
        a->pane_ms = second * 1000;
        a->cause_ms = a->pane_ms + read_svarint(&r);
        a->n = (int32_t)read_svarint(&r);
        a->since_ms = has_since ? unpack_since(&r, &last_ms) : INT64_MAX;
    }
    return r.ok ? 0 : -1;
}

bool distinct_is_empty(struct distinct_scratch *s, const struct bytes *log)
{
    if (distinct_unpack(s, log) < 0)
        return false;
    for (uint32_t i = 0, next; i < s->n_act; i = next) {
        for (next = i; next < s->n_act && s->act[next].pane_ms == s->act[i].pane_ms; next++)
            ;
        for (uint32_t k = i; k < next; k++) {
            int64_t sum = 0;
            for (uint32_t j = i; j < next; j++)
                sum += s->act[j].since_ms == s->act[k].since_ms ? s->act[j].n : 0;
            if (sum)
                return false;
        }
    }
    return true;
}

int distinct_pack(const struct distinct_scratch *s, struct bytes *log)
{
    char has_since = 0;
    int64_t second = 0, last_ms = 0;
    for (uint32_t i = 0; i < s->n_act; i++)
        has_since |= s->act[i].since_ms != INT64_MAX;
    log->n = 0;
    int rc = bytes_put(log, &has_since, 1);
    for (uint32_t i = 0; i < s->n_act; i++) {
        const struct activity *a = &s->act[i];
        rc |= bytes_put_svarint(log, a->pane_ms / 1000 - second);
        second = a->pane_ms / 1000;
        rc |= bytes_put_svarint(log, a->cause_ms - a->pane_ms);
        rc |= bytes_put_svarint(log, a->n);
        if (has_since)
            rc |= pack_since(log, a->since_ms, &last_ms);
    }
    return rc;
}

/* ---- the change itself ---- */

/* The place of the first change that is not before (pane, cause, since). */
static uint32_t place_of(const struct distinct_scratch *s, int64_t pane_ms, int64_t cause_ms, int64_t since_ms)
{
    uint32_t at = s->n_act;
    for (; at > 0; at--) {
        const struct activity *a = &s->act[at - 1];
        if (a->pane_ms != pane_ms     ? a->pane_ms < pane_ms
            : a->cause_ms != cause_ms ? a->cause_ms < cause_ms
                                      : a->since_ms < since_ms)
            break;
    }
    return at;
}

static void remove_at(struct distinct_scratch *s, uint32_t at)
{
    memmove(&s->act[at], &s->act[at + 1], (s->n_act - at - 1) * sizeof *s->act);
    s->n_act--;
}

void distinct_add(struct distinct_scratch *s, const struct activity *a)
{
    uint32_t at = place_of(s, a->pane_ms, a->cause_ms, a->since_ms);
    struct activity *have = &s->act[at];
    if (at < s->n_act && have->pane_ms == a->pane_ms && have->cause_ms == a->cause_ms &&
        have->since_ms == a->since_ms) {
        have->n += a->n;
        if (!have->n)
            remove_at(s, at);
        return;
    }
    if (!distinct_room(s, &s->act, s->n_act + 1, &s->act_cap, sizeof *s->act))
        return;
    memmove(&s->act[at + 1], &s->act[at], (s->n_act - at) * sizeof *s->act);
    s->act[at] = *a;
    s->n_act++;
}

/* Panes behind the retention are gone, and nothing that could change them is accepted. That the member was there before is kept as its beginning. */
void distinct_forget(struct distinct_scratch *s, bool lifecycle)
{
    uint32_t n = 0;
    int64_t since_ms = INT64_MAX;
    if (!s->retention_ms || !s->n_act || s->act[0].pane_ms >= s->act[s->n_act - 1].pane_ms - s->retention_ms)
        return;
    for (; s->act[n].pane_ms < s->act[s->n_act - 1].pane_ms - s->retention_ms; n++)
        if (s->act[n].n > 0) {
            since_ms = s->act[n].since_ms < since_ms ? s->act[n].since_ms : since_ms;
            since_ms = s->act[n].pane_ms < since_ms ? s->act[n].pane_ms : since_ms;
        }
    s->n_act -= n;
    memmove(s->act, s->act + n, s->n_act * sizeof *s->act);
    for (uint32_t i = 0; lifecycle && i < s->n_act; i++)
        if (since_ms < s->act[i].since_ms)
            s->act[i].since_ms = since_ms;
}

/* Fold the last two additions of a pane into one with the later cause, where the number had reached `k` before: no threshold lies between. */
void distinct_fold(struct distinct_scratch *s, int64_t pane_ms, int32_t n, int32_t k)
{
    uint32_t first = place_of(s, pane_ms, INT64_MIN, INT64_MIN), end = first;
    bool folded = false;
    int64_t count = 0;
    while (end < s->n_act && s->act[end].pane_ms == pane_ms)
        folded |= s->act[end++].n > 1;
    s->folded_withdrawals += n < 0 && folded;
    if (end - first <= EXACT_PER_PANE || s->act[end - 1].n < 0 || s->act[end - 2].n < 0 ||
        s->act[end - 1].since_ms != s->act[end - 2].since_ms)
        return;
    for (uint32_t i = first; i < end - 2; i++)
        count += s->act[i].n;
    if (count < k)
        return;
    s->act[end - 1].n += s->act[end - 2].n;
    remove_at(s, end - 2);
}

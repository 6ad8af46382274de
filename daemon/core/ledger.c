/* The packed form of a ledger, and netting. Which facts go in is ledger_facts.c's business, what follows from them the customer trackers'.
 *
 * Packed: u8 format, then per item u8 kind, svarint t, svarint cause - t, svarint value, svarint n, texts. */
#include "ledger.h"

enum { LEDGER_FORMAT = 1 };

/* Beyond any time that an event may have (2^53 ms), with room for differences. */
#define TIME_MAX_MS (INT64_C(1) << 54)

static bool read_item(struct reader *r, struct ledger_item *ret)
{
    if (r->p >= r->end || (uint8_t)*r->p >= LEDGER_KINDS)
        return r->ok = false;
    ret->kind = (enum ledger_kind)(uint8_t)*r->p++;
    ret->t_ms = read_svarint(r);
    r->ok &= !__builtin_add_overflow(ret->t_ms, read_svarint(r), &ret->cause_ms);
    ret->value = read_svarint(r);
    int64_t n = read_svarint(r);
    ret->n = (int32_t)n;
    r->ok &= ret->n == n;
    for (int i = 0; i < LEDGER_TEXTS; i++)
        ret->text[i] = read_text(r);
    return r->ok;
}

static struct reader reader_of(const struct bytes *log)
{
    bool known = log->n > 0 && log->p[0] == LEDGER_FORMAT;
    return (struct reader){ known ? log->p + 1 : NULL, known ? log->p + log->n : NULL, true };
}

uint32_t ledger_count(const struct bytes *log)
{
    struct reader r = reader_of(log);
    struct ledger_item item;
    uint32_t n = 0;
    while (r.p < r.end && read_item(&r, &item))
        n++;
    return n;
}

static bool within(int64_t v, int64_t most)
{
    return v >= -most && v <= most;
}

bool ledger_sound(const struct bytes *log)
{
    const int64_t value_max = INT64_C(1) << 60;
    struct reader r = reader_of(log);
    struct ledger_item item;
    int64_t total = 0;
    while (r.p < r.end && read_item(&r, &item)) {
        total += item.n < 0 ? -(int64_t)item.n : item.n;
        if (!within(item.t_ms, TIME_MAX_MS) || !within(item.cause_ms, TIME_MAX_MS) || !within(item.value, value_max) ||
            total > INT32_MAX)
            return false;
    }
    return r.ok && log->p[0] == LEDGER_FORMAT;
}

bool ledger_unpack(const struct bytes *log, struct ledger_item *to)
{
    struct reader r = reader_of(log);
    while (r.p < r.end && read_item(&r, to))
        to++;
    return r.ok && (!log->n || log->p[0] == LEDGER_FORMAT);
}

int ledger_pack(const struct ledger_item *items, uint32_t n, struct bytes *scratch, struct bytes *log)
{
    char byte = LEDGER_FORMAT;
    scratch->n = 0;
    int rc = bytes_put(scratch, &byte, 1);
    for (uint32_t i = 0; i < n; i++) {
        const struct ledger_item *x = &items[i];
        byte = (char)x->kind;
        rc |= bytes_put(scratch, &byte, 1);
        rc |= bytes_put_svarint(scratch, x->t_ms);
        rc |= bytes_put_svarint(scratch, x->cause_ms - x->t_ms);
        rc |= bytes_put_svarint(scratch, x->value);
        rc |= bytes_put_svarint(scratch, x->n);
        for (int k = 0; k < LEDGER_TEXTS; k++)
            rc |= bytes_put_text(scratch, x->text[k]);
    }
    log->n = 0; /* the items borrow from it: copied last */
    rc |= bytes_put(log, scratch->p, scratch->n);
    return rc < 0 ? -1 : 0;
}

static int by_identity(const struct ledger_item *x, const struct ledger_item *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    int c = 0;
    for (int i = 0; i < LEDGER_TEXTS && !c; i++)
        c = slice_cmp(x->text[i], y->text[i]);
    return c;
}

static int compare(const struct ledger_item *x, const struct ledger_item *y)
{
    int c = by_identity(x, y);
    return c ? c : (x->cause_ms > y->cause_ms) - (x->cause_ms < y->cause_ms);
}

uint32_t ledger_add(struct ledger_item *items, uint32_t n, const struct ledger_item *change)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (compare(&items[mid], change) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == n || compare(&items[low], change) != 0) {
        memmove(items + low + 1, items + low, (n - low) * sizeof *items);
        items[low] = *change;
        return n + 1;
    }
    items[low].n += change->n;
    if (items[low].n)
        return n;
    memmove(items + low, items + low + 1, (n - low - 1) * sizeof *items);
    return n - 1;
}

uint32_t ledger_as_of(const struct ledger_item *items, uint32_t n, int64_t upto_ms, struct ledger_item *to)
{
    uint32_t out = 0;
    for (uint32_t i = 0, next; i < n; i = next) {
        struct ledger_item x = items[i];
        x.n = 0;
        for (next = i; next < n && by_identity(&items[next], &x) == 0; next++)
            x.n += items[next].cause_ms <= upto_ms ? items[next].n : 0;
        if (x.n > 0)
            to[out++] = x;
    }
    return out;
}

uint32_t ledger_forget(struct ledger_item *items, uint32_t n, bool (*names)(void *ctx, const struct ledger_item *item),
                       void *ctx)
{
    uint32_t out = 0;
    for (uint32_t i = 0, next; i < n; i = next) {
        int64_t sum = items[i].n;
        for (next = i + 1; next < n && by_identity(&items[next], &items[i]) == 0; next++)
            sum += items[next].n;
        bool keep = sum || !names(ctx, &items[i]);
        for (uint32_t k = i; k < next && keep; k++)
            items[out++] = items[k];
    }
    return out;
}

static bool any_item(void *ctx, const struct ledger_item *item)
{
    (void)ctx;
    (void)item;
    return true;
}

/* What was made and withdrawn again matters to views of the past only: it goes first. */
static uint32_t drop_netted(struct ledger_item *items, uint32_t n)
{
    return ledger_forget(items, n, any_item, NULL);
}

static uint32_t count_kind(const struct ledger_item *items, uint32_t n, bool uses)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++)
        found += (items[i].kind == LEDGER_USE) == uses;
    return found;
}

uint32_t ledger_trim(struct ledger_item *items, uint32_t n, uint64_t *ret_dropped)
{
    if (n <= LEDGER_USES_MAX)
        return n;
    uint32_t uses = count_kind(items, n, true), others = n - uses, out = 0;
    if (uses <= LEDGER_USES_MAX && others <= LEDGER_ITEMS_MAX)
        return n;
    n = drop_netted(items, n);
    uses = count_kind(items, n, true);
    others = 0;
    for (uint32_t i = 0; i < n; i++) { /* sorted: of the uses the oldest come first, of the others the newest last */
        bool use = items[i].kind == LEDGER_USE;
        bool keep = use ? uses <= LEDGER_USES_MAX : others < LEDGER_ITEMS_MAX;
        uses -= use && !keep;
        others += !use && keep;
        *ret_dropped += !keep;
        if (keep)
            items[out++] = items[i];
    }
    return out;
}

/* Rows: values with their names, ids and flags. Which rows leave when is not decided here. */
#include "row.h"

#include "crmpulse/decimal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static const char *const unit_names[] = {
    [UNIT_RATIO] = "ratio",  [UNIT_COUNT] = "count", [UNIT_MICROS] = "micros", [UNIT_MS] = "ms",
    [UNIT_SCORE] = "points", [UNIT_DAYS] = "days",   [UNIT_MONTHS] = "months",
};

static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    { VALUE_FROM_ZERO, "from_zero" },       { VALUE_SHORT_BASE, "short_base" },
    { VALUE_OVERFLOW, "overflow" },         { VALUE_COARSE, "coarse" },
    { VALUE_WARMING, "warming" },           { VALUE_INCOMPLETE, "incomplete" },
    { VALUE_PAST_UNKNOWN, "past_unknown" },
};

static char *put_hex(char *to, uint64_t x)
{
    static const char digits[] = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = digits[x >> shift & 15];
    return to;
}

void hex_hash(uint64_t hash, char *buf)
{
    *put_hex(buf, hash) = 0;
}

/* The same bytes on every machine. */
static void put_number(unsigned char *to, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(x >> (8 * i));
}

struct slice hex_id(const struct slice *parts, uint32_t n_parts, const int64_t *numbers, uint32_t n_numbers, char *buf)
{
    XXH3_state_t state;
    unsigned char bytes[8];
    XXH3_128bits_reset(&state);
    for (uint32_t i = 0; i < n_parts; i++) {
        put_number(bytes, parts[i].n); /* so that no two lists of parts read alike */
        XXH3_128bits_update(&state, bytes, sizeof bytes);
        if (parts[i].n)
            XXH3_128bits_update(&state, parts[i].p, parts[i].n);
    }
    for (uint32_t i = 0; i < n_numbers; i++) {
        put_number(bytes, (uint64_t)numbers[i]);
        XXH3_128bits_update(&state, bytes, sizeof bytes);
    }
    XXH128_hash_t h = XXH3_128bits_digest(&state);
    *put_hex(put_hex(buf, h.high64), h.low64) = 0;
    return (struct slice){ buf, 32 };
}

int64_t double_bits(double d)
{
    int64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void append(char *buf, size_t cap, size_t *n, const char *text)
{
    size_t length = strlen(text), comma = *n ? 1 : 0;
    if (cap - *n <= length + comma)
        return; /* no room: the flag is left out whole */
    if (comma)
        buf[*n] = ',';
    memcpy(buf + *n + comma, text, length + 1);
    *n += length + comma;
}

/* Its name, or "name=value"; 96 bytes are enough. */
static void write_extra(char *buf, const struct kpi_def *k, const struct kpi_value *v, uint32_t i)
{
    size_t n = strnlen(k->extra[i].name, 64);
    memcpy(buf, k->extra[i].name, n);
    if (!k->extra[i].flag)
        buf[n++] = '=';
    if (!k->extra[i].flag && v->extra_null[i]) {
        memcpy(buf + n, "null", 4);
        n += 4;
    } else if (!k->extra[i].flag) {
        n += decimal_put(buf + n, v->extra[i]);
    }
    buf[n] = 0;
}

/* Flags, then additional figures as name=value, then the switches the KPI was compiled with. */
static struct slice write_flags(struct row_text *text, const struct kpi_def *k, const struct kpi_value *v,
                                struct row_note note, struct slice *ret_extras)
{
    char *buf = text->flags;
    size_t n = 0, cap = sizeof text->flags, before = 0;
    buf[0] = 0;
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++)
        if (v->flags & flag_names[i].flag)
            append(buf, cap, &n, flag_names[i].name);
    if (note.final)
        append(buf, cap, &n, "final");
    before = n;
    for (uint32_t i = 0; i < k->n_extras; i++) {
        char extra[96];
        if (k->extra[i].flag && (v->extra_null[i] || !v->extra[i]))
            continue;
        write_extra(extra, k, v, i);
        append(buf, cap, &n, extra);
    }
    before += before > 0 && n > before; /* the comma */
    *ret_extras = (struct slice){ buf + before, (uint32_t)(n - before) };
    if (k->switches && k->switches[0])
        append(buf, cap, &n, k->switches);
    return (struct slice){ buf, (uint32_t)n };
}

/* Which revision of a window is which depends on what the judge has seen, and a judge whose store lost its tail sees it anew: a revised row's id names all that
 * it says, so that two that differ are never taken for one. */
static struct slice write_id(struct row_text *text, const struct kpi_row *row, const struct kpi_def *k)
{
    enum { PARTS = 7, NUMBERS = 7 };
    const struct slice parts[] = { row->org, row->kpi,     slice_of(k->switches), row->window,
                                   row->dim, row->subject, row->definition_hash,  row->flags };
    const int64_t numbers[] = { row->window_start_ms,
                                row->window_end_ms,
                                row->at_ms,
                                row->revision,
                                row->judged,
                                double_bits(row->value),
                                row->is_null,
                                row->numerator,
                                row->denominator,
                                row->sum,
                                row->count,
                                double_bits(row->p50),
                                double_bits(row->p90),
                                double_bits(row->p95),
                                double_bits(row->p99),
                                double_bits(row->sd) };
    const bool revised = row->revision > 0;
    return hex_id(parts, revised ? sizeof parts / sizeof parts[0] : PARTS, numbers,
                  revised ? sizeof numbers / sizeof numbers[0] : NUMBERS, text->id);
}

void row_make(struct row_text *text, const struct reading *r, const struct subject *s, int kpi,
              const struct kpi_value *v, struct row_note note, struct kpi_row *ret)
{
    const struct kpi_def *k = &r->e->defs->kpi[kpi];
    *ret = (struct kpi_row){
        .org = s->org->id,
        .kpi = slice_of(k->id),
        .window = slice_of(r->window->name),
        .dim = slice_of(dim_name(s->dim)),
        .subject = s->text,
        .value = v->value,
        .is_null = v->is_null,
        .is_ratio = v->has_numerator && v->has_denominator,
        .numerator = v->numerator,
        .denominator = v->denominator,
        .window_start_ms = v->span.start_ms,
        .window_end_ms = v->span.end_ms,
        .at_ms = r->at_ms,
        .revision = note.revision,
        .unit = slice_of(unit_names[k->unit]),
        .has_distribution = v->has_distribution,
        .sum = v->sum,
        .count = v->count,
        .mean = v->has_distribution ? v->value : 0,
        .p50 = v->quantile[0],
        .p90 = v->quantile[1],
        .p95 = v->quantile[2],
        .p99 = v->quantile[3],
        .sd = v->has_distribution ? v->sd : 0,
        .quantile_error = v->has_distribution ? SKETCH_RELATIVE_ERROR : 0,
        .judged = note.judged,
    };
    ret->flags = write_flags(text, k, v, note, &ret->extras);
    if (note.nameless)
        return;
    hex_hash(k->hash, text->hash);
    ret->definition_hash = (struct slice){ text->hash, 16 };
    ret->id = write_id(text, ret, k);
}

uint64_t row_hash(const struct kpi_row *row, const struct window *w)
{
    struct {
        double value, p50, p90, p95, p99;
        int64_t numerator, denominator, sum, count, start_ms, is_null;
    } seen = { row->value,       row->p50, row->p90,   row->p95, row->p99,    row->numerator,
               row->denominator, row->sum, row->count, 0,        row->is_null };
    if (w->kind == WINDOW_PERIOD || w->kind == WINDOW_TO_DATE)
        seen.start_ms = row->window_start_ms;
    uint64_t hash = XXH3_64bits_withSeed(&seen, sizeof seen, XXH3_64bits(row->flags.p, row->flags.n));
    return hash ? hash : 1;
}

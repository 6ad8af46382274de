/* The CSV reader: one row a call over bytes in memory. Knows no types, no encodings but bytes, no files. */
#include "crmpulse/csv.h"

void csv_init(struct csv *csv, struct slice bytes)
{
    if (bytes.n >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
        bytes = (struct slice){ bytes.p + 3, bytes.n - 3 };
    *csv = (struct csv){ .p = bytes.p, .end = bytes.p + bytes.n, .line = 1, .row_line = 1 };
}

static bool at_line_end(const struct csv *csv)
{
    return csv->p == csv->end || *csv->p == '\n' || (*csv->p == '\r' && csv->p + 1 < csv->end && csv->p[1] == '\n');
}

static void skip_line_end(struct csv *csv)
{
    if (csv->p < csv->end && *csv->p == '\r')
        csv->p++;
    if (csv->p < csv->end && *csv->p == '\n') {
        csv->p++;
        csv->line++;
    }
}

static struct slice read_plain(struct csv *csv)
{
    const char *start = csv->p;
    while (!at_line_end(csv) && *csv->p != ',')
        csv->p++;
    return (struct slice){ start, (uint32_t)(csv->p - start) };
}

/* The bytes between the quotes, doubled quotes and all; NULL with the reason. */
static const char *scan_quoted(struct csv *csv, uint32_t *ret_n, bool *ret_doubled)
{
    const char *start = ++csv->p;
    *ret_doubled = false;
    for (; csv->p < csv->end; csv->p++) {
        if (*csv->p == '\n')
            csv->line++;
        if (*csv->p != '"')
            continue;
        if (csv->p + 1 == csv->end || csv->p[1] != '"')
            break;
        *ret_doubled = true;
        csv->p++;
    }
    if (csv->p == csv->end)
        return NULL;
    *ret_n = (uint32_t)(csv->p++ - start);
    return start;
}

static int read_quoted(struct csv *csv, struct arena *a, struct slice *ret, const char **ret_why)
{
    uint32_t n;
    bool doubled;
    const char *from = scan_quoted(csv, &n, &doubled);
    *ret_why = from ? "text after a closing quote" : "a quote is never closed";
    if (!from || !(at_line_end(csv) || *csv->p == ','))
        return -1;
    *ret = (struct slice){ from, n };
    if (!doubled)
        return 0;
    char *to = arena_alloc(a, n);
    *ret_why = "out of memory";
    if (!to)
        return -1;
    *ret = (struct slice){ to, 0 };
    for (uint32_t i = 0; i < n; i++) {
        to[ret->n++] = from[i];
        i += from[i] == '"';
    }
    return 0;
}

static int read_fields(struct csv *csv, struct arena *a, struct slice *field, uint32_t *ret_n, const char **ret_why)
{
    for (*ret_n = 0; *ret_n < CSV_COLUMNS_MAX;) {
        struct slice *f = &field[(*ret_n)++];
        if (csv->p < csv->end && *csv->p == '"') {
            if (read_quoted(csv, a, f, ret_why) != 0)
                return -1;
        } else {
            *f = read_plain(csv);
        }
        if (at_line_end(csv)) {
            skip_line_end(csv);
            return 1;
        }
        csv->p++; /* the comma */
    }
    *ret_why = "too many columns";
    return -1;
}

int csv_next(struct csv *csv, struct arena *a, struct csv_row *ret, const char **ret_why)
{
    struct slice field[CSV_COLUMNS_MAX];
    while (csv->p < csv->end && at_line_end(csv))
        skip_line_end(csv);
    csv->row_line = csv->line;
    if (csv->p >= csv->end)
        return 0;
    if (read_fields(csv, a, field, &ret->n, ret_why) < 0)
        return -1;
    ret->field = arena_alloc(a, ret->n * sizeof *field);
    *ret_why = "out of memory";
    if (!ret->field)
        return -1;
    memcpy(ret->field, field, ret->n * sizeof *field);
    return 1;
}

/* Line ends bound the rows: enough for every file, and a little more for those with blank or quoted lines. */
static uint32_t count_lines(struct slice bytes)
{
    uint32_t n = 1;
    for (uint32_t i = 0; i < bytes.n; i++)
        n += bytes.p[i] == '\n';
    return n;
}

int csv_table_read(struct csv_table *table, struct arena *a, struct slice bytes, uint32_t *ret_line,
                   const char **ret_why)
{
    struct csv csv;
    struct csv_row row;
    int rc;
    csv_init(&csv, bytes);
    *table = (struct csv_table){ 0 };
    *ret_line = 1;
    *ret_why = "no header";
    if (csv_next(&csv, a, &table->header, ret_why) != 1)
        return -1;
    uint32_t cap = count_lines(bytes);
    table->row = arena_alloc(a, cap * sizeof *table->row);
    table->line = arena_alloc(a, cap * sizeof *table->line);
    *ret_why = "out of memory";
    if (!table->row || !table->line)
        return -1;
    while ((rc = csv_next(&csv, a, &row, ret_why)) == 1) {
        *ret_line = csv.row_line;
        *ret_why = "not as many columns as the header has";
        if (row.n != table->header.n)
            return -1;
        table->line[table->n] = csv.row_line;
        table->row[table->n++] = row;
    }
    *ret_line = csv.row_line;
    return rc;
}

int csv_column(const struct csv_table *table, struct slice name)
{
    for (uint32_t i = 0; i < table->header.n; i++)
        if (slice_eq(table->header.field[i], name))
            return (int)i;
    return -1;
}

/* Comma-separated values (RFC 4180) held in memory: rows, and tables with a header.
 *
 * Pure: bytes in, slices out. Lenient where files differ: LF or CRLF, a byte order mark, a missing last line end, blank
 * lines (passed over). Strict where a mistake would shift columns: a quote inside an unquoted field is text, but text after
 * a closing quote, an open quote at the end and a row of another length are errors. */
#ifndef CRMPULSE_CSV_H
#define CRMPULSE_CSV_H

#include "crmpulse/arena.h"

enum { CSV_COLUMNS_MAX = 1024 };

struct csv {
    const char *p, *end;
    uint32_t line;     /* 1-based line of the next byte */
    uint32_t row_line; /* where the latest row began */
};

struct csv_row {
    uint32_t n;
    struct slice *field; /* in the arena; its texts lie there or in the bytes read */
};

void csv_init(struct csv *csv, struct slice bytes);

/* The next row: 1, 0 at the end, -1 if malformed, over CSV_COLUMNS_MAX or without memory; *ret_why then says it. */
int csv_next(struct csv *csv, struct arena *a, struct csv_row *ret, const char **ret_why);

/* A whole file. */
struct csv_table {
    struct csv_row header;
    uint32_t n;
    struct csv_row *row; /* each as long as the header */
    uint32_t *line;      /* of each row */
};

/* 0, or -1 with *ret_line and *ret_why. Everything lives in the arena and in `bytes`. */
int csv_table_read(struct csv_table *table, struct arena *a, struct slice bytes, uint32_t *ret_line,
                   const char **ret_why);

/* Number of the column of that name, -1 if there is none. */
int csv_column(const struct csv_table *table, struct slice name);

#endif

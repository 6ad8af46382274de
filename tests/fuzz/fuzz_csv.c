/* Any bytes as CSV: a table that can be read, written again with every field in quotes, is the same table. */
#include "fuzz.h"

#include "crmpulse/csv.h"

static char *put_row(char *to, const struct csv_row *row)
{
    for (uint32_t i = 0; i < row->n; i++) {
        *to++ = '"';
        for (uint32_t k = 0; k < row->field[i].n; k++) {
            if (row->field[i].p[k] == '"')
                *to++ = '"';
            *to++ = row->field[i].p[k];
        }
        *to++ = '"';
        *to++ = i + 1 < row->n ? ',' : '\n';
    }
    return to;
}

static size_t room(const struct csv_row *row)
{
    size_t n = 4;
    for (uint32_t i = 0; i < row->n; i++)
        n += 2 * (size_t)row->field[i].n + 4;
    return n;
}

static void same_row(const struct csv_row *a, const struct csv_row *b)
{
    FUZZ_CHECK(a->n == b->n);
    for (uint32_t i = 0; i < a->n; i++)
        FUZZ_CHECK(slice_eq(a->field[i], b->field[i]));
}

static void write_again(struct arena *a, const struct csv_table *t)
{
    struct csv_table again;
    uint32_t line;
    const char *why;
    size_t n = room(&t->header);
    for (uint32_t r = 0; r < t->n; r++)
        n += room(&t->row[r]);
    char *text = malloc(n), *end;
    FUZZ_CHECK(text);
    end = put_row(text, &t->header);
    for (uint32_t r = 0; r < t->n; r++)
        end = put_row(end, &t->row[r]);
    FUZZ_CHECK(csv_table_read(&again, a, (struct slice){ text, (uint32_t)(end - text) }, &line, &why) == 0);
    FUZZ_CHECK(again.n == t->n);
    same_row(&t->header, &again.header);
    for (uint32_t r = 0; r < t->n; r++)
        same_row(&t->row[r], &again.row[r]);
    free(text);
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
    struct csv_table t;
    struct arena a;
    uint32_t line;
    const char *why = NULL;
    arena_init(&a, 0, 0);
    if (csv_table_read(&t, &a, fuzz_slice(bytes, n), &line, &why) == 0)
        write_again(&a, &t);
    else
        FUZZ_CHECK(why);
    arena_release(&a);
    return 0;
}

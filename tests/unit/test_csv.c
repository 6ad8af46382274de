/* The CSV reader against RFC 4180, and against what real files do beyond it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "crmpulse/csv.h"

static const char *why;

/* Reads the whole text and writes rows as "[a][b];[c]", or "!reason" where it stops. */
static const char *shape(struct slice text)
{
    static char out[512];
    struct arena a;
    struct csv csv;
    struct csv_row row;
    size_t n = 0;
    int rc;
    arena_init(&a, 0, 0);
    csv_init(&csv, text);
    while ((rc = csv_next(&csv, &a, &row, &why)) == 1) {
        if (n)
            out[n++] = ';';
        for (uint32_t i = 0; i < row.n; i++)
            n += (size_t)snprintf(out + n, sizeof out - n, "[%.*s]", (int)row.field[i].n, row.field[i].p);
    }
    snprintf(out + n, sizeof out - n, "%s%s", rc < 0 ? "!" : "", rc < 0 ? why : "");
    arena_release(&a);
    return out;
}

#define EXPECT_SHAPE(text, want) cr_expect_str_eq(shape(SLICE(text)), want)

Test(csv, rows_and_line_ends)
{
    EXPECT_SHAPE("a,b\r\nc,d\r\n", "[a][b];[c][d]");
    EXPECT_SHAPE("a,b\nc,d", "[a][b];[c][d]");
    EXPECT_SHAPE("\xef\xbb\xbf"
                 "a,b\n",
                 "[a][b]");
    EXPECT_SHAPE("a\n\n\r\nb\n", "[a];[b]");
    EXPECT_SHAPE("", "");
    EXPECT_SHAPE("\n\n", "");
}

Test(csv, empty_fields)
{
    EXPECT_SHAPE(",\n", "[][]");
    EXPECT_SHAPE("a,,b,\n", "[a][][b][]");
    EXPECT_SHAPE("a,", "[a][]");
    EXPECT_SHAPE("\"\"\n", "[]");
}

Test(csv, quotes)
{
    EXPECT_SHAPE("\"a,b\",\"c\nd\"\n", "[a,b][c\nd]");
    EXPECT_SHAPE("\"say \"\"hi\"\"\"", "[say \"hi\"]");
    EXPECT_SHAPE("\"\"\"\"", "[\"]");
    EXPECT_SHAPE("a \"b\" c,d", "[a \"b\" c][d]");
    EXPECT_SHAPE(" spaces , kept ", "[ spaces ][ kept ]");
}

Test(csv, a_lone_carriage_return_is_text)
{
    EXPECT_SHAPE("a\rb,c\n", "[a\rb][c]");
}

Test(csv, mistakes)
{
    EXPECT_SHAPE("a\n\"b", "[a]!a quote is never closed");
    EXPECT_SHAPE("\"a\"b,c", "!text after a closing quote");
}

Test(csv, a_table_has_rows_as_long_as_its_header)
{
    struct arena a;
    struct csv_table t;
    uint32_t line;
    arena_init(&a, 0, 0);
    cr_assert_eq(csv_table_read(&t, &a, SLICE("id,name\n1,\"x\ny\"\n\n2,z\n"), &line, &why), 0);
    cr_expect_eq(t.n, 2);
    cr_expect_eq(t.line[0], 2);
    cr_expect_eq(t.line[1], 5); /* the quoted line end and the blank line count */
    cr_expect_eq(csv_column(&t, SLICE("name")), 1);
    cr_expect_eq(csv_column(&t, SLICE("Name")), -1);
    cr_expect(slice_eq(t.row[1].field[1], SLICE("z")));
    cr_expect_eq(csv_table_read(&t, &a, SLICE("id,name\n1,2\n3\n"), &line, &why), -1);
    cr_expect_eq(line, 3);
    cr_expect_eq(csv_table_read(&t, &a, SLICE(""), &line, &why), -1);
    cr_expect_eq(csv_table_read(&t, &a, SLICE("id\n"), &line, &why), 0);
    cr_expect_eq(t.n, 0);
    arena_release(&a);
}

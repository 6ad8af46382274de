/* docs/AREAS.md names KPIs: each must be in the catalogue, and all 18 areas must be there. */
#include "config_fixture.h"

#include <ctype.h>

static char *page(void)
{
    static char text[32768];
    FILE *f = fopen(CRMPULSE_SOURCE_DIR "/docs/AREAS.md", "r");
    cr_assert_not_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    cr_assert_eq(fclose(f), 0);
    return text;
}

/* The third cell of a row; the others hold codes of other things. */
static char *kpi_cell(char *row)
{
    for (int i = 0; i < 3; i++)
        row = strchr(row, '|') + 1;
    *strchr(row, '|') = 0;
    return row;
}

static bool is_argument(const char *id)
{
    return strncmp(id, "crmpulse ", 9) == 0 || strcmp(id, "internal") == 0 || strcmp(id, "answers") == 0;
}

static int count_ids(const struct config *c, char *cell, int area)
{
    int n = 0;
    for (char *p = strtok(cell, "`"); p; p = strtok(NULL, "`")) {
        bool code = (p = strtok(NULL, "`")) && !is_argument(p);
        if (!p)
            break;
        if (code)
            cr_assert_geq(definitions_kpi(&c->defs, slice_of(p)), 0, "area %d names '%s', which is no KPI", area, p);
        n += code;
    }
    return n;
}

Test(areas, every_kpi_named_exists)
{
    struct loaded r = load(NULL);
    const struct config *c = must_load(&r);
    int areas = 0;
    for (char *row = page(), *next; row; row = next) {
        next = strchr(row, '\n');
        if (next)
            *next++ = 0;
        if (strncmp(row, "| ", 2) != 0 || !isdigit((unsigned char)row[2]))
            continue;
        areas++;
        cr_assert_eq(atoi(row + 2), areas);
        cr_assert_geq(count_ids(c, kpi_cell(row), areas), 1, "area %d names no KPI", areas);
    }
    cr_assert_eq(areas, 18);
    done(&r);
}

/* Every KPI of the catalogue that the specification names is what the specification says: perspective, unit, direction, empty policy, windows, dimensions. */
#include "crmpulse/config.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "spec_kpis.h"

static struct config *load(void)
{
    struct config_problems p = { 0 };
    struct config *c = config_load(NULL, NULL, &p);
    config_problems_print(&p, stderr);
    cr_assert_not_null(c);
    config_problems_release(&p);
    return c;
}

static int wrong; /* in this test's process */

static void say(const char *id, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const char *id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", id);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    wrong++;
}

static bool has_window(const struct kpi_def *k, const char *name)
{
    struct window w;
    cr_assert_eq(window_parse(NULL, slice_of(name), &w), 0, "%s", name);
    for (uint32_t i = 0; i < k->n_windows; i++)
        if (strcmp(k->window[i].name, w.name) == 0)
            return true;
    return false;
}

static void check_windows(const struct spec_kpi *s, const struct kpi_def *k)
{
    char text[64], *rest = text;
    snprintf(text, sizeof text, "%s", s->windows);
    for (char *w; (w = strsep(&rest, " "));)
        if (*w && !has_window(k, w))
            say(s->id, "lacks the window %s", w);
}

static void check_dims(const struct spec_kpi *s, const struct kpi_def *k)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = { { 'O', "org" },    { 'T', "team" },     { 'R', "rep" },     { 'C', "channel" }, { 'P', "product" },
                  { 'G', "region" }, { 'M', "campaign" }, { 'F', "feature" }, { 'S', "segment" }, { 'K', "kind" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strchr(s->dims, names[i].letter) && !(k->dims >> dim_by_name(slice_of(names[i].name)) & 1))
            say(s->id, "lacks the dimension %s", names[i].name);
}

Test(catalogue_spec, kpis_are_what_the_specification_says)
{
    struct config *c = load();
    for (size_t i = 0; i < SPEC_KPIS; i++) {
        const struct spec_kpi *s = &spec_kpis[i];
        int at = definitions_kpi(&c->defs, slice_of(s->id));
        const struct kpi_def *k = at < 0 ? NULL : &c->defs.kpi[at];
        if (!k)
            continue;
        if (k->perspective != s->perspective)
            say(s->id, "perspective %c, not %c", s->perspective, k->perspective);
        if (k->unit != s->unit)
            say(s->id, "unit %d, not %d", s->unit, k->unit);
        if (k->direction != s->direction)
            say(s->id, "direction %d, not %d", s->direction, k->direction);
        if (k->empty_zero != s->empty_zero)
            say(s->id, "empty is %s, not %s", s->empty_zero ? "0" : "null", k->empty_zero ? "0" : "null");
        check_windows(s, k);
        check_dims(s, k);
    }
    cr_assert_eq(wrong, 0, "%d differences", wrong);
    config_free(c);
}

Test(catalogue_spec, no_kpi_of_the_specification_is_missing)
{
    struct config *c = load();
    for (size_t i = 0; i < SPEC_KPIS; i++)
        if (definitions_kpi(&c->defs, slice_of(spec_kpis[i].id)) < 0)
            say(spec_kpis[i].id, "missing");
    cr_assert_eq(wrong, 0, "%d of %d KPIs are missing", wrong, SPEC_KPIS);
    config_free(c);
}

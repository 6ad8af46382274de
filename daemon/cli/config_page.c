/* The part of docs/CONFIG.md that the program knows: every key of the table that also reads them, so that the page cannot say something else. Definitions
 * (orgs, measures, rules ..) have no such table: the page's own text describes their keys, and scripts/config-doc compares it with the loader. */
#include "config_page.h"

#include <inttypes.h>
#include <string.h>

#include "crmpulse/config.h"

struct step {
    int64_t size;
    const char *name;
};

static const struct step durations[] = {
    { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" }
};
static const struct step sizes[] = {
    { INT64_C(1) << 40, "TiB" }, { 1 << 30, "GiB" }, { 1 << 20, "MiB" }, { 1 << 10, "KiB" }, { 1, "" }
};

/* A cell of a table: a bar would end it. */
static void cell(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

/* By the largest unit that leaves no rest: "90m", "64KiB"; the last one has size 1. */
static void in_steps(FILE *to, int64_t value, const struct step *step)
{
    while (value % step->size || (!value && step->size > 1))
        step++;
    fprintf(to, "%" PRId64 "%s", value / step->size, step->name);
}

static void bound(FILE *to, const struct config_key *k, int64_t value)
{
    if (strcmp(k->unit, "duration") == 0)
        in_steps(to, value, durations);
    else if (strcmp(k->unit, "size") == 0)
        in_steps(to, value, sizes);
    else
        fprintf(to, "%" PRId64, value);
}

static void bounds(FILE *to, uint32_t key, const struct config_key *k)
{
    int64_t min, max;
    config_key_bounds(key, &min, &max);
    if (!max)
        return;
    bound(to, k, min);
    fputs(" to ", to);
    bound(to, k, max);
    fputs(strncmp(k->unit, "list", 4) == 0 ? " entries" : "", to);
}

static void row(FILE *to, uint32_t key, const struct config_key *k)
{
    fprintf(to, "| `%s` | ", k->path);
    cell(to, k->unit);
    fprintf(to, *k->default_value ? " | `%s` | " : " | empty%s | ", k->default_value);
    bounds(to, key, k);
    fprintf(to, " | %s | ", k->reloadable ? "reload" : "restart");
    cell(to, k->help);
    fputs(" |\n", to);
}

int config_page(FILE *to)
{
    uint32_t n;
    const struct config_key *k = config_keys(&n);
    for (uint32_t i = 0; i < n; i++) {
        size_t section = strcspn(k[i].path, ".");
        if (!i || strncmp(k[i].path, k[i - 1].path, section + 1) != 0)
            fprintf(to,
                    "\n### %.*s\n\n| Key | Type | Default | Bounds | Taken over by | What it does "
                    "|\n|---|---|---|---|---|---|\n",
                    (int)section, k[i].path);
        row(to, i, &k[i]);
    }
    return ferror(to) ? -1 : 0;
}

/* docs/KPI.md: everything on it comes from the definitions, so that it cannot say something else than the program does. */
#include "kpis_page.h"

static const char *const unit_names[] = {
    [UNIT_RATIO] = "ratio", [UNIT_COUNT] = "count", [UNIT_MICROS] = "micros", [UNIT_MS] = "ms",
    [UNIT_SCORE] = "score", [UNIT_DAYS] = "days",   [UNIT_MONTHS] = "months",
};
static const char *const direction_names[] = {
    [DIRECTION_UP] = "up", [DIRECTION_DOWN] = "down", [DIRECTION_NEUTRAL] = "neutral"
};
static const struct {
    char letter;
    const char *name;
} perspectives[] = {
    { 'F', "Financial" }, { 'C', "Customer" }, { 'I', "Internal process" }, { 'L', "Learning and growth" }
};

const char *kpi_unit_name(enum unit unit)
{
    return unit_names[unit];
}

const char *kpi_direction_name(enum direction direction)
{
    return direction_names[direction];
}

/* A cell of a table: a bar would end it. */
static void cell(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '|' ? "\\|" : "%c", *text);
}

static void windows(FILE *to, const struct kpi_def *k)
{
    for (uint32_t i = 0; i < k->n_windows; i++)
        fprintf(to, "%s%s", i ? " " : "", k->window[i].name);
}

static void dims(FILE *to, const struct kpi_def *k)
{
    const char *gap = "";
    for (int d = 0; d < DIM_COUNT; d++)
        if (k->dims >> d & 1) {
            fprintf(to, "%s%s", gap, dim_name((enum dim)d));
            gap = " ";
        }
}

static void switch_names(FILE *to, const char *p)
{
    const char *gap = "";
    while (p && *p) {
        size_t end = strcspn(p, ",");
        fprintf(to, "%s%.*s", gap, (int)strcspn(p, ",="), p);
        p += end + (p[end] == ',');
        gap = " ";
    }
}

static void row(FILE *to, const struct kpi_def *k)
{
    fprintf(to, "| `%s` | ", k->id);
    cell(to, k->title_en);
    fprintf(to, " / %s | `", k->title_zh);
    cell(to, k->formula);
    fprintf(to, "` | %s | %s | %s | ", unit_names[k->unit], direction_names[k->direction],
            k->empty_zero ? "0" : "null");
    windows(to, k);
    fputs(" | ", to);
    dims(to, k);
    fputs(" | ", to);
    switch_names(to, k->switches);
    fputs(" |\n", to);
}

static void table(FILE *to, const struct definitions *defs, size_t perspective)
{
    fprintf(to,
            "\n## %s\n\n"
            "| id | English / 中文 | Formula | Unit | Direction | Empty | Windows | Dimensions | Switches |\n"
            "|---|---|---|---|---|---|---|---|---|\n",
            perspectives[perspective].name);
    for (uint32_t i = 0; i < defs->n_kpis; i++)
        if (defs->kpi[i].perspective == perspectives[perspective].letter)
            row(to, &defs->kpi[i]);
}

static void switch_table(FILE *to, const struct config *c)
{
    fputs("\n## Switches\n\nThe value in force is part of a KPI's identity and published with it.\n\n"
          "| Switch | Value | Choices |\n|---|---|---|\n",
          to);
    for (uint32_t i = 0; i < c->n_switches; i++)
        fprintf(to, "| `%s` | %s | %s |\n", c->switches[i].name, c->switches[i].value, c->switches[i].choices);
}

int kpis_page(const struct config *c, FILE *to)
{
    fprintf(to,
            "# KPIs\n\n"
            "<!-- Written by `crmpulse kpis --markdown` from config/catalogue/*.yaml; scripts/kpi-doc writes it anew. "
            "-->\n\n"
            "%u KPIs. Names in formulas are measures (`config/catalogue/*.yaml`); `prev.NAME` is the measure in the "
            "comparison window. "
            "Money is in micro-units, durations in ms. Windows, dimensions, and what each switch decides: "
            "[CONFIG.md](CONFIG.md). "
            "*Empty* is what is published without a denominator or sample.\n",
            c->defs.n_kpis);
    for (size_t i = 0; i < sizeof perspectives / sizeof *perspectives; i++)
        table(to, &c->defs, i);
    switch_table(to, c);
    return ferror(to) ? -1 : 0;
}

/* A bar chart as one self-contained SVG file: no script, no external font; readable on light and dark pages. */
#ifndef CRMPULSE_CLI_SVG_CHART_H
#define CRMPULSE_CLI_SVG_CHART_H

#include <stdio.h>

#include "crmpulse/slice.h"

struct svg_row {
    struct slice label; /* borrowed */
    bool heading;       /* starts a group with a scale of its own */
    double value;
    char text[32]; /* the value as shown */
};

struct svg_chart {
    struct svg_row *row;
    uint32_t n, cap;
    bool failed; /* out of memory: writing will fail */
};

/* A zeroed chart is empty. Labels are borrowed until svg_chart_write. */
void svg_chart_group(struct svg_chart *c, struct slice title);
/* A bar in the last group; values below 0 go to the left. `text` is cut to 31 bytes. A value that is no number has no bar, only its text. */
void svg_chart_bar(struct svg_chart *c, struct slice label, double value, const char *text);
/* 0, or -1: out of memory, or the file cannot be written. */
int svg_chart_write(const struct svg_chart *c, struct slice title, FILE *to);
void svg_chart_release(struct svg_chart *c);

#endif

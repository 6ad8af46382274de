/* Bars as SVG. It lays out rows from top to bottom and nothing else: no axes, no legend. */
#include "svg_chart.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 760, MARGIN = 16, LABEL_END = 232, BAR_END = 640, ROW = 24, BAR = 14, LABEL_CHARS = 30 };

static void append(struct svg_chart *c, struct svg_row row)
{
    if (c->n == c->cap) {
        uint32_t cap = c->cap ? 2 * c->cap : 32;
        struct svg_row *more = realloc(c->row, cap * sizeof(*more));
        c->failed |= !more;
        if (!more)
            return;
        c->row = more;
        c->cap = cap;
    }
    c->row[c->n++] = row;
}

void svg_chart_group(struct svg_chart *c, struct slice title)
{
    append(c, (struct svg_row){ .label = title, .heading = true });
}

void svg_chart_bar(struct svg_chart *c, struct slice label, double value, const char *text)
{
    struct svg_row row = { .label = label, .value = isfinite(value) ? value : 0 };
    snprintf(row.text, sizeof(row.text), "%s", text);
    append(c, row);
}

/* At most `max_chars` characters of UTF-8 as XML text. */
static void put_text(FILE *to, struct slice s, int max_chars)
{
    int chars = 0;
    for (uint32_t i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if ((b & 0xc0) != 0x80 && ++chars > max_chars) {
            fputs("&#8230;", to);
            return;
        }
        if (b == '<' || b == '>' || b == '&' || b == '"')
            fprintf(to, "&#%d;", b);
        else
            fputc(b < ' ' || b == 0x7f ? ' ' : b, to);
    }
}

/* The scale of a group: pixels per unit, and where 0 stands. */
struct scale {
    double pixels, zero;
};

static struct scale scale_of(const struct svg_chart *c, uint32_t heading)
{
    double low = 0, high = 0;
    for (uint32_t i = heading + 1; i < c->n && !c->row[i].heading; i++) {
        low = fmin(low, c->row[i].value);
        high = fmax(high, c->row[i].value);
    }
    double pixels = high > low ? (BAR_END - LABEL_END) / (high - low) : 0;
    return (struct scale){ .pixels = pixels, .zero = LABEL_END - low * pixels };
}

static void put_bar(FILE *to, const struct svg_row *row, struct scale s, int y)
{
    double end = s.zero + row->value * s.pixels;
    double left = fmin(s.zero, end), width = fmax(fabs(end - s.zero), row->value == 0 ? 0 : 1);
    fprintf(to, "<text class=\"t\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL_END - 8, y + 12);
    put_text(to, row->label, LABEL_CHARS);
    fprintf(to, "</text><rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>",
            row->value < 0 ? "n" : "b", left, y, width, BAR);
    fprintf(to, "<text class=\"v\" x=\"%.2f\" y=\"%d\">", left + width + 6, y + 12);
    put_text(to, slice_of(row->text), (int)sizeof(row->text));
    fputs("</text>\n", to);
}

static void put_head(FILE *to, struct slice title, int height)
{
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "role=\"img\">\n<title>",
            WIDTH, height, WIDTH, height);
    put_text(to, title, 200);
    fputs("</title>\n<style>text{font-family:sans-serif;font-size:13px;fill:#333}.h{font-size:14px;font-weight:bold}"
          ".v{fill:#666}.b{fill:#3b76b8}.n{fill:#b8643b}"
          "@media (prefers-color-scheme:dark){text{fill:#ddd}.v{fill:#aaa}.b{fill:#6ba3e0}.n{fill:#e0936b}}</style>\n",
          to);
    fprintf(to, "<text class=\"h\" x=\"%d\" y=\"%d\">", MARGIN, MARGIN + 8);
    put_text(to, title, 80);
    fputs("</text>\n", to);
}

int svg_chart_write(const struct svg_chart *c, struct slice title, FILE *to)
{
    int y = MARGIN + ROW;
    struct scale scale = { .zero = LABEL_END };
    if (c->failed)
        return -1;
    put_head(to, title, y + (int)c->n * ROW + MARGIN);
    for (uint32_t i = 0; i < c->n; i++, y += ROW) {
        if (!c->row[i].heading) {
            put_bar(to, &c->row[i], scale, y);
            continue;
        }
        scale = scale_of(c, i);
        fprintf(to, "<text class=\"h\" x=\"%d\" y=\"%d\">", MARGIN, y + 14);
        put_text(to, c->row[i].label, 80);
        fputs("</text>\n", to);
    }
    fputs("</svg>\n", to);
    return ferror(to) ? -1 : 0;
}

void svg_chart_release(struct svg_chart *c)
{
    free(c->row);
    *c = (struct svg_chart){ 0 };
}

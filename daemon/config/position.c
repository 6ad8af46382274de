/* From a byte of a scalar's text to its line and column in the file, so that an error inside an expression points at the right place.
 *
 * Walks the file's bytes beside the text: quotes, escapes and line folds take more room in the file than in the text. */
#include "node.h"

struct walker {
    const char *p, *end;
    struct position at;
    uint32_t indent; /* block text: column of its first character */
};

static void step(struct walker *w)
{
    if (w->p == w->end)
        return;
    if (*w->p++ == '\n') {
        w->at.line++;
        w->at.column = 1;
        return;
    }
    while (w->p < w->end && ((unsigned char)*w->p & 0xc0) == 0x80)
        w->p++;
    w->at.column++;
}

static void step_n(struct walker *w, int n)
{
    while (n-- > 0)
        step(w);
}

static bool blank(const struct walker *w)
{
    return w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r');
}

/* At blanks that run up to the end of the line: the fold. */
static bool at_fold(const struct walker *w)
{
    const char *p = w->p;
    while (p < w->end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p < w->end && *p == '\n';
}

static int escape_chars(const struct walker *w)
{
    char c = w->p + 1 < w->end ? w->p[1] : 0;
    return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

static void to_start(struct walker *w, const struct node *n)
{
    while (w->p < w->end && w->at.line < n->line)
        step(w);
    while (w->p < w->end && w->at.line == n->line && w->at.column < n->column)
        step(w);
    if (n->style == STYLE_SINGLE || n->style == STYLE_DOUBLE)
        step(w);
    if (n->style != STYLE_BLOCK)
        return;
    while (w->at.line == n->line && w->p < w->end)
        step(w);
    while (blank(w))
        step(w);
    w->indent = w->at.column;
}

/* Block text keeps its line ends and what a line is indented further than the first. */
static void step_block(struct walker *w)
{
    bool line_end = w->p < w->end && *w->p == '\n';
    step(w);
    while (line_end && w->at.column < w->indent && w->p < w->end && *w->p == ' ')
        step(w);
}

static void step_text(struct walker *w, const struct node *n)
{
    if (n->style == STYLE_BLOCK) {
        step_block(w);
    } else if (n->style == STYLE_DOUBLE && w->p < w->end && *w->p == '\\') {
        step_n(w, escape_chars(w));
    } else if (n->style == STYLE_SINGLE && w->p + 1 < w->end && w->p[0] == '\'' && w->p[1] == '\'') {
        step_n(w, 2);
    } else if (at_fold(w)) {
        while (blank(w))
            step(w);
    } else {
        step(w);
    }
}

struct position node_position(const struct node *n, uint32_t at)
{
    if (n->kind != NODE_SCALAR)
        return (struct position){ n->line, n->column };
    struct slice file = n->source->bytes;
    struct walker w = { .p = file.p, .end = file.p + file.n, .at = { 1, 1 } };
    if (file.n >= 3 && memcmp(file.p, "\xef\xbb\xbf", 3) == 0)
        w.p += 3;
    to_start(&w, n);
    for (uint32_t i = 0; i < at && i < n->text.n;) {
        step_text(&w, n);
        do
            i++;
        while (i < n->text.n && ((unsigned char)n->text.p[i] & 0xc0) == 0x80);
    }
    return w.at;
}

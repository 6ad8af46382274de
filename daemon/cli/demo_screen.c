/* The screen: tiles, board, alerts, in whatever size the terminal has. One write a frame; no line is longer than the terminal is wide. */
#include "demo_screen.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[1;31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

enum {
    TILE_COLUMNS = 20,
    NAME_MAX_COLUMNS = 24,
    BAR_COLUMNS_MIN = 8,
    BAR_COLUMNS_MAX = 20,
    PERCENT_COLUMNS = 8,
    TALL = 32,
    WIDTH_MIN = 40,
    WIDTH_MAX = 160,
    ALERT_LINES_MIN = 3
};

struct frame {
    struct text text;
    int width, height, line;
};

static void put(const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

void screen_enter(void)
{
    static const char on[] = "\033[?1049h\033[?25l\033[2J";
    put(on, sizeof on - 1);
}

void screen_leave(void)
{
    static const char off[] = PLAIN "\033[?25h\033[?1049l";
    put(off, sizeof off - 1);
}

static void next_line(struct frame *f)
{
    text_add(&f->text, PLAIN "\033[K");
    if (++f->line < f->height)
        text_add(&f->text, "\r\n");
}

static bool full(const struct frame *f)
{
    return f->line >= f->height;
}

/* A whole line in one style. */
static void line(struct frame *f, const char *style, const char *s)
{
    if (full(f))
        return;
    text_add(&f->text, "%s", style);
    text_column(&f->text, s, f->width, false);
    next_line(f);
}

static void draw_head(struct frame *f, const struct screen_status *s)
{
    char head[256], sent[40];
    format_whole((double)s->sent, sent, sizeof sent);
    snprintf(head, sizeof head, " crmpulse demo   %lld s   %s events, %lld/s   Ctrl-C ends it",
             (long long)(s->elapsed_ms / 1000), sent, (long long)s->rate);
    line(f, BOLD, head);
    snprintf(head, sizeof head, " %s%s", s->doing ? s->doing : "", s->doing ? " ..." : "");
    line(f, YELLOW, head);
}

/* Titles above, values below. */
static void draw_tiles(struct frame *f, const struct view *v)
{
    int per_line = f->width / TILE_COLUMNS;
    for (int from = 0; from < VIEW_TILES; from += per_line) {
        int to = from + per_line < VIEW_TILES ? from + per_line : VIEW_TILES;
        for (int pass = 0; pass < 2 && !full(f); pass++) {
            for (int i = from; i < to; i++) {
                char value[64];
                format_tile(&v->tile[i], tile_info[i].unit, value, sizeof value);
                text_add(&f->text, "%s ", pass ? BOLD : PLAIN DIM);
                text_column(&f->text, pass ? value : tile_info[i].title, TILE_COLUMNS - 1, false);
            }
            next_line(f);
        }
        if (f->height >= TALL)
            line(f, PLAIN, "");
    }
    if (f->height < TALL)
        line(f, PLAIN, "");
}

static void draw_bar(struct frame *f, const struct view_row *r, int columns)
{
    int filled = r->attained <= 0 ? 0 : r->attained >= 1 ? columns : (int)(r->attained * columns);
    text_add(&f->text, "  %s", r->attained >= 1 ? GREEN : PLAIN);
    for (int i = 0; i < columns; i++)
        text_add(&f->text, "%s", i < filled ? "█" : "░");
    text_add(&f->text, "%4.0f %%" PLAIN, r->attained * 100);
}

/* Room for a bar after `used` columns; 0 if too little. */
static int bar_columns(const struct frame *f, int used)
{
    int columns = f->width - used - PERCENT_COLUMNS;
    return columns < BAR_COLUMNS_MIN ? 0 : columns > BAR_COLUMNS_MAX ? BAR_COLUMNS_MAX : columns;
}

static void draw_row(struct frame *f, const struct view_row *r, int name_columns)
{
    char value[64], gap[64], move[16] = "";
    int used = 4 + 6 + name_columns + 13;
    format_whole(r->value_micros / 1e6, value, sizeof value);
    format_whole(r->gap_micros / 1e6, gap, sizeof gap);
    if (r->movement)
        snprintf(move, sizeof move, "%s%d", r->movement > 0 ? "▲" : "▼", r->movement > 0 ? r->movement : -r->movement);
    text_add(&f->text, "%s%3d %s", r->rank <= 3 ? BOLD : PLAIN, r->rank,
             r->movement > 0   ? GREEN
             : r->movement < 0 ? RED
                               : "");
    text_column(&f->text, move, 5, false);
    text_add(&f->text, "%s ", r->rank <= 3 ? PLAIN BOLD : PLAIN);
    text_column(&f->text, r->name, name_columns, false);
    text_column(&f->text, value, 13, true);
    if (f->width >= used + 13) {
        text_add(&f->text, PLAIN DIM);
        text_column(&f->text, gap, 13, true);
        text_add(&f->text, PLAIN);
        used += 13;
    }
    int bar = bar_columns(f, used);
    if (r->has_target && bar)
        draw_bar(f, r, bar);
    next_line(f);
}

static void draw_board(struct frame *f, const struct view *v)
{
    int name_columns = f->width - 23 < NAME_MAX_COLUMNS ? f->width - 23 : NAME_MAX_COLUMNS;
    if (full(f))
        return;
    text_add(&f->text, PLAIN DIM);
    text_column(&f->text, "  # week  net sales, 7 days", 10 + name_columns, false);
    text_column(&f->text, "EUR", 13, true);
    if (f->width >= 36 + name_columns)
        text_column(&f->text, "to the next", 13, true);
    if (bar_columns(f, 36 + name_columns))
        text_add(&f->text, "  monthly target");
    next_line(f);
    int room = f->height - f->line - ALERT_LINES_MIN - 2;
    for (uint32_t i = 0; i < v->n_rows && (int)i < room; i++)
        draw_row(f, &v->row[i], name_columns);
    line(f, PLAIN, "");
}

static void draw_alerts(struct frame *f, const struct view *v)
{
    line(f, DIM, v->n_alerts ? " alerts, newest first" : " alerts: none so far");
    for (uint32_t i = v->n_alerts; i-- > 0 && v->n_alerts - i <= VIEW_ALERTS_MAX && !full(f);) {
        const struct view_alert *a = &v->alert[i % VIEW_ALERTS_MAX];
        char text[VIEW_NAME_MAX + 160];
        struct tm tm;
        time_t s = a->at_ms / 1000;
        bool firing = strcmp(a->state, "firing") == 0;
        if (!localtime_r(&s, &tm))
            continue;
        snprintf(text, sizeof text, " %02d:%02d:%02d  %s %s  %s  value %.3f of %lld", tm.tm_hour, tm.tm_min, tm.tm_sec,
                 firing ? "▲" : "▽", a->state, a->text, a->value, (long long)a->samples);
        line(f, firing ? (strcmp(a->level, "critical") == 0 ? RED : YELLOW) : GREEN, text);
    }
}

void screen_draw(const struct view *v, const struct screen_status *s)
{
    struct frame f = { .width = 80, .height = 24 };
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        f.width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col;
        f.height = size.ws_row;
    }
    text_add(&f.text, "\033[H" PLAIN);
    draw_head(&f, s);
    draw_tiles(&f, v);
    draw_board(&f, v);
    draw_alerts(&f, v);
    text_add(&f.text, "\033[J");
    if (!f.text.failed)
        put(f.text.p, f.text.n);
    text_release(&f.text);
}

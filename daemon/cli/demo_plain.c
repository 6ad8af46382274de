/* Plain lines for pipes and logs: "[ 12.3 s] kpi ..", "[ 12.3 s] board ..", "[ 12.3 s] alert ..". */
#include <stdio.h>
#include <string.h>

#include "demo_screen.h"

enum { EVERY_MS = 1000 };

static void tell_kpis(const struct view *v)
{
    printf("kpi");
    for (int i = 0; i < VIEW_TILES; i++) {
        const struct view_tile *t = &v->tile[i];
        if (!t->known)
            printf(" %s=-", tile_info[i].id);
        else if (tile_info[i].unit == TILE_MONEY)
            printf(" %s=%.2f", tile_info[i].id, t->value / 1e6);
        else
            printf(" %s=%.10g", tile_info[i].id, t->value);
    }
    printf("\n");
}

static void tell_board(const struct view *v)
{
    struct text t = { 0 };
    for (uint32_t i = 0; i < v->n_rows; i++) {
        const struct view_row *r = &v->row[i];
        text_add(&t, "%s %d. ", i ? ";" : "", r->rank);
        text_column(&t, r->name, text_width(r->name), false);
        text_add(&t, " %.2f (%+d)", r->value_micros / 1e6, r->movement);
    }
    printf("board%s\n", t.p ? t.p : "");
    text_release(&t);
}

void plain_tell(struct plain *p, const struct view *v, const struct screen_status *s)
{
    char stamp[32];
    snprintf(stamp, sizeof stamp, "[%5.1f s]", (double)s->elapsed_ms / 1000);
    if (s->doing && s->doing != p->doing)
        printf("%s %s\n", stamp, s->doing);
    p->doing = s->doing;
    if (p->alerts_told + VIEW_ALERTS_MAX < v->n_alerts)
        p->alerts_told = v->n_alerts - VIEW_ALERTS_MAX;
    for (; p->alerts_told < v->n_alerts; p->alerts_told++) {
        const struct view_alert *a = &v->alert[p->alerts_told % VIEW_ALERTS_MAX];
        printf("%s alert %s %s level=%s value=%.4f n=%lld\n", stamp, a->state, a->text, a->level, a->value,
               (long long)a->samples);
    }
    if (!s->doing && s->elapsed_ms >= p->next_ms) {
        p->next_ms = s->elapsed_ms + EVERY_MS;
        printf("%s ", stamp);
        tell_kpis(v);
        printf("%s ", stamp);
        tell_board(v);
    }
    fflush(stdout);
}

/* Messages that are missing, one too many or numbered otherwise, and say nothing new. What was touched and withdrawn is not seen where one batch has both: then
 * it is told again, or revised after its end, or not. Each comparison here holds such a message against what was told before, figure by figure. */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "check.h"
#include "crmpulse/out_pb.h"
#include "crmpulse/v1/board.pb-c.h"
#include "crmpulse/v1/kpi.pb-c.h"
#include "crmpulse/v1/scorecard.pb-c.h"

/* ---- boards that say nothing new ---- */

/* "7d": its start moves with each tick, and what falls out of it makes the board touched. */
static bool is_rolling(const Crmpulse__V1__BoardSnapshot *b)
{
    return b->window[0] >= '0' && b->window[0] <= '9';
}

static bool is_same_board(const Crmpulse__V1__BoardSnapshot *a, const Crmpulse__V1__BoardSnapshot *b)
{
    return strcmp(a->board, b->board) == 0 && strcmp(a->org, b->org) == 0 &&
           (is_rolling(b) || a->window_start_ms == b->window_start_ms);
}

static bool same_entries(const Crmpulse__V1__BoardSnapshot *a, const Crmpulse__V1__BoardSnapshot *b)
{
    for (size_t i = 0; i < a->n_entries || i < b->n_entries; i++)
        if (i >= a->n_entries || i >= b->n_entries || strcmp(a->entries[i]->subject, b->entries[i]->subject) != 0 ||
            a->entries[i]->rank != b->entries[i]->rank || a->entries[i]->value != b->entries[i]->value ||
            a->entries[i]->is_null != b->entries[i]->is_null)
            return false;
    return true;
}

static bool only_zeros(const Crmpulse__V1__BoardSnapshot *b)
{
    for (size_t i = 0; i < b->n_entries; i++)
        if (b->entries[i]->value != 0)
            return false;
    return true;
}

static Crmpulse__V1__BoardSnapshot *board_of(const struct message_out *m)
{
    return crmpulse__v1__board_snapshot__unpack(NULL, m->payload.n, (const uint8_t *)m->payload.p);
}

bool same_board_told(const struct message_out *want, const struct broker *in)
{
    Crmpulse__V1__BoardSnapshot *b = board_of(want), *last = NULL;
    for (uint32_t i = 0; b && i < in->out_slots; i++) {
        Crmpulse__V1__BoardSnapshot *o =
            in->out[i].times && slice_eq(in->out[i].topic, SLICE("boards")) ? board_of(&in->out[i]) : NULL;
        const bool newer = o && is_same_board(o, b) && o->tick_ms < b->tick_ms && (!last || o->tick_ms > last->tick_ms);
        crmpulse__v1__board_snapshot__free_unpacked(newer ? last : o, NULL);
        last = newer ? o : last;
    }
    const bool same = b && (last ? same_entries(b, last) : only_zeros(b) && !b->revision);
    crmpulse__v1__board_snapshot__free_unpacked(b, NULL);
    crmpulse__v1__board_snapshot__free_unpacked(last, NULL);
    return same;
}

bool same_board(const struct message_out *want, const struct message_out *is)
{
    Crmpulse__V1__BoardSnapshot *a = board_of(want), *b = board_of(is);
    const bool same = a && b && a->revision && b->revision && is_same_board(a, b) && a->tick_ms == b->tick_ms &&
                      a->change == b->change && same_entries(a, b);
    crmpulse__v1__board_snapshot__free_unpacked(a, NULL);
    crmpulse__v1__board_snapshot__free_unpacked(b, NULL);
    return same;
}

struct board_search {
    const Crmpulse__V1__BoardSnapshot *of;
    struct arena text;
    bool same;
};

static int look_at_board(void *ctx, const struct board_snapshot *b)
{
    struct board_search *x = ctx;
    struct slice packed = out_pb_board_snapshot(&x->text, b);
    Crmpulse__V1__BoardSnapshot *is = crmpulse__v1__board_snapshot__unpack(NULL, packed.n, (const uint8_t *)packed.p);
    x->same |= is && is_same_board(is, x->of) && same_entries(is, x->of);
    crmpulse__v1__board_snapshot__free_unpacked(is, NULL);
    arena_reset(&x->text);
    return 0;
}

static int ask_boards(struct evaluator *e, void *ctx)
{
    const struct board_search *x = ctx;
    return evaluator_boards(e, x->of->window_end_ms - 1, look_at_board, ctx);
}

bool board_of_the_end(struct sim *w, const struct message_out *m)
{
    Crmpulse__V1__BoardSnapshot *b = board_of(m);
    struct board_search x = { .of = b };
    int rc = -1;
    arena_init(&x.text, 0, 0);
    if (b && b->revision)
        rc = reference_at(w, b->window_end_ms - 1, ask_boards, &x);
    crmpulse__v1__board_snapshot__free_unpacked(b, NULL);
    arena_release(&x.text);
    return rc == 0 && x.same;
}

/* ---- rows of ended windows ---- */

static Crmpulse__V1__KpiRow *row_of(const struct message_out *m)
{
    return crmpulse__v1__kpi_row__unpack(NULL, m->payload.n, (const uint8_t *)m->payload.p);
}

static bool same_window(const Crmpulse__V1__KpiRow *a, const Crmpulse__V1__KpiRow *b)
{
    return a->at_ms == b->at_ms && a->window_start_ms == b->window_start_ms && strcmp(a->kpi, b->kpi) == 0 &&
           strcmp(a->org, b->org) == 0 && strcmp(a->window, b->window) == 0 && strcmp(a->dim, b->dim) == 0 &&
           strcmp(a->subject, b->subject) == 0;
}

/* Of the rows of the window of `like`, that of the highest revision; the caller's. */
static Crmpulse__V1__KpiRow *newest_row(const struct broker *b, const Crmpulse__V1__KpiRow *like)
{
    Crmpulse__V1__KpiRow *newest = NULL;
    for (uint32_t i = 0; i < b->out_slots; i++) {
        Crmpulse__V1__KpiRow *r =
            b->out[i].times && slice_eq(b->out[i].topic, SLICE("kpis")) ? row_of(&b->out[i]) : NULL;
        const bool newer = r && same_window(r, like) && (!newest || r->revision > newest->revision);
        crmpulse__v1__kpi_row__free_unpacked(newer ? newest : r, NULL);
        newest = newer ? r : newest;
    }
    return newest;
}

bool same_row_at_last(const struct message_out *want, const struct broker *ref, const struct broker *in)
{
    Crmpulse__V1__KpiRow *like = row_of(want);
    Crmpulse__V1__KpiRow *a = like && like->revision ? newest_row(ref, like) : NULL;
    Crmpulse__V1__KpiRow *b = a ? newest_row(in, like) : NULL;
    const bool same = b && a->is_null == b->is_null && a->value == b->value && a->numerator == b->numerator &&
                      a->denominator == b->denominator && strcmp(a->flags, b->flags) == 0;
    crmpulse__v1__kpi_row__free_unpacked(like, NULL);
    crmpulse__v1__kpi_row__free_unpacked(a, NULL);
    crmpulse__v1__kpi_row__free_unpacked(b, NULL);
    return same;
}

/* ---- scorecards of ended cycles ---- */

static Crmpulse__V1__ScorecardSnapshot *card_of(const struct message_out *m)
{
    return crmpulse__v1__scorecard_snapshot__unpack(NULL, m->payload.n, (const uint8_t *)m->payload.p);
}

static bool is_same_card(const Crmpulse__V1__ScorecardSnapshot *a, const Crmpulse__V1__ScorecardSnapshot *b)
{
    return strcmp(a->scorecard, b->scorecard) == 0 && strcmp(a->version, b->version) == 0 &&
           strcmp(a->org, b->org) == 0 && strcmp(a->dim, b->dim) == 0 && strcmp(a->subject, b->subject) == 0 &&
           a->window_start_ms == b->window_start_ms;
}

static bool same_part(const Crmpulse__V1__ScorecardPerspective *a, const Crmpulse__V1__ScorecardPerspective *b)
{
    bool same = a->n_kpis == b->n_kpis && a->score == b->score && a->is_null == b->is_null;
    for (size_t i = 0; same && i < a->n_kpis; i++) {
        const Crmpulse__V1__ScorecardKpi *x = a->kpis[i], *y = b->kpis[i];
        same = strcmp(x->kpi, y->kpi) == 0 && x->value == y->value && x->is_null == y->is_null &&
               x->score == y->score && x->effective_weight == y->effective_weight &&
               strcmp(x->missing_reason, y->missing_reason) == 0;
    }
    return same;
}

/* But for what is said of the card before it. */
static bool same_figures(const Crmpulse__V1__ScorecardSnapshot *a, const Crmpulse__V1__ScorecardSnapshot *b)
{
    bool same = a->score == b->score && a->is_null == b->is_null && a->coverage == b->coverage &&
                strcmp(a->band, b->band) == 0 && a->provisional == b->provisional &&
                a->n_perspectives == b->n_perspectives;
    for (size_t i = 0; same && i < a->n_perspectives; i++)
        same = same_part(a->perspectives[i], b->perspectives[i]);
    return same;
}

bool same_card(const struct message_out *want, const struct message_out *is)
{
    Crmpulse__V1__ScorecardSnapshot *a = card_of(want), *b = card_of(is);
    const bool same =
        a && b && a->revision && b->revision && is_same_card(a, b) && a->tick_ms == b->tick_ms && same_figures(a, b);
    crmpulse__v1__scorecard_snapshot__free_unpacked(a, NULL);
    crmpulse__v1__scorecard_snapshot__free_unpacked(b, NULL);
    return same;
}

bool same_card_told(const struct message_out *m, const struct broker *in, bool any)
{
    Crmpulse__V1__ScorecardSnapshot *c = card_of(m), *last = NULL;
    for (uint32_t i = 0; c && (c->revision || any) && i < in->out_slots; i++) {
        Crmpulse__V1__ScorecardSnapshot *o =
            in->out[i].times && slice_eq(in->out[i].topic, SLICE("scorecards")) ? card_of(&in->out[i]) : NULL;
        const bool newer = o && is_same_card(o, c) && o->tick_ms < c->tick_ms && (!last || o->tick_ms > last->tick_ms);
        crmpulse__v1__scorecard_snapshot__free_unpacked(newer ? last : o, NULL);
        last = newer ? o : last;
    }
    const bool same = last && same_figures(c, last);
    crmpulse__v1__scorecard_snapshot__free_unpacked(c, NULL);
    crmpulse__v1__scorecard_snapshot__free_unpacked(last, NULL);
    return same;
}

struct card_search {
    struct arena text;
    const Crmpulse__V1__ScorecardSnapshot *of;
    bool same;
};

static int look_at_card(void *ctx, const struct scorecard_snapshot *s)
{
    struct card_search *x = ctx;
    struct slice packed = out_pb_scorecard_snapshot(&x->text, s);
    Crmpulse__V1__ScorecardSnapshot *is =
        crmpulse__v1__scorecard_snapshot__unpack(NULL, packed.n, (const uint8_t *)packed.p);
    x->same |= is && is_same_card(is, x->of) && same_figures(is, x->of);
    crmpulse__v1__scorecard_snapshot__free_unpacked(is, NULL);
    arena_reset(&x->text);
    return 0;
}

static int ask_cards(struct evaluator *e, void *ctx)
{
    const struct card_search *x = ctx;
    return evaluator_scorecards(e, x->of->window_end_ms - 1, look_at_card, ctx);
}

static bool card_at(struct sim *w, const struct message_out *m, bool at_end)
{
    Crmpulse__V1__ScorecardSnapshot *c = card_of(m);
    struct card_search x = { .of = c };
    int rc = -1;
    arena_init(&x.text, 0, 0);
    if (c && c->revision)
        rc = reference_at(w, (at_end ? c->window_end_ms : c->tick_ms) - 1, ask_cards, &x);
    crmpulse__v1__scorecard_snapshot__free_unpacked(c, NULL);
    arena_release(&x.text);
    return rc == 0 && x.same;
}

bool true_card(struct sim *w, const struct message_out *m)
{
    return card_at(w, m, false);
}

bool card_of_the_end(struct sim *w, const struct message_out *m)
{
    return card_at(w, m, true);
}

/* Who was erased, by the marks that the engine left (erased.h). */
#include "eval_erased.h"

#include "board_order.h"
#include "erased.h"

bool subject_erased(const struct evaluator *e, const struct subject *s, enum view_id v)
{
    char buf[ERASED_MARK_SIZE];
    if (!dim_has_marks(s->dim) || !s->org->marks || e->plan.erased < 0)
        return false;
    if (id_is_nobody(s->text))
        return true;
    const struct subject *mark = org_find_subject(s->org, s->dim, erased_mark(s->text, buf));
    const struct node *n = mark ? mark->node[e->plan.erased] : NULL;
    return n && n->part[SERIES_BASE] && n->part[SERIES_BASE]->track[v].total > 0;
}

void erased_touch(struct evaluator *e, enum view_id v, struct subject *mark)
{
    const struct subject_list *list = &mark->org->dim[mark->dim];
    char buf[ERASED_MARK_SIZE];
    for (uint32_t i = 0; i < list->n; i++) {
        struct subject *s = list->v[i];
        if (id_is_nobody(s->text) || !slice_eq(erased_mark(s->text, buf), mark->text))
            continue;
        board_order_note(e, v, s);
        for (uint32_t k = 0; s->view[v].known && k < e->plan.n_watches; k++)
            view_mark_one(e, v, s, k);
    }
}

int erased_tell(const struct evaluator *e, const struct subject *s, enum gone_from from, const char *window,
                const char *id)
{
    const struct gone g = { .from = from,
                            .org = s->org->id,
                            .dim = slice_of(dim_name(s->dim)),
                            .subject = s->text,
                            .window = slice_of(window),
                            .id = slice_of(id) };
    return e->sink->gone && !id_is_nobody(s->text) ? e->sink->gone(e->sink->ctx, &g) : 0;
}

/* Formulas: switches resolved, compiled; errors at their column in the file. Names are looked up in reference.c; what a formula means is the evaluator's
 * business. */
#include <ctype.h>

#include "loader.h"

static struct expr *compile(struct loader *l, const struct node *n, enum scope scope, const struct resolved *r)
{
    struct scope_ctx c = { .l = l, .scope = scope };
    struct expr_error error = { 0 };
    expr_resolve resolve = scope == SCOPE_FACT ? resolve_field : resolve_measure;
    struct expr *e = expr_compile((struct slice){ r->text, r->n }, resolve, &c, &error);
    if (e)
        return e;
    uint32_t at = error.at < r->n ? r->at[error.at] : n->text.n;
    report_inside(l, n, at, "%s%s", *c.why ? c.why : error.message, *c.why ? suggest_text(&c.suggest) : "");
    return NULL;
}

static bool word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Blanks say nothing except between two words; inside quotes they stay. */
static const char *canonical(struct loader *l, const struct resolved *r)
{
    char *out = arena_alloc(&l->arena, r->n + 1);
    uint32_t n = 0;
    char quote = 0;
    if (!out) {
        report_memory(l);
        return "";
    }
    for (uint32_t i = 0; i < r->n; i++) {
        char c = r->text[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (isspace((unsigned char)c)) {
            uint32_t next = i + 1;
            while (next < r->n && isspace((unsigned char)r->text[next]))
                next++;
            if (!n || next == r->n || !word_byte(out[n - 1]) || !word_byte(r->text[next]))
                continue;
            i = next - 1;
            c = ' ';
        }
        out[n++] = c;
    }
    out[n] = 0;
    return out;
}

static bool is_text(struct loader *l, const struct node *n)
{
    if (n->kind == NODE_SCALAR && n->text.n)
        return true;
    report(l, n, "expected an expression");
    return false;
}

static void take_slots(struct loader *l, const struct expr *whole, struct formula *ret)
{
    uint32_t n = 0;
    const int *slot = expr_slots(whole, &n);
    int *copy = arena_alloc(&l->arena, (n + 1) * sizeof *copy);
    if (!copy) {
        report_memory(l);
        return;
    }
    if (n)
        memcpy(copy, slot, n * sizeof *copy);
    ret->slot = copy;
    ret->n_slots = n;
}

void formula_note(struct loader *l, struct entry *e, const struct formula *f)
{
    if (e->n_slots + f->n_slots > e->cap_slots) {
        uint32_t cap = 2 * (e->n_slots + f->n_slots);
        int *slot = arena_alloc(&l->arena, cap * sizeof *slot);
        if (!slot) {
            report_memory(l);
            return;
        }
        if (e->n_slots)
            memcpy(slot, e->slot, e->n_slots * sizeof *slot);
        e->slot = slot;
        e->cap_slots = cap;
    }
    for (uint32_t i = 0; i < f->n_slots; i++)
        e->slot[e->n_slots++] = f->slot[i];
}

/* The branches that the switches do not take are compiled too, so that a mistake shows before somebody turns the switch. */
bool formula_compile(struct loader *l, const struct node *n, enum scope scope, struct formula *ret)
{
    struct resolved r;
    if (!is_text(l, n) || !switches_resolve(l, n, false, &r))
        return false;
    struct expr *whole = compile(l, n, scope, &r);
    *ret = (struct formula){ 0 };
    if (whole)
        take_slots(l, whole, ret);
    bool ok = whole && switches_resolve(l, n, true, &r);
    expr_free(whole);
    if (!ok || !(ret->expr = compile(l, n, scope, &r)))
        return false;
    ret->canonical = canonical(l, &r);
    ret->switches = r.used;
    return true;
}

bool formula_resolve(struct loader *l, const struct node *n, struct slice *ret_text, uint64_t *switches)
{
    struct resolved r;
    if (!is_text(l, n) || !switches_resolve(l, n, false, &r) || !switches_resolve(l, n, true, &r))
        return false;
    struct slice s = slice_of(canonical(l, &r));
    while (s.n >= 2 && s.p[0] == '(' && s.p[s.n - 1] == ')')
        s = (struct slice){ s.p + 1, s.n - 2 };
    *ret_text = arena_copy(&l->arena, s);
    *switches |= r.used;
    return ret_text->p;
}

/* The list of problems: noting, ordering and printing them. It decides nothing about them. */
#include <stdlib.h>

#include "loader.h"

static int grow(struct config_problems *p)
{
    if (p->n < p->cap)
        return 0;
    uint32_t cap = p->cap ? p->cap * 2 : 16;
    struct config_problem *v = realloc(p->v, cap * sizeof(*v));
    if (!v)
        return -1;
    p->v = v;
    p->cap = cap;
    return 0;
}

void config_problems_add(struct config_problems *p, const char *file, uint32_t line, uint32_t column, bool warning,
                         const char *format, va_list args)
{
    p->n_errors += !warning;
    char *name = strdup(file);
    char *message = NULL;
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    if (!name || !message || grow(p) < 0) {
        free(name);
        free(message);
        p->lost = true;
        return;
    }
    p->v[p->n++] =
        (struct config_problem){ .file = name, .line = line, .column = column, .warning = warning, .message = message };
}

static void add(struct loader *l, bool warning, const char *file, struct position at, const char *format, va_list args)
{
    l->n_errors += !warning;
    config_problems_add(l->problems, file, at.line, at.column, warning, format, args);
}

void report(struct loader *l, const struct node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(l, false, at->source->name, (struct position){ at->line, at->column }, format, args);
    va_end(args);
}

void report_warning(struct loader *l, const struct node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(l, true, at->source->name, (struct position){ at->line, at->column }, format, args);
    va_end(args);
}

void report_inside(struct loader *l, const struct node *scalar, uint32_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(l, false, scalar->source->name, node_position(scalar, offset), format, args);
    va_end(args);
}

void report_place(struct loader *l, const char *file, struct position at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(l, false, file, at, format, args);
    va_end(args);
}

void report_memory(struct loader *l)
{
    l->problems->lost = true;
    l->problems->n_errors++;
    l->n_errors++;
}

struct ranked {
    struct config_problem problem;
    uint32_t file, index;
};

static uint32_t file_order(const struct loader *l, const char *name)
{
    for (uint32_t i = 0; i < l->n_files; i++)
        if (strcmp(l->file[i].source->name, name) == 0)
            return i;
    return l->n_files;
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_ranked(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    int c = compare_u32(a->file, b->file);
    if (!c)
        c = compare_u32(a->problem.line, b->problem.line);
    if (!c)
        c = compare_u32(a->problem.column, b->problem.column);
    return c ? c : compare_u32(a->index, b->index);
}

void problems_sort(struct loader *l)
{
    struct config_problems *p = l->problems;
    uint32_t n = p->n - l->first_problem;
    struct ranked *r = n > 1 ? calloc(n, sizeof(*r)) : NULL;
    if (!r)
        return;
    for (uint32_t i = 0; i < n; i++) {
        r[i].problem = p->v[l->first_problem + i];
        r[i].file = file_order(l, r[i].problem.file);
        r[i].index = i;
    }
    qsort(r, n, sizeof(*r), compare_ranked);
    for (uint32_t i = 0; i < n; i++)
        p->v[l->first_problem + i] = r[i].problem;
    free(r);
}

void config_problems_print(const struct config_problems *p, FILE *to)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct config_problem *q = &p->v[i];
        fprintf(to, "%s:%u:%u: %s: %s\n", q->file, q->line, q->column, q->warning ? "warning" : "error", q->message);
    }
    if (p->lost)
        fprintf(to, "error: out of memory while reading the configuration\n");
}

void config_problems_release(struct config_problems *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        free(p->v[i].file);
        free(p->v[i].message);
    }
    free(p->v);
    *p = (struct config_problems){ 0 };
}

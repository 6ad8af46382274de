/* The frame around one appraisal file. It knows no method. */
#include "plan.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>

#include "crmpulse/cli.h"

enum { FILE_BYTES_MAX = 4 << 20 };

struct plan_args {
    const char *file, *svg;
    bool json;
};

static int usage(FILE *to, const char *command, const char *what)
{
    fprintf(to, "usage: crmpulse %s FILE.yaml [--json] [--svg OUT]\n  %s\n", command, what);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse_args(struct plan_args *a, const char *what, int argc, char **argv)
{
    static const struct option options[] = { { "json", no_argument, NULL, 'J' },
                                             { "svg", required_argument, NULL, 's' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    int opt;
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
        switch (opt) {
        case 'J':
            a->json = true;
            break;
        case 's':
            a->svg = optarg;
            break;
        default:
            return usage(opt == 'h' ? stdout : stderr, argv[0], what);
        }
    if (argc - optind != 1)
        return usage(stderr, argv[0], what);
    a->file = argv[optind];
    return -1;
}

static void report_yaml(void *ctx, const struct source *s, struct position at, const char *message)
{
    report_place(ctx, s->name, at, "%s", message);
}

/* The bytes with a NUL after them, in the arena; NULL with errno. */
static char *read_file(struct arena *arena, const char *path, uint32_t *ret_n)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return NULL;
    char *bytes = arena_alloc(arena, FILE_BYTES_MAX + 1);
    size_t n = bytes ? fread(bytes, 1, FILE_BYTES_MAX + 1, f) : 0;
    int why = !bytes ? ENOMEM : ferror(f) ? errno : n > FILE_BYTES_MAX ? EFBIG : 0;
    fclose(f);
    if (why) {
        errno = why;
        return NULL;
    }
    bytes[n] = 0;
    *ret_n = (uint32_t)n;
    return bytes;
}

static void read_plan(struct plan *p, struct source *source, const char *path)
{
    struct position start = { 1, 1 };
    uint32_t n = 0;
    bool ok;
    *source = (struct source){ .name = path };
    source->bytes.p = read_file(&p->l->arena, path, &n);
    source->bytes.n = n;
    if (!source->bytes.p) {
        report_place(p->l, path, start, "cannot read the file: %s", strerror(errno));
        return;
    }
    const struct node *root = node_parse(&p->l->arena, source, report_yaml, p->l, &ok);
    if (ok && (!root || root->kind != NODE_MAP))
        report_place(p->l, path, start, "an appraisal file holds a map at its top level");
    p->root = root && root->kind == NODE_MAP ? root : NULL;
    const struct node *title = node_get(p->root, "title");
    p->title = slice_of(path);
    if (title)
        (void)value_text(p->l, title, &p->title);
}

static int write_svg(const struct plan *p, const char *path)
{
    FILE *to = fopen(path, "we");
    int rc = to ? svg_chart_write(&p->chart, p->title, to) : -1;
    if (to && fclose(to) != 0)
        rc = -1;
    if (rc)
        fprintf(stderr, "crmpulse: cannot write %s: %s\n", path, strerror(errno));
    return rc;
}

static int print(struct plan *p, const struct plan_args *a, const char *text, size_t n)
{
    json_text_close(&p->json, '}');
    struct slice json = json_text_end(&p->json);
    if (!json.p) {
        fputs("crmpulse: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    if (a->json)
        printf("%s\n", json.p);
    else
        printf("%.*s\n\n%.*s", (int)p->title.n, p->title.p, (int)n, text);
    return fflush(stdout) == 0 && (!a->svg || write_svg(p, a->svg) == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(struct plan *p, const struct plan_args *a, void (*evaluate)(struct plan *p))
{
    struct source source;
    char *text = NULL;
    size_t n = 0;
    int rc = CLI_CONFIG;
    p->text = open_memstream(&text, &n);
    if (!p->text)
        return EXIT_FAILURE;
    read_plan(p, &source, a->file);
    json_text_init(&p->json, &p->arena);
    json_text_open(&p->json, '{');
    json_text_key(&p->json, "title");
    json_text_string(&p->json, p->title);
    if (p->root)
        evaluate(p);
    bool whole = fclose(p->text) == 0;
    problems_sort(p->l);
    config_problems_print(p->l->problems, stderr);
    if (!p->l->n_errors)
        rc = whole ? print(p, a, text, n) : EXIT_FAILURE;
    free(text);
    return rc;
}

int plan_command(int argc, char **argv, const char *what, void (*evaluate)(struct plan *p))
{
    struct plan_args a = { 0 };
    struct config_problems problems = { 0 };
    int rc = parse_args(&a, what, argc, argv);
    if (rc >= 0)
        return rc;
    struct plan p = { .l = calloc(1, sizeof(*p.l)) };
    if (!p.l) {
        fputs("crmpulse: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    p.l->problems = &problems;
    arena_init(&p.l->arena, 0, 0);
    arena_init(&p.arena, 0, 0);
    rc = run(&p, &a, evaluate);
    svg_chart_release(&p.chart);
    arena_release(&p.arena);
    arena_release(&p.l->arena);
    config_problems_release(&problems);
    free(p.l);
    return rc;
}

uint32_t plan_count(const struct node *parent)
{
    uint32_t n = 0;
    for (const struct node *i = parent->first; i; i = i->next)
        n++;
    return n;
}

/* The configuration takes -.inf where a range may be open; here nothing is. */
static bool finite_number(struct plan *p, const struct node *n, double *ret)
{
    if (!value_double(p->l, n, ret))
        return false;
    if (!isfinite(*ret))
        report(p->l, n, "expected a number, not '%s'", n->text.p);
    return isfinite(*ret);
}

bool plan_numbers(struct plan *p, const struct node *n, uint32_t want_n, uint32_t max, double *ret, uint32_t *ret_n)
{
    if (!want_list(p->l, n, "a list of numbers"))
        return false;
    uint32_t count = plan_count(n);
    if (count < 1 || count > max || (want_n && count != want_n)) {
        if (want_n)
            report(p->l, n, "%u numbers, where %u are needed", count, want_n);
        else
            report(p->l, n, "%u numbers, where 1 to %u are allowed", count, max);
        return false;
    }
    bool ok = true;
    for (const struct node *i = n->first; i; i = i->next)
        ok &= finite_number(p, i, ret++);
    *ret_n = count;
    return ok;
}

bool plan_number(struct plan *p, const struct node *owner, const struct node *map, const char *key,
                 const double *fallback, double low, double high, double *ret)
{
    const struct node *n = fallback ? node_get(map, key) : require(p->l, owner, map, key);
    if (!n) {
        *ret = fallback ? *fallback : 0;
        return fallback != NULL;
    }
    if (!value_double(p->l, n, ret))
        return false;
    if (*ret >= low && *ret <= high)
        return true;
    report(p->l, n, "%s is out of range: %g to %g", n->text.p, low, high);
    return false;
}

bool plan_micros(struct plan *p, const struct node *at, double value, double scale, int64_t *ret_micros)
{
    double micros = rint(value * scale * 1e6);
    if (!(fabs(micros) <= 9.2e18)) {
        report(p->l, at, "the amount is too large");
        return false;
    }
    *ret_micros = (int64_t)micros;
    return true;
}

bool plan_money(struct plan *p, const struct node *owner, const struct node *map, const char *key, double scale,
                int64_t *ret_micros)
{
    double value;
    *ret_micros = 0;
    return plan_number(p, owner, map, key, NULL, -1e18, 1e18, &value) &&
           plan_micros(p, node_get(map, key), value, scale, ret_micros);
}

void plan_json_number(struct plan *p, const char *key, double value)
{
    json_text_key(&p->json, key);
    json_text_double(&p->json, value);
}

void plan_json_figure(struct plan *p, const char *key, struct figure f)
{
    json_text_key(&p->json, key);
    if (f.is_null)
        json_text_null(&p->json);
    else
        json_text_double(&p->json, f.value);
}

void plan_json_text(struct plan *p, const char *key, const char *value)
{
    json_text_key(&p->json, key);
    json_text_string(&p->json, slice_of(value));
}

void plan_json_numbers(struct plan *p, const char *key, const double *value, uint32_t n)
{
    json_text_key(&p->json, key);
    json_text_open(&p->json, '[');
    for (uint32_t i = 0; i < n; i++)
        json_text_double(&p->json, value[i]);
    json_text_close(&p->json, ']');
}

void plan_bar(struct plan *p, struct slice label, double value, int digits)
{
    char buf[32];
    svg_chart_bar(&p->chart, label, value, plan_figure_text((struct figure){ .value = value }, digits, buf));
}

const char *plan_figure_text(struct figure f, int digits, char buf[32])
{
    if (f.is_null)
        return "-";
    snprintf(buf, 32, "%.*f", digits, f.value);
    return buf;
}

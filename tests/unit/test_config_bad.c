/* Configurations that are refused: every class of error with its place and suggestion (tests/golden/bad). */
#include "config_fixture.h"

#include <dirent.h>

#define BAD_DIR CRMPULSE_SOURCE_DIR "/tests/golden/bad"

/* ---- the files that must be refused --------------------------------------------------------------------------------------------------------------- */

enum { EXPECTED_MAX = 64 };

struct expected {
    uint32_t line, column;
    char message[256];
    bool seen;
};

/* What the comments of a file say; see tests/golden/bad/README.md. */
static uint32_t read_expected(const char *path, struct expected *e)
{
    FILE *f = fopen(path, "r");
    char text[512];
    uint32_t n = 0, line = 0, above = 0;
    cr_assert_not_null(f, "%s", path);
    while (fgets(text, sizeof(text), f)) {
        line++;
        text[strcspn(text, "\n")] = 0;
        size_t blanks = strspn(text + 1, " ");
        cr_assert_lt(n, (uint32_t)EXPECTED_MAX);
        if (text[0] == '#' && text[1 + blanks] == '^') {
            e[n] = (struct expected){ .line = above, .column = (uint32_t)blanks + 2 };
            snprintf(e[n++].message, sizeof(e->message), "%s", text + blanks + 3);
        } else if (strncmp(text, "#! ", 3) == 0) {
            int used = 0;
            cr_assert_eq(sscanf(text + 3, "%u:%u %n", &e[n].line, &e[n].column, &used), 2);
            e[n].seen = false;
            snprintf(e[n++].message, sizeof(e->message), "%s", text + 3 + used);
        } else {
            above = line;
        }
    }
    fclose(f);
    return n;
}

/* "cannot read '*'/x.yaml'": one star stands for a directory. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = strchr(pattern, '*');
    if (!star || star[1] != '/')
        return strcmp(pattern, text) == 0;
    size_t tail = strlen(star + 1), n = strlen(text);
    return strncmp(pattern, text, (size_t)(star - pattern)) == 0 && n >= tail && strcmp(text + n - tail, star + 1) == 0;
}

static int compare_file(const char *path, const struct config_problems *p)
{
    struct expected e[EXPECTED_MAX] = { 0 };
    uint32_t n = read_expected(path, e);
    int wrong = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct config_problem *q = &p->v[i];
        if (strcmp(q->file, path) != 0)
            continue;
        uint32_t j = 0;
        while (j < n && (e[j].seen || e[j].line != q->line || e[j].column != q->column ||
                         !matches(e[j].message + (e[j].message[0] == ' '), q->message)))
            j++;
        if (j < n)
            e[j].seen = true;
        else
            wrong += fprintf(stderr, "not expected: %s:%u:%u: %s\n", path, q->line, q->column, q->message) > 0;
    }
    for (uint32_t j = 0; j < n; j++)
        if (!e[j].seen)
            wrong += fprintf(stderr, "missing: %s:%u:%u:%s\n", path, e[j].line, e[j].column, e[j].message) > 0;
    return wrong;
}

static int check_bad_file(const char *name)
{
    char path[512];
    struct config_problems p = { 0 };
    snprintf(path, sizeof(path), "%s/%s", BAD_DIR, name);
    struct config *c = config_load(path, NULL, &p);
    cr_assert_null(c, "%s", name);
    cr_assert_gt(p.n_errors, 0u);
    int wrong = compare_file(path, &p);
    if (strcmp(name, "include.yaml") == 0) {
        snprintf(path, sizeof(path), "%s/include/wrong.yaml", BAD_DIR);
        wrong += compare_file(path, &p);
    }
    config_problems_release(&p);
    return wrong;
}

Test(config, bad_files_give_exactly_the_errors_they_name)
{
    DIR *d = opendir(BAD_DIR);
    struct dirent *entry;
    int files = 0, wrong = 0;
    cr_assert_not_null(d);
    while ((entry = readdir(d))) {
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 5, ".yaml") != 0)
            continue;
        wrong += check_bad_file(entry->d_name);
        files++;
    }
    closedir(d);
    cr_assert_eq(wrong, 0);
    cr_assert_geq(files, 13);
}

Test(config, problems_are_in_file_order_and_printed_one_a_line)
{
    struct loaded r = load("redis: {shards: x}\nlog: {level: loud}\nkafka: {broker: 1}\n");
    cr_assert_eq(r.problems.n, 3u);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(r.problems.v[i].line, i + 1);
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_problems_print(&r.problems, f);
    fclose(f);
    char expected[700];
    snprintf(expected, sizeof(expected), "%s:3:9: error: unknown key 'broker' in kafka; did you mean 'brokers'?\n",
             r.path);
    cr_assert_not_null(strstr(text, expected));
    free(text);
    done(&r);
}

Test(config, a_missing_file_is_an_error)
{
    struct config_problems p = { 0 };
    cr_assert_null(config_load("/nonexistent/crmpulse.yaml", NULL, &p));
    cr_assert_eq(p.n_errors, 1u);
    cr_assert_str_eq(p.v[0].message, "cannot read the file: No such file or directory");
    config_problems_release(&p);
}

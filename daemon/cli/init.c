/* crmpulse init: a configuration to begin with (config/start.yaml, embedded), with the few values that everybody has to give. It never overwrites. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crmpulse/cli.h"
#include "crmpulse/config.h"
#include "embedded_config.h"

enum { VALUES = 5 };

struct value {
    const char *option, *place, *text;
};

struct init_args {
    struct value value[VALUES];
    const char *file;
};

static int usage(FILE *to)
{
    fputs("usage: crmpulse init [FILE] [--org ID] [--zone ZONE] [--currency CODE] [--brokers HOST:PORT,..] [--redis "
          "URL]\n"
          "  Writes a commented configuration to FILE (default crmpulse.yaml; -: standard output); a file that is "
          "there stays as it is.\n"
          "  --org ID         whose events are counted (default *: every org)\n"
          "  --zone ZONE      their time zone, as Asia/Shanghai (default UTC)\n"
          "  --currency CODE  their currency (default CNY)\n"
          "  --brokers LIST   of Kafka (default 127.0.0.1:9092)\n"
          "  --redis URL      redis://, rediss:// or unix:// (default redis://127.0.0.1:6379)\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* -1: go on. */
static int parse(struct init_args *a, int argc, char **argv)
{
    struct option options[VALUES + 2] = { 0 };
    int opt;
    for (int i = 0; i < VALUES; i++)
        options[i] = (struct option){ a->value[i].option, required_argument, NULL, i + 1 };
    options[VALUES] = (struct option){ "help", no_argument, NULL, 'h' };
    optind = 1;
    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt < 1 || opt > VALUES)
            return usage(opt == 'h' ? stdout : stderr);
        a->value[opt - 1].text = optarg;
    }
    if (argc - optind > 1)
        return usage(stderr);
    if (optind < argc)
        a->file = argv[optind];
    for (int i = 0; i < VALUES; i++)
        if (!*a->value[i].text || strpbrk(a->value[i].text, "\"\\\n\r{}")) {
            fprintf(stderr, "crmpulse init: --%s: '%s' cannot stand in a configuration\n", a->value[i].option,
                    a->value[i].text);
            return CLI_USAGE;
        }
    return -1;
}

static const struct value *value_at(const struct init_args *a, const char *p)
{
    for (int i = 0; i < VALUES; i++)
        if (strncmp(p, a->value[i].place, strlen(a->value[i].place)) == 0)
            return &a->value[i];
    return NULL;
}

static int fill(const struct init_args *a, FILE *to)
{
    for (size_t i = 0; i < embedded_config_count; i++) {
        const struct embedded_file *f = &embedded_config[i];
        if (strcmp(f->name, "start.yaml") != 0)
            continue;
        for (const char *p = (const char *)f->bytes, *end = p + f->len; p < end;) {
            const struct value *v = *p == '@' ? value_at(a, p) : NULL;
            if (v)
                fputs(v->text, to);
            else
                fputc(*p, to);
            p += v ? strlen(v->place) : 1;
        }
        return ferror(to) ? -1 : 0;
    }
    return -1;
}

/* The whole text is checked before a file exists: a currency or zone that nobody knows is said at once. */
static int check(const char *text, const char *name)
{
    char path[] = "/tmp/crmpulse-init-XXXXXX";
    struct config_problems problems = { 0 };
    const int fd = mkstemp(path);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror("crmpulse init: a temporary file");
        return EXIT_FAILURE;
    }
    struct config *c = config_load(path, NULL, &problems);
    (void)unlink(path);
    for (uint32_t i = 0; i < problems.n; i++)
        fprintf(stderr, "crmpulse init: %s:%u: %s\n", name, problems.v[i].line, problems.v[i].message);
    config_problems_release(&problems);
    config_free(c);
    return c ? EXIT_SUCCESS : CLI_CONFIG;
}

static int write_new(const char *file, const char *text)
{
    const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) {
        fprintf(stderr, "crmpulse init: %s: %s\n", file,
                errno == EEXIST ? "is there already and stays as it is" : strerror(errno));
        return EXIT_FAILURE;
    }
    if (fputs(text, f) < 0 || fclose(f) != 0) {
        fprintf(stderr, "crmpulse init: %s: %s\n", file, strerror(errno));
        return EXIT_FAILURE;
    }
    fprintf(stderr, "%s is written. Next: crmpulse doctor --config %s, then crmpulse run --config %s\n", file, file,
            file);
    return EXIT_SUCCESS;
}

int cmd_init(int argc, char **argv)
{
    struct init_args a = { .value = { { "org", "@ORG@", "*" },
                                      { "zone", "@ZONE@", "UTC" },
                                      { "currency", "@CURRENCY@", "CNY" },
                                      { "brokers", "@BROKERS@", "127.0.0.1:9092" },
                                      { "redis", "@REDIS@", "redis://127.0.0.1:6379" } },
                           .file = "crmpulse.yaml" };
    char *text = NULL;
    size_t n = 0;
    int rc = parse(&a, argc, argv);
    if (rc >= 0)
        return rc;
    FILE *to = open_memstream(&text, &n);
    if (!to || fill(&a, to) < 0 || fclose(to) != 0) {
        fprintf(stderr, "crmpulse init: out of memory\n");
        return EXIT_FAILURE;
    }
    rc = check(text, a.file);
    if (rc == EXIT_SUCCESS)
        rc = strcmp(a.file, "-") == 0 ? (fputs(text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS)
                                      : write_new(a.file, text);
    free(text);
    return rc;
}

/* Where the events of `crmpulse send` come from: NDJSON lines, or CSV files by a mapping. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "crmpulse/cli.h"
#include "crmpulse/map.h"
#include "event_file.h"
#include "send.h"

enum { REPORTED_MAX = 20, FILES_MAX = 64, FILE_BYTES_MAX = 1 << 30 };

static void refuse(struct send *s, const char *file, uint64_t line, enum event_reject reason, enum event_field field)
{
    if (s->counts.refused++ >= REPORTED_MAX)
        return;
    fprintf(stderr, "%s:%" PRIu64 ": %s%s%s\n", file, line, event_reject_name(reason),
            field < EVENT_FIELD_COUNT ? " " : "", field < EVENT_FIELD_COUNT ? event_field_info(field)->name : "");
    if (s->counts.refused == REPORTED_MAX)
        fprintf(stderr, "%s: further refusals are only counted\n", file);
}

/* Events dated ahead pass here: how far ahead is too far is the daemon's setting. */
static int check_and_accept(struct send *s, const struct event *ev, const char *file, uint64_t line)
{
    enum event_field field;
    enum event_reject reason = event_validate(&s->codec.schema, ev, 0, INT64_MAX, &field);
    if (reason != REJECT_NONE) {
        refuse(s, file, line, reason, field);
        if (!s->args.lenient)
            return 0;
    }
    if (send_accept(s, ev) == 0)
        return 0;
    /* A lenient event may hold what no encoder can write. */
    if (reason != REJECT_NONE)
        return 0;
    fprintf(stderr, "%s:%" PRIu64 ": cannot send it\n", file, line);
    return -1;
}

static int take_line(struct send *s, struct slice text, const char *file, uint64_t line)
{
    struct event_note note = { .field = EVENT_FIELD_COUNT };
    enum event_reject reason = event_json_decode(&s->codec.schema, &s->scratch, text.p, text.n, &s->ev, &note);
    if (reason == REJECT_NONE)
        return check_and_accept(s, &s->ev, file, line);
    refuse(s, file, line, reason, note.field);
    return 0;
}

int send_ndjson(struct send *s)
{
    struct slice text;
    int rc, failed = 0;
    const char *name = strcmp(s->args.file, "-") == 0 ? "stdin" : s->args.file;
    struct event_file *f = event_file_open(s->args.file);
    if (!f) {
        fprintf(stderr, "crmpulse send: %s: %s\n", name, strerror(errno));
        return 1;
    }
    while (!failed && (rc = event_file_next(f, &text)) == 1) {
        arena_reset(&s->scratch);
        s->counts.read++;
        failed = take_line(s, text, name, event_file_line(f));
    }
    if (!failed && rc < 0)
        fprintf(stderr, "%s:%" PRIu64 ": cannot read on: a broken file or a line over 1 MiB\n", name,
                event_file_line(f));
    event_file_close(f);
    return failed || rc < 0;
}

/* ---- CSV ---- */

struct csv_input {
    struct send *s;
    const char *dir;
    uint32_t n_files;
    char *bytes[FILES_MAX];
    bool bad_map;
    uint64_t bad_rows;
};

/* Plain or gzip. The caller frees. */
static char *read_whole(const char *path, uint32_t *ret_n)
{
    gzFile gz = gzopen(path, "rb");
    char *bytes = NULL;
    size_t n = 0, cap = 0;
    int got = 0;
    while (gz && n < FILE_BYTES_MAX) {
        if (n == cap) {
            cap = cap ? cap * 2 : 1 << 16;
            char *grown = realloc(bytes, cap);
            if (!grown)
                break;
            bytes = grown;
        }
        got = gzread(gz, bytes + n, (unsigned)(cap - n));
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    bool whole = gz && got == 0 && gzclose(gz) == Z_OK && n < FILE_BYTES_MAX;
    if (!whole)
        free(bytes);
    *ret_n = (uint32_t)n;
    return whole ? bytes : NULL;
}

static int on_read(void *ctx, struct slice file, struct slice *ret_bytes)
{
    struct csv_input *in = ctx;
    char path[4096];
    snprintf(path, sizeof path, "%s%.*s", in->dir, (int)file.n, file.p);
    char *bytes = in->n_files < FILES_MAX ? read_whole(path, &ret_bytes->n) : NULL;
    if (!bytes) {
        fprintf(stderr, "crmpulse send: %s: cannot be read\n", path);
        return -1;
    }
    ret_bytes->p = in->bytes[in->n_files++] = bytes;
    return 0;
}

static void on_problem(void *ctx, struct slice file, uint32_t line, uint32_t column, const char *message)
{
    struct csv_input *in = ctx;
    if (column) {
        in->bad_map = true;
        fprintf(stderr, "%.*s:%u:%u: error: %s\n", (int)file.n, file.p, line, column, message);
        return;
    }
    if (in->bad_rows++ < REPORTED_MAX)
        fprintf(stderr, "%.*s:%u: %s\n", (int)file.n, file.p, line, message);
}

static int on_event(void *ctx, const struct event *ev, struct slice file, uint32_t line)
{
    struct csv_input *in = ctx;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)file.n, file.p);
    in->s->counts.read++;
    return check_and_accept(in->s, ev, name, line);
}

static int convert(struct csv_input *in, struct slice yaml, struct slice main_file)
{
    const struct map_calls calls = { in, on_read, on_problem, on_event };
    struct map *map = map_new(in->s->args.map, yaml, &calls);
    int rc = map ? map_convert(map, main_file) : -1;
    map_free(map);
    in->s->counts.refused += in->bad_rows;
    return in->bad_map ? CLI_CONFIG : rc != 0;
}

int send_csv(struct send *s)
{
    char dir[4096];
    const char *slash = strrchr(s->args.csv, '/');
    const char *name = slash ? slash + 1 : s->args.csv;
    struct slice yaml;
    char *map = read_whole(s->args.map, &yaml.n);
    if (!map) {
        fprintf(stderr, "crmpulse send: %s: cannot be read\n", s->args.map);
        return CLI_CONFIG;
    }
    yaml.p = map;
    snprintf(dir, sizeof dir, "%.*s", (int)(name - s->args.csv), s->args.csv);
    struct csv_input in = { .s = s, .dir = dir };
    int rc = convert(&in, yaml, slice_of(name));
    for (uint32_t i = 0; i < in.n_files; i++)
        free(in.bytes[i]);
    free(map);
    return rc;
}

/* Lines of a plain or gzip file, through zlib, which reads both. */
#include "event_file.h"

#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

enum { LINE_MAX_BYTES = 1 << 20 };

struct event_file {
    gzFile gz;
    uint64_t line;
    char text[LINE_MAX_BYTES + 2];
};

struct event_file *event_file_open(const char *path)
{
    struct event_file *f = malloc(sizeof *f);
    if (!f)
        return NULL;
    f->line = 0;
    f->gz = strcmp(path, "-") == 0 ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
    if (!f->gz) {
        free(f);
        return NULL;
    }
    gzbuffer(f->gz, 1 << 18);
    return f;
}

void event_file_close(struct event_file *f)
{
    if (!f)
        return;
    gzclose(f->gz);
    free(f);
}

int event_file_next(struct event_file *f, struct slice *ret_line)
{
    while (gzgets(f->gz, f->text, sizeof f->text)) {
        size_t n = strlen(f->text);
        f->line++;
        if (n == sizeof f->text - 1 && f->text[n - 1] != '\n')
            return -1;
        while (n && (f->text[n - 1] == '\n' || f->text[n - 1] == '\r'))
            n--;
        *ret_line = (struct slice){ f->text, (uint32_t)n };
        if (n)
            return 1;
    }
    int err = 0;
    (void)gzerror(f->gz, &err);
    return err == Z_OK || err == Z_STREAM_END ? 0 : -1;
}

uint64_t event_file_line(const struct event_file *f)
{
    return f->line;
}

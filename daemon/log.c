/* One line per event, written with one call; control bytes and quotes of foreign text are escaped. */
#define XXH_INLINE_ALL
#include "daemon/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#if CRMPULSE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const struct {
    const char *name;
    int priority; /* syslog, for the journal */
} levels[] = { { "debug", 7 }, { "info", 6 }, { "warning", 4 }, { "error", 3 } };

/* systemd names the device and inode of the stream that it gave us; a child with another standard error inherits the variable all the same. */
static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[64];
    struct stat at;
    if (!stream || fstat(STDERR_FILENO, &at) < 0)
        return false;
    (void)snprintf(ours, sizeof ours, "%llu:%llu", (unsigned long long)at.st_dev, (unsigned long long)at.st_ino);
    return strcmp(ours, stream) == 0;
}

void log_init(struct log *l, const char *level, bool json)
{
    *l = (struct log){ .level = LOG_INFO_, .json = json, .journal = goes_to_journal() };
    l->fields = CRMPULSE_SYSTEMD && l->journal && !json && access(JOURNAL_SOCKET, W_OK) == 0;
    for (int i = 0; i < 4; i++)
        if (level && strcmp(level, levels[i].name) == 0)
            l->level = (enum log_level)i;
}

/* Control bytes as \xNN, in JSON as \u00NN. */
static void escape(const char *from, char *to, size_t cap, const char *control)
{
    size_t n = 0;
    for (; *from && n + 8 < cap; from++) {
        unsigned char c = (unsigned char)*from;
        if (c == '"' || c == '\\') {
            to[n++] = '\\';
            to[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(to + n, cap - n, control, c);
        } else {
            to[n++] = (char)c;
        }
    }
    to[n] = 0;
}

/* False: it has to go to standard error. */
static bool to_journal(enum log_level level, const char *event, const char *safe)
{
#if CRMPULSE_SYSTEMD
    const XXH128_hash_t id = XXH3_128bits(event, strlen(event));
    return sd_journal_send("MESSAGE=event=%s message=\"%s\"", event, safe, "PRIORITY=%d", levels[level].priority,
                           "EVENT=%s", event, "MESSAGE_ID=%016llx%016llx", (unsigned long long)id.high64,
                           (unsigned long long)id.low64, NULL) == 0;
#else
    (void)level, (void)event, (void)safe;
    return false;
#endif
}

void log_line(const struct log *l, enum log_level level, const char *event, const char *format, ...)
{
    char text[1024], safe[2200], line[2600];
    if (level < l->level)
        return;
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    escape(text, safe, sizeof safe, l->json ? "\\u00%02x" : "\\x%02x");
    if (l->fields && to_journal(level, event, safe))
        return;
    int n = l->journal ? snprintf(line, sizeof line, "<%d>", levels[level].priority) : 0;
    if (l->json)
        n += snprintf(line + n, sizeof line - (size_t)n, "{\"level\":\"%s\",\"event\":\"%s\",\"message\":\"%s\"}\n",
                      levels[level].name, event, safe);
    else if (l->journal)
        n += snprintf(line + n, sizeof line - (size_t)n, "event=%s message=\"%s\"\n", event, safe);
    else
        n = snprintf(line, sizeof line, "level=%s event=%s message=\"%s\"\n", levels[level].name, event, safe);
    if (n > 0)
        fwrite(line, 1, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, stderr);
}

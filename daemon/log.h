/* Log lines to standard error, one event each: level=.. event=.. key=value .. ; with a <n> priority prefix under systemd. Text is escaped. */
#ifndef CRMPULSE_LOG_H
#define CRMPULSE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARNING_, LOG_ERROR_ };

struct log {
    enum log_level level; /* lines below it are not written */
    bool json, journal;
};

void log_init(struct log *l, const char *level, bool json);

/* `event` names what happened ("flush_failed"); the rest is a sentence. */
__attribute__((format(printf, 4, 5))) void log_line(const struct log *l, enum log_level level, const char *event,
                                                    const char *format, ...);

#endif

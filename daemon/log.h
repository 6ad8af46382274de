/* Log lines to standard error, one event each: level=.. event=.. key=value .. ; with a <n> priority prefix where systemd reads them. Text is escaped.
 *
 * Where the journal itself can be reached (and crmpulse was built with libsystemd) an event goes there instead, with fields: PRIORITY, EVENT (its name) and MESSAGE_ID (of
 * its name: the same in every version), for `journalctl EVENT=partition_halted` and for catalogues. */
#ifndef CRMPULSE_LOG_H
#define CRMPULSE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARNING_, LOG_ERROR_ };

struct log {
    enum log_level level; /* lines below it are not written */
    bool json, journal;   /* journal: systemd reads standard error */
    bool fields;          /* the journal can be reached */
};

void log_init(struct log *l, const char *level, bool json);

/* `event` names what happened ("flush_failed"); the rest is a sentence. */
__attribute__((format(printf, 4, 5))) void log_line(const struct log *l, enum log_level level, const char *event,
                                                    const char *format, ...);

#endif

/* The daemons' log lines into the trace, with the simulated time. */
#include <stdlib.h>

#include "node.h"

void log_init(struct log *l, const char *level, bool json)
{
    (void)level;
    *l = (struct log){ .level = sim_running->w->trace ? LOG_INFO_ : LOG_ERROR_, .json = json };
}

void log_line(const struct log *l, enum log_level level, const char *event, const char *format, ...)
{
    char text[1024];
    va_list ap;
    if (level < l->level || !sim_running->w->trace)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    sim_trace(sim_running->w, "  node %u%s %s: %s", sim_running->index, sim_running->dead ? " (dead)" : "", event,
              text);
}

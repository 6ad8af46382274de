/* What systemd is told of `crmpulse notify`: ready, alive, stopping. Without systemd nothing happens. */
#ifndef CRMPULSE_NOTIFY_TELL_H
#define CRMPULSE_NOTIFY_TELL_H

#include "daemon/notify/run.h"

void tell_begin(struct notifier *n);
void tell_ready(struct notifier *n);
void tell_alive(struct notifier *n,
                int64_t now_ms); /* call it often; from the loop's own timer, so that a loop that hangs is no life */
void tell_stopping(struct notifier *n);
/* It will be ready again. */
void tell_reloading(struct notifier *n);

#endif

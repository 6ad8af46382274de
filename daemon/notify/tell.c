/* sd_notify, where crmpulse was built with libsystemd. */
#include "daemon/notify/tell.h"

#if CRMPULSE_SYSTEMD
#include <systemd/sd-daemon.h>

void tell_begin(struct notifier *n)
{
    uint64_t watchdog_us = 0;
    (void)sd_notify(0, "STATUS=waiting for partitions");
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        n->watchdog_ms = watchdog_us / 1000;
}

void tell_ready(struct notifier *n)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%u receivers", n->n_receivers);
}

void tell_alive(struct notifier *n, int64_t now_ms)
{
    if (!n->watchdog_ms || now_ms < n->watchdog_at_ms)
        return;
    n->watchdog_at_ms = now_ms + (int64_t)n->watchdog_ms / 4;
    (void)sd_notify(0, "WATCHDOG=1");
}

void tell_stopping(struct notifier *n)
{
    (void)n;
    (void)sd_notify(0, "STOPPING=1");
}

void tell_reloading(struct notifier *n)
{
    (void)n;
    (void)sd_notify(0, "RELOADING=1\nSTATUS=reloading");
}

#else

void tell_begin(struct notifier *n)
{
    (void)n;
}

void tell_ready(struct notifier *n)
{
    (void)n;
}

void tell_alive(struct notifier *n, int64_t now_ms)
{
    (void)n, (void)now_ms;
}

void tell_stopping(struct notifier *n)
{
    (void)n;
}

void tell_reloading(struct notifier *n)
{
    (void)n;
}

#endif

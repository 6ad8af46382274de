/* Notifications: alert transitions of the alerts topic to Alertmanager, to webhooks and to Slack. `crmpulse notify`, a process of its own: the daemon knows
 * nothing of it (docs/ARCHITECTURE.md, Notifications). */
#ifndef CRMPULSE_NOTIFY_H
#define CRMPULSE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum notify_kind { NOTIFY_ALERTMANAGER, NOTIFY_WEBHOOK, NOTIFY_SLACK, NOTIFY_KIND_COUNT };
enum notify_level { NOTIFY_INFO, NOTIFY_WARNING, NOTIFY_CRITICAL, NOTIFY_LEVEL_COUNT };

/* Who is told, and of what. Texts are owned; NULL: not given. Files are names as in secret.h. */
struct notify_receiver {
    char *name;
    enum notify_kind kind;
    char *url, *url_file; /* one of them; a URL that is a secret comes from a file */
    char *token_file;     /* Authorization: Bearer */
    char *user, *password_file;
    char *ca_file;   /* certificates to trust instead of the system's; no secret */
    uint32_t levels; /* bit per enum notify_level */
    uint32_t n_rules, n_orgs;
    char **rule, **org; /* none: all */
    bool resolved;      /* is told of the end of alerts, too */
    bool historical;    /* is told of what was too old to call anybody, too */
    double rate;        /* requests a second at most; 0: no limit */
};

struct notify_receivers {
    uint32_t n;
    struct notify_receiver *v;
};

/* Accepts NULL. */
void notify_receivers_free(struct notify_receivers *r);

const char *notify_kind_name(enum notify_kind kind);
const char *notify_level_name(enum notify_level level);

struct config;

enum { NOTIFY_AGAIN = -1 };
/* Runs until SIGTERM or SIGINT, then returns an exit code; or until SIGHUP, then NOTIFY_AGAIN: with offsets committed, to be called again with what the configuration says
 * now (SIGHUP is ignored in between). `metrics_file` (NULL: none) is written every 15 s in Prometheus' text format. */
int notify_run(const struct config *config, const char *metrics_file);

#endif

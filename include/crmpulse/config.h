/* The configuration as plain data, read from YAML (config/crmpulse.yaml shows every key with unit and default).
 *
 * One table of rows (key, type with unit, range, default, reloadable, help) drives parsing, checking, the reference page and the sample file. Loading
 * finds every error, not the first one. */
#ifndef CRMPULSE_CONFIG_H
#define CRMPULSE_CONFIG_H

#include <stdarg.h>
#include <stdio.h>

#include "crmpulse/booking.h"
#include "crmpulse/defs.h"

enum { CONFIG_TOPICS_MAX = 8 };

/* A switch, the value in force and what may be chosen ("count, amount", the default first; "a number, 40"). Formulas see it as switch.NAME; trackers that offer a choice read it here. */
struct config_switch {
    char *name, *value, *choices;
    bool books; /* decides what is booked: another value needs other cells; else it only decides how they are read */
};

struct notify_receivers;

enum input_framing { INPUT_AUTO, INPUT_PROTOBUF, INPUT_JSON };

struct config {
    struct {
        char *brokers;
        char *group;
        char *instance_id; /* static membership; "" = none */
        char *client_id;
        uint32_t n_inputs;
        char *input[CONFIG_TOPICS_MAX];
        enum input_framing format;
        char *alerts, *boards, *scorecards, *kpis, *dead_letter, *late; /* output topics; "" = do not publish */
        int64_t session_timeout_ms;
        int64_t message_bytes_max;
        int64_t batch_messages; /* drained at most per turn */
        bool mock;              /* embedded mock brokers (demo) */
        char *security;         /* as librdkafka's security.protocol */
        char *sasl_mechanism, *sasl_user, *sasl_password_file;
        char *tls_ca, *tls_cert, *tls_key, *tls_key_password_file;
        uint32_t n_properties; /* further librdkafka properties, passed through */
        struct {
            char *name, *value;
        } * property;
    } kafka;
    struct {
        char *url; /* unix:///path, redis://host:port[/db] or rediss://..; several separated by commas */
        bool cluster;
        char *sentinels, *master, *sentinel_password_file; /* addresses as url; the name of the primary */
        char *user;
        char *password_file;                          /* a name as in secret.h */
        char *tls_ca, *tls_cert, *tls_key, *tls_name; /* with rediss */
        int64_t shards;
        int64_t flush_interval_ms;
        int64_t flush_cells_max, flush_records_max; /* a batch this large is flushed early */
        int64_t connect_timeout_ms, command_timeout_ms;
        int64_t backoff_min_ms, backoff_max_ms;
        int64_t record_cache_bytes;
        int64_t outbox_max; /* entries; more pause the input */
    } redis;
    struct {
        char *history; /* KPIs, separated by commas */
        int64_t history_keep_ms;
    } publish;
    struct {
        int64_t idle_timeout_ms; /* a partition at the end of its log for this long stops holding the watermark back */
        bool
            wall_clock; /* once all partitions are idle the wall clock moves the watermark; false: it stops after the newest event (loading history) */
        int64_t lease_ms;
        bool accept_mixed; /* go on with cells that other definitions booked */
    } run;
    struct {
        char *listen; /* as in listen.h; "" = no HTTP */
        char *hosts;  /* names that Host may have, separated by commas */
        char *token_file;
        char *kpi_metrics; /* "win_rate/30d, sales_amount/m" */
        uint32_t n_orgs;   /* whose tokens let read that org alone */
        struct {
            char *name, *value; /* the org; a name as in secret.h */
        } * org;
        int64_t connections;
    } http;
    struct {         /* read by `crmpulse notify` alone */
        char *group; /* "": that of kafka, with -notify */
        bool from_beginning;
        int64_t queue_max;
        int64_t connect_timeout_ms, timeout_ms;
        int64_t retry_min_ms, retry_max_ms, give_up_ms;
        int64_t resend_ms;
        char *external_url;                 /* "": none */
        struct notify_receivers *receivers; /* notify.h; NULL: none */
    } notify;
    struct {
        char *level; /* debug info warning error */
        bool json;
    } log;
    struct definitions defs;
    uint32_t n_switches;
    struct config_switch *switches; /* in the order of config/catalogue/switches.yaml */
    struct booking booking;
    uint64_t sources_hash; /* of the bytes of all files and overrides it was read from, in their order */
};

/* The value of a switch, NULL if there is none of that name. Owned by `c`. */
const char *config_switch_value(const struct config *c, const char *name);

/* Problems found, in file order. */
struct config_problem {
    char *file;
    uint32_t line, column; /* 1-based */
    bool warning;
    char *message;
};
struct config_problems {
    uint32_t n, n_errors, cap;
    bool lost; /* out of memory: some problem could not be noted; counted as an error */
    struct config_problem *v;
};
void config_problems_print(const struct config_problems *p, FILE *to); /* "file:line:col: error: message", one a line */
void config_problems_release(struct config_problems *p);
/* Note one, at a place counted from 1; for readers of other YAML files (test cases). */
void config_problems_add(struct config_problems *p, const char *file, uint32_t line, uint32_t column, bool warning,
                         const char *format, va_list args);

/* Overrides of one key each from the command line, e.g. "kafka.brokers=127.0.0.1:9092", "switches.csat_mode=mean" or
 * "rules.csat_low.min_samples=5": the value is YAML; of a definition only the named key changes. They act last. In problems they are the lines of a
 * file named "--set", in the order given. */
struct config_load_options {
    uint32_t n_sets;
    const char *const *set;
};

/* Read `path` (NULL: built-in defaults and catalogue only) with all it includes. Returns a config, or NULL if there was any error; problems (warnings
 * too) are appended in both cases. Never exits or prints. */
struct config *config_load(const char *path, const struct config_load_options *opt, struct config_problems *problems);
/* The same from a map that is read already (config/node.h), as if it were a file of its source's name; borrowed during the call. */
struct node;
struct config *config_load_map(struct node *map, struct config_problems *problems);
void config_free(struct config *c);

/* Reload. The path of the first key that differs and is not `reloadable`, NULL if there is none: `next` may be exchanged while `running` is at work. */
const char *config_needs_restart(const struct config *running, const struct config *next);
/* What is reloadable changes places, with all definitions, switches and the booking; the rest, and both addresses, stay: who holds `running` sees the new
 * values, and whatever was made of its definitions (engines, evaluators) must be gone before. Then `next` is to be freed. Cannot fail. */
void config_exchange(struct config *running, struct config *next);

/* One row of the table of runtime keys; texts are static. */
struct config_key {
    const char *path;          /* "redis.flush_interval" */
    const char *unit;          /* "duration", "size", "count", "flag", "text", .. */
    const char *default_value; /* as it would be written */
    bool reloadable;           /* taken over by a reload; else it needs a restart */
    const char *help;
};
const struct config_key *config_keys(uint32_t *ret_n);
/* Of the key of that index: durations in ms, sizes in bytes, counts, entries of lists; both 0 where there are no bounds. */
void config_key_bounds(uint32_t key, int64_t *ret_min, int64_t *ret_max);

/* Every runtime key with unit, default and help as a YAML file with all values commented out: config/crmpulse.yaml is this text. Returns 0, or -1 if
 * writing failed. */
int config_sample_print(FILE *to);

#endif

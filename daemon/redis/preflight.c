/* Judges the answer to INFO. The signature of the shard (cp:{s}:meta) is judged by open.lua, in one step with signing it. */
#include "daemon/redis/preflight.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 64, MAJOR_MIN = 7 };

/* The value of a line "name:value\r\n"; "" if there is no such line. */
static void info_value(struct slice info, const char *name, char value[static VALUE_MAX])
{
    size_t n = strlen(name);
    const char *p = info.p, *end = info.p + info.n;
    value[0] = '\0';
    while (p && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((eol ? eol : end) - p);
        if (len > n && memcmp(p, name, n) == 0 && p[n] == ':') {
            size_t m = len - n - 1 < VALUE_MAX - 1 ? len - n - 1 : VALUE_MAX - 1;
            memcpy(value, p + n + 1, m);
            value[m] = '\0';
            value[strcspn(value, "\r")] = '\0';
            return;
        }
        p = eol ? eol + 1 : end;
    }
}

static bool is_zero_or_absent(const char *value)
{
    return value[0] == '\0' || strcmp(value, "0") == 0;
}

static bool version_too_old(const char *value)
{
    return value[0] && strtol(value, NULL, 10) < MAJOR_MIN;
}

static bool is_replica(const char *value)
{
    return strcmp(value, "slave") == 0;
}

static bool is_set(const char *value)
{
    return !is_zero_or_absent(value);
}

static bool evicts(const char *value)
{
    return strcmp(value, "noeviction") != 0;
}

enum preflight preflight_info(struct slice info, char *why, size_t cap)
{
    static const struct {
        const char *name;
        bool (*bad)(const char *value);
        enum preflight verdict;
        const char *sentence; /* one %s: the value */
    } rows[] = {
        { "loading", is_set, PREFLIGHT_WAIT, "Redis is loading its data (loading is %s)" },
        { "redis_version", version_too_old, PREFLIGHT_REFUSE, "Redis is version %s, crmpulse needs 7.0 or later" },
        { "maxmemory_policy", evicts, PREFLIGHT_REFUSE,
          "maxmemory-policy is '%s', must be noeviction: an evicted key is a wrong number" },
        { "evicted_keys", is_set, PREFLIGHT_REFUSE,
          "Redis has evicted %s keys since its start: numbers may be missing; restore them, then CONFIG RESETSTAT" },
        { "role", is_replica, PREFLIGHT_WAIT, "Redis is a replica (role is %s), the primary is needed" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char value[VALUE_MAX];
        info_value(info, rows[i].name, value);
        if (rows[i].bad(value)) {
            snprintf(why, cap, rows[i].sentence,
                     value); /* NOLINT(clang-diagnostic-format-nonliteral): the table above */
            return rows[i].verdict;
        }
    }
    return PREFLIGHT_PASS;
}

/* The rows of keys.def as the loader and the reload see them. Internal to daemon/config. */
#ifndef CRMPULSE_CONFIG_KEYS_H
#define CRMPULSE_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum key_type {
    KEY_TEXT,
    KEY_FLAG,
    KEY_COUNT,
    KEY_SIZE,
    KEY_DURATION,
    KEY_FORMAT,
    KEY_LEVEL,
    KEY_SECURITY,
    KEY_MECHANISM,
    KEY_TOPICS,
    KEY_WINDOWS,
    KEY_DIMS,
    KEY_KPIS,
    KEY_PROPERTIES,
    KEY_ORG_TOKENS,
    KEY_RECEIVERS,
    KEY_TYPE_COUNT
};

struct key_row {
    enum key_type type;
    size_t offset; /* of the member in struct config */
    int64_t min, max;
};

/* As many as config_keys() has, in the same order. */
const struct key_row *key_rows(void);

#endif

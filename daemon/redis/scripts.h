/* The Lua scripts (daemon/redis/lua): each file's header comment says its keys, arguments and result. */
#ifndef CRMPULSE_REDIS_SCRIPTS_H
#define CRMPULSE_REDIS_SCRIPTS_H

#include "crmpulse/slice.h"

/* Version of keys, fields and value formats in Redis; kept in cp:{s}:meta. A test build of the next version defines another. */
#ifndef REDIS_LAYOUT
#define REDIS_LAYOUT "1"
#endif

enum redis_script {
    SCRIPT_OPEN,
    SCRIPT_CLAIM,
    SCRIPT_OFFSETS,
    SCRIPT_FLUSH,
    SCRIPT_LEASE,
    SCRIPT_PANES,
    SCRIPT_COMMIT,
    SCRIPT_OUTBOX_TRIM,
    SCRIPT_SETTLE,
    SCRIPT_BOOK,
    SCRIPT_ORPHANS,
    SCRIPT_CLEAN,
    SCRIPT_TALLY,
    SCRIPT_NAMES,
    SCRIPT_COUNT,
    SCRIPT_NONE = -1
};

enum { REDIS_SHA_BYTES = 40 };

struct slice redis_script_text(enum redis_script script);

#endif

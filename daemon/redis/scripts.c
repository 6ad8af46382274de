/* The table of Lua scripts. Their text is embedded by the build; their SHA1 comes from Redis, which computes it anyway. */
#include "daemon/redis/scripts.h"

#include "crmpulse/redis_store.h"
#include "lua_scripts.h"

_Static_assert((int)STORE_SCRIPTS == (int)SCRIPT_COUNT, "redis_store.h counts the scripts");

struct slice redis_script_text(enum redis_script script)
{
    const struct {
        const char *text;
        size_t len;
    } table[SCRIPT_COUNT] = {
        [SCRIPT_OPEN] = { lua_open, lua_open_len },
        [SCRIPT_CLAIM] = { lua_claim, lua_claim_len },
        [SCRIPT_OFFSETS] = { lua_offsets, lua_offsets_len },
        [SCRIPT_FLUSH] = { lua_flush, lua_flush_len },
        [SCRIPT_LEASE] = { lua_lease, lua_lease_len },
        [SCRIPT_PANES] = { lua_panes, lua_panes_len },
        [SCRIPT_COMMIT] = { lua_commit, lua_commit_len },
        [SCRIPT_OUTBOX_TRIM] = { lua_outbox_trim, lua_outbox_trim_len },
        [SCRIPT_BOOK] = { lua_book, lua_book_len },
        [SCRIPT_TALLY] = { lua_tally, lua_tally_len },
        [SCRIPT_SETTLE] = { lua_settle, lua_settle_len },
        [SCRIPT_ORPHANS] = { lua_orphans, lua_orphans_len },
        [SCRIPT_NAMES] = { lua_names, lua_names_len },
        [SCRIPT_CLEAN] = { lua_clean, lua_clean_len },
    };
    return (struct slice){ table[script].text, (uint32_t)table[script].len };
}

const char *redis_store_script_name(int script)
{
    static const char *const names[SCRIPT_COUNT] = {
        [SCRIPT_OPEN] = "open",     [SCRIPT_CLAIM] = "claim",     [SCRIPT_OFFSETS] = "offsets",
        [SCRIPT_FLUSH] = "flush",   [SCRIPT_LEASE] = "lease",     [SCRIPT_PANES] = "panes",
        [SCRIPT_COMMIT] = "commit", [SCRIPT_SETTLE] = "settle",   [SCRIPT_OUTBOX_TRIM] = "outbox_trim",
        [SCRIPT_BOOK] = "book",     [SCRIPT_ORPHANS] = "orphans", [SCRIPT_CLEAN] = "clean",
        [SCRIPT_TALLY] = "tally",   [SCRIPT_NAMES] = "names",
    };
    return script >= 0 && script < SCRIPT_COUNT ? names[script] : NULL;
}

/* Records: what is remembered of one entity, and the cache that holds them.
 *
 * A record is the entity's events in canonical order (C8: occurred_at, then event_id), packed, plus the keys of records whose facts depend on it.
 * It is written whole. Packed form, format 1: u8 format, varint n_deps, n_deps x text, then entries to the end:
 *   u16 length, u8 event type, u8 flags, svarint t_ms, [svarint seq], text event_id, u64 payload hash, then fields: u8 field, value
 * where text = varint length + bytes and a value is svarint or text by the field's kind. Event types and fields are stored as numbers: rows of the
 * .def tables are only ever appended. */
#ifndef CRMPULSE_RECORD_H
#define CRMPULSE_RECORD_H

#include "crmpulse/event.h"

/* The type of an entry whose money has no rate to the org's currency yet: nothing counts it (money.c). */
#define ENTRY_PARKED EVENT_TYPE_COUNT

/* One remembered event; borrows from the record's bytes (or from a scratch copy). */
struct entry {
    enum event_type type;
    bool has_seq;
    int64_t t_ms, seq;
    struct slice id;
    uint64_t payload_hash;
    struct slice fields; /* packed */
    uint64_t
        filter; /* entry_note_fields: a bit for each field that is there, by its number modulo 64; 0: not looked at */
};

/* Makes the reads below answer at once for most fields that are not there: for entries that are asked for many. O(fields); what changes `fields`
 * has to do it again. */
void entry_note_fields(struct entry *e);

struct slice entry_str(const struct entry *e, enum event_field f);
bool entry_has(const struct entry *e, enum event_field f);
int64_t entry_int(const struct entry *e, enum event_field f, int64_t otherwise);

struct buffer_pool;

/* Growable byte buffer; from a pool where it has one. */
struct bytes {
    char *p;
    uint32_t n, cap;
    struct buffer_pool *pool; /* NULL: malloc */
};
int bytes_reserve(struct bytes *b, uint32_t more); /* room for so many bytes beyond n. 0 or -1 */
int bytes_put(struct bytes *b, const void *p, uint32_t n);
int bytes_put_varint(struct bytes *b, uint64_t v);
int bytes_put_svarint(struct bytes *b, int64_t v);
int bytes_put_text(struct bytes *b, struct slice s);
void bytes_release(struct bytes *b); /* empty again; the pool stays */

/* Reader over packed bytes; `ok` turns false on the first overrun and stays so. */
struct reader {
    const char *p, *end;
    bool ok;
};
uint64_t read_varint(struct reader *r);
int64_t read_svarint(struct reader *r);
struct slice read_text(struct reader *r);

/* The value of a field whose number has just been read. */
union event_value entry_value(struct reader *r, enum event_field f);
/* Pack what of `ev` is worth keeping. 0 or -1. */
int entry_pack(struct bytes *to, const struct event *ev, uint64_t payload_hash);
/* Pack an entry again, with the fields that it has now; without its sequence number unless `sequenced`. 0 or -1. */
int entry_put(struct bytes *to, const struct entry *e, bool sequenced);
/* Read one entry at the reader. */
bool entry_read(struct reader *r, struct entry *ret);

/* Canonical order of two entries without sequence numbers. */
int entry_cmp(const struct entry *a, const struct entry *b);

struct record {
    struct slice key;    /* owned: "ent:<kind>:<org>:<id>" */
    uint32_t key_cap;    /* room for the key */
    uint64_t hash;       /* of key */
    uint64_t version;    /* as the store holds it, or will once the flush in flight is applied; 0 = absent */
    uint64_t flushed;    /* version before the batch being built */
    bool touched, dirty; /* read or changed in the batch being built */
    bool pinned;         /* in a flush in flight */
    bool deleted;        /* in the batch being built */
    bool told;           /* and with it a correction was given up */
    uint32_t n_deps;
    struct bytes deps; /* packed texts */
    struct bytes tags; /* once they are many: hashes of all of them, and of some that were dropped (record.c) */
    uint32_t n_tags;
    struct bytes log;             /* packed entries (or a distinct record's own form) */
    struct record *newer, *older; /* least recently used order */
};

/* Decode stored bytes into the record; what it held is replaced. -1 if malformed. */
int record_decode(struct record *r, struct slice bytes);
int record_encode(const struct record *r, struct bytes *to);
/* Frees dependants and log, after a failed record_decode too. */
void record_release(struct record *r);
/* Whether the log is well-formed to its last byte, in the form that the kind in the key has: entries, a distinct record's or a ledger's (record_check.c). O(n). */
bool record_sound(struct slice key, const struct record *r);
bool record_has_dep(const struct record *r, struct slice key); /* O(1) most often if it has none */
int record_add_dep(struct record *r, struct slice key);
/* Each gets the dependants of the other. */
void record_swap_deps(struct record *a, struct record *b);
/* Forget the dependant that was added first. */
void record_drop_dep(struct record *r);
/* Insert a packed entry at its place in canonical order. */
int record_insert(struct record *r, struct slice packed);

struct record_cache;
/* `seed` of its hash: keys come from events, and whoever does not know it cannot make them collide. */
struct record_cache *record_cache_new(size_t bytes_max, uint64_t seed);
void record_cache_free(struct record_cache *c);
/* The record of a key, NULL if not cached. O(1). */
struct record *record_cache_get(struct record_cache *c, struct slice key);
/* The same, made (empty, version 0) if not cached; NULL when out of memory. */
struct record *record_cache_put(struct record_cache *c, struct slice key);
/* Forget clean, unpinned records beyond the size limit, least recently used first. */
void record_cache_trim(struct record_cache *c);
void record_cache_clear(struct record_cache *c);
/* Account for a record's bytes after it changed. */
void record_cache_resized(struct record_cache *c, const struct record *r, size_t before);
size_t record_bytes(const struct record *r);
uint32_t record_cache_count(const struct record_cache *c);
/* Visit the records touched since the last record_cache_commit_begin, in the order they were touched. */
typedef int (*record_visit)(void *ctx, struct record *r);
int record_cache_touched(struct record_cache *c, record_visit visit, void *ctx);
uint32_t record_cache_touched_count(const struct record_cache *c);
void record_cache_touch(struct record_cache *c, struct record *r, bool dirty);
/* The touched set goes into a flush: pinned until _done. Versions of dirty records advance. */
void record_cache_flush_begin(struct record_cache *c);
void record_cache_flush_done(struct record_cache *c);

#endif

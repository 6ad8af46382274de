/* What identity_map.c, identity.c and identity_final.c share. */
#ifndef CRMPULSE_IDENTITY_INT_H
#define CRMPULSE_IDENTITY_INT_H

#include "engine_int.h"

#define WHO_NONE UINT32_MAX

struct who_member {
    uint8_t kind;
    bool nameless; /* it took the place of an erased id */
    struct slice id;
    uint32_t parent; /* union-find while the groups are made */
    uint32_t group, local, next;
};

struct who_event {
    enum event_type type;
    int64_t t_ms;
    struct slice id, target;
    uint32_t from, into; /* members */
    uint32_t group, next;
};

struct who_group {
    uint32_t n_members, n_events, member, event; /* heads of lists; events in canonical order */
};

/* An id whose erasure is final: who it was, as a hash of kind and id, and the name that stands for it. */
struct who_final {
    uint64_t hash[2];
    struct slice name;
};

struct identity {
    struct identity *next;
    struct arena text;
    struct slice org;
    uint64_t version;
    uint64_t seed;      /* of the hash of `slot` */
    uint32_t log_bytes; /* of the record it was made from */
    uint32_t n_members, n_events, mask;
    struct who_member *member;
    struct who_event *event;
    struct who_group *group; /* one a member at most */
    uint32_t *slot;          /* member + 1 */
    struct who_final *final; /* by hash; from the record "erased" */
    uint32_t n_final;
    uint64_t final_version;
    uint32_t final_bytes;
};

enum {
    K_LEAD = 1,
    K_DEAL,
    K_ORDER,
    K_CUSTOMER,
    K_SUBSCRIPTION,
    K_SURVEY,
    K_RESPONSE,
    K_COMPLAINT,
    K_TICKET,
    K_USER,
    K_TASK,
    K_QUOTE,
    K_CONTACT,
    K_FEEDBACK,
    K_REFERRAL,
    K_RECORD,
    K_FOLLOWUP,
    K_COMMENT,
    WHO_KINDS = K_COMMENT
};

/* identity_map.c ---------------------------------------------------------------------------------------------------------------------------------- */
extern const char *const who_kinds[WHO_KINDS];                /* by kind - 1 */
extern const uint8_t who_kind_of_field[EVENT_FIELD_COUNT];    /* the kind an id field names, 0: none */
uint8_t who_kind(struct slice name);                          /* 0: none */
void who_hash(uint8_t kind, struct slice id, uint64_t to[2]); /* as final erasures are noted */
struct slice who_registry(struct track_view *v);              /* key of the record of merges */
/* The record of those whose erasure is final. It names nobody, and stays. */
struct slice who_final_registry(struct track_view *v);
/* The member of an id, WHO_NONE: it was never merged. `w` may be NULL. */
uint32_t who_find(const struct identity *w, uint8_t kind, struct slice id);
/* The name that stands for an id that is erased for good; empty: it is not. `w` may be NULL. */
struct slice who_final_name(const struct identity *w, uint8_t kind, struct slice id);

/* identity.c -------------------------------------------------------------------------------------------------------------------------------------- */
struct identity *
who_map(const struct track_view *v); /* before or after the event, as the view stands; NULL: there are no merges */
/* Who stands for a member at `at_ms`: a member. */
uint32_t who_root(struct track_view *v, uint32_t member, int64_t at_ms);
/* The group's events as of the view's instant, NULL in place of those that were retracted; how many. `to` has room for all of the group. */
uint32_t who_standing(struct track_view *v, const struct who_group *g, const struct who_event **to);
/* Writes the ids that `who` says into the fields of an entry. *ret_nobody: it is what nobody did. True if one differs. */
bool who_replace_ids(struct track_view *v, struct entry *e,
                     struct slice (*who)(struct track_view *v, uint8_t kind, struct slice id), bool *ret_nobody);

#endif

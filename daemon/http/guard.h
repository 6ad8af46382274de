/* Who may ask what: method, Host, token. Decides before any route runs. */
#ifndef CRMPULSE_HTTP_GUARD_H
#define CRMPULSE_HTTP_GUARD_H

#include "crmpulse/config.h"
#include "crmpulse/secret.h"
#include "daemon/http/request.h"

struct guard {
    const struct config *config;
    struct secret token; /* "": none is asked for */
    bool locked;         /* the token's file cannot be read (any more): nobody is let in by it */
    struct secret *of;   /* of each org of http.orgs; "": cannot be read */
    uint64_t read_ms;    /* when it was read */
};

/* Reads the tokens. 0, or -1 with a sentence. */
int guard_init(struct guard *g, const struct config *config, char *why, size_t cap);
/* Reads it again, every few seconds at most: a changed token needs no restart. */
void guard_refresh(struct guard *g, uint64_t now_ms);
void guard_release(struct guard *g);

/* What a request may see. */
struct guard_pass {
    bool trusted;      /* it has a token, or none is needed */
    const char *scope; /* the org that the token is of; NULL: all */
};
/* 0: let it pass; else the status to answer, and why. */
int guard_check(const struct guard *g, const struct http_request *r, struct guard_pass *ret, const char **ret_why);

#endif

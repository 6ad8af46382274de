/* What a route answers. The server adds what every answer has: length, security headers, the connection's fate. */
#ifndef CRMPULSE_HTTP_ANSWER_H
#define CRMPULSE_HTTP_ANSWER_H

#include "daemon/http/data.h"
#include "daemon/http/metrics.h"
#include "daemon/http/request.h"

enum { ETAG_MAX = 40 };

struct http_answer {
    int status;          /* 0: not yet, what is needed is being read */
    const char *type;    /* Content-Type; static */
    const char *policy;  /* Content-Security-Policy; NULL: nothing is allowed */
    char etag[ETAG_MAX]; /* with quotes; "": none */
    struct body body;    /* owned; released by the server */
};

/* What routes may read; it all belongs to the server's thread. */
struct http_source {
    const struct config *config;
    const struct status *status; /* NULL: not told yet */
    const struct http_counts *counts;
    struct data *data;
    bool trusted;      /* the request came with a token, or none is needed */
    const char *scope; /* the only org that may be read; NULL: all */
};

/* A sentence in plain text. */
void answer_text(struct http_answer *a, int status, const char *sentence);
/* "431 Request Header Fields Too Large" */
const char *answer_reason(int status);

/* routes.c: answers a request that the guard let pass. */
void routes_answer(const struct http_request *r, const struct http_source *from, struct http_answer *a);
/* Is the path answered without a token? What needs none tells nothing of the data. */
bool routes_public(struct slice path);

#endif

/* /api/v1/stream: server-sent events. One stream carries several topics of one org:
 *
 *   board/<board>   rows/<window>/<dim>[/<kpi>]   alerts   scorecards   health
 *
 * Each event is the whole topic as the API answers it, so a reader that is slow or was away misses steps, never the result: nothing is queued. Topics are
 * shared by all streams and made at most once a second. An event's id is "<server>-<number>"; who comes back with it (Last-Event-ID) is sent what changed
 * since; an id of another life of the server brings everything. */
#ifndef CRMPULSE_HTTP_STREAM_H
#define CRMPULSE_HTTP_STREAM_H

#include "daemon/http/answer.h"

enum { STREAM_TOPICS_MAX = 16, TOPICS_MAX = 256, STREAM_BOARD_TOP = 50, STREAM_ROWS_MAX = 2000, HEARTBEAT_MS = 15000 };

struct topics;

/* One reader; zeroed to begin with. */
struct stream {
    bool on;
    uint32_t n;
    uint16_t topic[STREAM_TOPICS_MAX];
    uint64_t seen[STREAM_TOPICS_MAX]; /* number of the newest event sent */
    uint64_t sent_ms;
};

struct topics *topics_new(uint64_t server_id);
void topics_free(struct topics *t);

/* Opens a stream as the request asks. 0, or the status to refuse it with and why. */
int stream_open(struct topics *t, struct stream *s, const struct http_request *r, const struct http_source *from,
                uint64_t now_ms, const char **ret_why);
void stream_close(struct topics *t, struct stream *s);

/* Makes the topics that somebody reads anew, if their time has come. True: something changed. */
bool topics_refresh(struct topics *t, const struct http_source *from, uint64_t now_ms);

/* What is to be sent next, appended to `to`: all topics that changed since, or a heartbeat, or nothing. */
void stream_take(struct topics *t, struct stream *s, uint64_t now_ms, struct body *to);

#endif

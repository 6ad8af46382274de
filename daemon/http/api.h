/* /api/v1: what people read, as JSON. Names are snake_case, numbers are numbers, instants are Unix ms; lists are arrays at the root. */
#ifndef CRMPULSE_HTTP_API_H
#define CRMPULSE_HTTP_API_H

#include "daemon/http/answer.h"

enum { API_ROWS_DEFAULT = 1000, API_ROWS_MAX = 10000 };

/* What an org's figures are asked by. */
struct api_filter {
    struct slice org, window, dim, kpi, subject; /* p NULL: any; the window is needed for rows */
    int64_t limit;
};

/* JSON of what Redis shows, written behind what `to` holds. DATA_READY, or nothing was written. Also used by the stream. */
enum data_state api_rows(struct data *d, const struct config *c, const struct api_filter *f, struct body *to);
enum data_state api_board(struct data *d, const struct config *c, struct slice org, struct slice board, int64_t top,
                          struct slice around, int64_t reach, struct body *to);
enum data_state api_alerts(struct data *d, const struct config *c, struct slice org, struct body *to);
enum data_state api_scorecards(struct data *d, const struct config *c, struct slice org, struct body *to);
/* Points of one row, oldest first: [{"at_ms","value"}]. */
enum { API_HISTORY_DAYS_MAX = 62 };
enum data_state api_history(struct data *d, const struct api_filter *f, int64_t from_ms, int64_t to_ms,
                            struct body *to);
/* Who was first active in the interval of now_ms and in the API_COHORT_AGES before it (f->window: d, w, m), and how many of them came back in each interval
 * that has begun since: {"window","kind","cohorts":[{"label","start_ms","users","back":[..]}]}, the newest first. Intervals in which nobody was first active are left out. */
enum { API_COHORT_AGES = 12 };
enum data_state api_cohorts(struct data *d, const struct config *c, const struct api_filter *f, int64_t now_ms,
                            struct body *to);
void api_health(const struct status *s, struct body *to);

/* Is there a board of that name? */
bool api_has_board(const struct config *c, struct slice board);

/* The routes below /api/v1; status 0: what is needed is being read, ask again. */
void api_answer(const struct http_request *r, const struct http_source *from, struct http_answer *a);

#endif

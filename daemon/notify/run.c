/* crmpulse notify: the loop. Records of the topic go to every receiver's queue; a queue that is full pauses the topic, which is the real queue; offsets are committed as far
 * as every receiver is done. Nothing of the daemon is touched. */
#include "daemon/notify/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "daemon/notify/tell.h"

enum {
    BUSY_MS = 20, /* between looks at the queues while something waits */
    IDLE_MS = 500,
    COMMIT_MS = 500,
    METRICS_MS = 15000,
    STOP_MS = 2000,
    CLOSE_KAFKA_MS = 1500,
    LEAVE_S = 5
};

static int64_t now_of(const struct notifier *n)
{
    return (int64_t)uv_now(&n->loop);
}

/* ---- what receivers need ----------------------------------------------------------------------------------------------------------------------- */

struct posted {
    struct notifier *n;
    struct receiver *r;
};

static void on_timer(uv_timer_t *t);

static void look_soon(struct notifier *n)
{
    if (!n->stopping)
        uv_timer_start(&n->timer, on_timer, 0, BUSY_MS);
}

static void on_posted(void *ctx, const struct answer *answer)
{
    struct posted *p = ctx;
    receiver_answered(p->r, answer, now_of(p->n));
    look_soon(p->n);
    free(p);
}

static int post(void *ctx, struct receiver *r, struct slice body, char *why, size_t cap)
{
    struct notifier *n = ctx;
    struct posted *p = malloc(sizeof *p);
    if (!p)
        return -1;
    *p = (struct posted){ n, r };
    const struct post_request request = { .to = r->conf,
                                          .body = body,
                                          .connect_timeout_ms = n->config->notify.connect_timeout_ms,
                                          .timeout_ms = n->config->notify.timeout_ms,
                                          .done = on_posted,
                                          .ctx = p };
    if (poster_send(n->poster, &request, why, cap) == 0)
        return 0;
    free(p);
    return -1;
}

static uint64_t any_number(void *ctx)
{
    uint64_t v;
    (void)ctx;
    return getrandom(&v, sizeof v, GRND_NONBLOCK) == sizeof v ? v : uv_hrtime();
}

static int64_t unix_ms(void *ctx)
{
    struct timespec t;
    (void)ctx;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the topic --------------------------------------------------------------------------------------------------------------------------------- */

static void fail(void *ctx, const char *why)
{
    struct notifier *n = ctx;
    log_line(&n->log, LOG_ERROR_, "notify_failed", "%s", why);
    n->failed = true;
    uv_stop(&n->loop);
}

static void undecoded(struct notifier *n, const struct kafka_message *m)
{
    if (n->counts.undecoded++ == 0 || n->counts.undecoded % 1000 == 0)
        log_line(&n->log, LOG_ERROR_, "notify_undecoded",
                 "%.*s[%d]@%lld is no alert transition and is passed over, %llu so far", (int)m->topic.n, m->topic.p,
                 m->partition, (long long)m->offset, (unsigned long long)n->counts.undecoded);
}

static bool any_full(const struct notifier *n)
{
    for (uint32_t i = 0; i < n->n_receivers; i++)
        if (receiver_is_full(&n->receiver[i]))
            return true;
    return false;
}

static bool all_have_room(const struct notifier *n)
{
    for (uint32_t i = 0; i < n->n_receivers; i++)
        if (!receiver_has_room(&n->receiver[i]))
            return false;
    return true;
}

static int on_record(void *ctx, const struct kafka_message *m, struct mark *mark)
{
    struct notifier *n = ctx;
    struct firing_change change;
    struct note *note = note_decode(m->value.p, m->value.n);
    if (note) {
        firing_apply(&n->firing, note, now_of(n), &change);
        if (n->known)
            known_org(n->known, note->m->org);
        for (uint32_t i = 0; i < n->n_receivers; i++)
            if (receiver_take(&n->receiver[i], note, &change, mark, now_of(n)) < 0)
                fail(n, "out of memory");
        note_drop(change.superseded);
        note_drop(note);
    } else {
        undecoded(n, m);
    }
    marks_done(&n->marks, mark);
    look_soon(n);
    return n->failed || any_full(n);
}

static void on_revoked(void *ctx)
{
    struct notifier *n = ctx;
    for (uint32_t i = 0; i < n->n_receivers; i++)
        receiver_forget(&n->receiver[i]);
    n->full = false;
}

static void on_running(void *ctx)
{
    struct notifier *n = ctx;
    n->full = false;
    if (!n->ready)
        tell_ready(n);
    n->ready = true;
}

static void pace_reading(struct notifier *n)
{
    const bool full = n->full ? !all_have_room(n) : any_full(n);
    if (full && !n->full) {
        n->counts.paused_times++;
        log_line(&n->log, LOG_WARNING_, "notify_paused", "a queue is full (notify.queue): the topic is not read on");
    } else if (!full && n->full) {
        log_line(&n->log, LOG_INFO_, "notify_resumed", "the topic is read on");
    }
    n->full = full;
    source_pause(n->source, full);
}

/* ---- metrics --------------------------------------------------------------------------------------------------------------------------------- */

static void write_metrics(struct notifier *n)
{
    if (n->metrics_file && notifier_write_metrics(n, n->metrics_file) < 0)
        log_line(&n->log, LOG_WARNING_, "notify_metrics", "%s cannot be written: %s", n->metrics_file, strerror(errno));
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------------------------------- */

/* True once per `every_ms`. */
static bool is_due(int64_t *at_ms, int64_t now_ms, int64_t every_ms)
{
    if (now_ms < *at_ms)
        return false;
    *at_ms = now_ms + every_ms;
    return true;
}

static bool anything_waits(const struct notifier *n)
{
    for (uint32_t i = 0; i < n->n_receivers; i++)
        if (n->receiver[i].queue.n || n->receiver[i].resend_next)
            return true;
    return false;
}

static void on_timer(uv_timer_t *t)
{
    struct notifier *n = t->data;
    const int64_t now_ms = now_of(n);
    if (n->known && is_due(&n->read_at_ms, now_ms, n->config->notify.resend_ms)) {
        firing_expire(&n->firing, now_ms);
        known_read(n->known);
    }
    for (uint32_t i = 0; i < n->n_receivers; i++)
        receiver_step(&n->receiver[i], now_ms);
    pace_reading(n);
    if (is_due(&n->commit_at_ms, now_ms, COMMIT_MS))
        source_commit(n->source);
    if (is_due(&n->metrics_at_ms, now_ms, METRICS_MS))
        write_metrics(n);
    tell_alive(n, now_ms);
    const uint64_t next_ms = anything_waits(n) ? BUSY_MS : IDLE_MS;
    if (!n->stopping)
        uv_timer_start(t, on_timer, next_ms, next_ms);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct notifier *n = h->data;
    if (signum == SIGUSR1) {
        notifier_log_summary(n);
        return;
    }
    n->again = signum == SIGHUP;
    uv_stop(&n->loop);
}

static bool under_way(const struct notifier *n)
{
    for (uint32_t i = 0; i < n->n_receivers; i++)
        if (n->receiver[i].busy)
            return true;
    return false;
}

static void on_stop_timer(uv_timer_t *t)
{
    struct notifier *n = t->data;
    if (!under_way(n) || now_of(n) >= n->stop_by_ms)
        uv_stop(&n->loop);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------------- */

static bool has_alertmanager(const struct config *c)
{
    for (uint32_t i = 0; i < c->notify.receivers->n; i++)
        if (c->notify.receivers->v[i].kind == NOTIFY_ALERTMANAGER)
            return true;
    return false;
}

static int start(struct notifier *n)
{
    char err[512] = "out of memory";
    const struct notify_receivers *all = n->config->notify.receivers;
    const struct source_events events = { n, on_record, on_revoked, on_running, fail };
    n->receiver = calloc(all->n, sizeof *n->receiver);
    n->poster = n->receiver ? poster_new(&n->loop) : NULL;
    if (n->poster && has_alertmanager(n->config))
        n->known = known_new(&n->loop, n->config, &n->log, &n->firing);
    if (n->poster && (n->known || !has_alertmanager(n->config)))
        n->source = source_new(&n->loop, n->config, &n->log, &n->marks, &events, err, sizeof err);
    if (!n->source) {
        log_line(&n->log, LOG_ERROR_, "notify_failed", "%s", err);
        return -1;
    }
    for (; n->n_receivers < all->n; n->n_receivers++)
        receiver_init(&n->receiver[n->n_receivers], &all->v[n->n_receivers], &n->env, now_of(n));
    return uv_timer_start(&n->timer, on_timer, 0, BUSY_MS);
}

static int open_loop(struct notifier *n)
{
    struct {
        uv_signal_t *handle;
        int signum;
    } const signals[] = {
        { &n->on_term, SIGTERM }, { &n->on_int, SIGINT }, { &n->on_usr1, SIGUSR1 }, { &n->on_hup, SIGHUP }
    };
    if (uv_loop_init(&n->loop) < 0)
        return -1;
    int rc = uv_timer_init(&n->loop, &n->timer) | uv_timer_init(&n->loop, &n->stop_timer);
    n->timer.data = n->stop_timer.data = n;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        rc |= uv_signal_init(&n->loop, signals[i].handle);
        signals[i].handle->data = n;
        rc |= uv_signal_start(signals[i].handle, on_signal, signals[i].signum);
    }
    signal(SIGPIPE, SIG_IGN);
    return rc;
}

/* What is under way may end, what waits is read again at the next start. */
static void finish_requests(struct notifier *n)
{
    n->stopping = true;
    uv_timer_stop(&n->timer);
    source_pause(n->source, true);
    n->stop_by_ms = now_of(n) + STOP_MS;
    uv_timer_start(&n->stop_timer, on_stop_timer, 0, BUSY_MS);
    uv_run(&n->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static void leave(int signum)
{
    (void)signum;
    _exit(EXIT_SUCCESS);
}

static void leave_to_begin_again(int signum)
{
    (void)signum;
    _exit(EXIT_FAILURE); /* a supervisor starts it */
}

static void end(struct notifier *n)
{
    if (n->source && n->n_receivers) {
        notifier_log_summary(n);
        write_metrics(n);
    }
    source_close(n->source, CLOSE_KAFKA_MS);
    poster_close(n->poster);
    known_close(n->known);
    uv_close((uv_handle_t *)&n->timer, NULL);
    uv_close((uv_handle_t *)&n->stop_timer, NULL);
    uv_close((uv_handle_t *)&n->on_term, NULL);
    uv_close((uv_handle_t *)&n->on_int, NULL);
    uv_close((uv_handle_t *)&n->on_usr1, NULL);
    uv_close((uv_handle_t *)&n->on_hup, NULL);
    if (n->again)
        signal(SIGHUP, SIG_IGN); /* until the next run hears it */
    uv_run(&n->loop, UV_RUN_DEFAULT);
    uv_walk(&n->loop, close_handle, NULL);
    uv_run(&n->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&n->loop);
    for (uint32_t i = 0; i < n->n_receivers; i++)
        receiver_release(&n->receiver[i]);
    free(n->receiver);
    marks_release(&n->marks);
    firing_release(&n->firing);
}

int notify_run(const struct config *config, const char *metrics_file)
{
    struct notifier *n = calloc(1, sizeof *n);
    if (!n)
        return EXIT_FAILURE;
    n->config = config;
    n->metrics_file = metrics_file;
    log_init(&n->log, config->log.level, config->log.json);
    n->env = (struct receiver_env){ .config = config,
                                    .log = &n->log,
                                    .marks = &n->marks,
                                    .firing = &n->firing,
                                    .ctx = n,
                                    .post = post,
                                    .random = any_number,
                                    .unix_ms = unix_ms };
    (void)prctl(PR_SET_DUMPABLE, 0); /* secrets pass through its memory */
    if (open_loop(n) < 0) {
        free(n);
        return EXIT_FAILURE;
    }
    tell_begin(n);
    log_line(&n->log, LOG_INFO_, "notify_starting", "%u receivers", config->notify.receivers->n);
    n->failed = start(n) < 0;
    if (!n->failed)
        uv_run(&n->loop, UV_RUN_DEFAULT);
    (n->again ? tell_reloading : tell_stopping)(n);
    /* A look-up of a name cannot be broken off: nothing is lost by leaving it behind. */
    signal(SIGALRM, n->again ? leave_to_begin_again : leave);
    alarm(LEAVE_S);
    if (!n->failed)
        finish_requests(n);
    end(n);
    alarm(0);
    const int rc = n->failed ? EXIT_FAILURE : n->again ? NOTIFY_AGAIN : EXIT_SUCCESS;
    if (rc == NOTIFY_AGAIN)
        log_line(&n->log, LOG_INFO_, "notify_reload", "SIGHUP: it begins again with the configuration as it is now");
    else
        log_line(&n->log, LOG_INFO_, "notify_stopped", "exit code %d", rc);
    free(n);
    return rc;
}

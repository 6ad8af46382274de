/* crmpulse run: sets the parts up, runs the loop, takes them down again within five seconds.
 *
 * Order matters: stores first (a preflight that refuses ends the start), then the producer, then the consumer. Down: consumer reads no more, what is
 * pending is flushed, judged and published as far as time allows, then everything closes. What is cut off is read again at the next start. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "crmpulse/cli.h"
#include "crmpulse/secret.h"
#include "daemon/crash_point.h"
#include "daemon/daemon.h"

enum { STOP_MS = 4000, STOP_CHECK_MS = 20, CLOSE_KAFKA_MS = 1500, LEAVE_S = 1 };

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

/* ---- start ---- */

static int start_kafka(struct daemon *d)
{
    char err[512] = "";
    const struct kafka_out_events out_events = { d, publish_delivered, publish_failed };
    const struct kafka_in_events in_events = { d,          ingest_assigned, ingest_revoked, ingest_readable,
                                               ingest_end, ingest_fault };
    d->out = kafka_out_new(&d->loop, d->config, &out_events, err, sizeof err);
    d->in = d->out ? kafka_in_new(&d->loop, d->config, &in_events, err, sizeof err) : NULL;
    if (!d->in) {
        log_line(&d->log, LOG_ERROR_, "kafka", "%s", err);
        kafka_out_close(d->out, 0);
        d->out = NULL;
        return -1;
    }
    return ingest_start(d);
}

void daemon_begin(struct daemon *d)
{
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].store_state != STORE_READY || !d->shard[i].booked)
            return;
    if (d->started || d->stopping)
        return;
    d->started = true;
    if (start_kafka(d) < 0) {
        d->refused = true;
        uv_stop(&d->loop);
    }
}

static void on_store_state(void *ctx, enum store_state state, const char *why)
{
    struct shard *s = ctx;
    struct daemon *d = s->d;
    enum store_state was = s->store_state;
    s->store_state = state;
    if (was == STORE_READY)
        s->down_ms = uv_now(&d->loop);
    switch (state) {
    case STORE_READY:
        log_line(&d->log, LOG_INFO_, "store_ready", "shard %u", s->index);
        if (s->away) /* soon: the other shards of that server come, too */
            ingest_rewind(d, "a store is back", 100);
        break;
    case STORE_DOWN:
        log_line(&d->log, LOG_WARNING_, "store_down", "shard %u: %s", s->index, why ? why : "");
        judge_doubt(s->judge);
        if (was == STORE_READY)
            ingest_rewind(d, "the store is gone", 100);
        return;
    case STORE_REFUSED:
        log_line(&d->log, LOG_ERROR_, "store_refused", "shard %u: %s", s->index, why ? why : "");
        d->refused = true;
        uv_stop(&d->loop);
        return;
    case STORE_CONNECTING:
        return;
    }
    booking_look(s);
    daemon_begin(d);
}

int shard_new_engine(struct shard *s)
{
    struct engine_options opt = { .cache_bytes = (size_t)s->d->config->redis.record_cache_bytes };
    struct engine_stats stats;
    if (s->engine) {
        engine_stats(s->engine, &stats);
        opt.stats = &stats;
    }
    engine_free(s->engine);
    s->engine = engine_new(&s->d->config->defs, &opt);
    return s->engine ? 0 : -1;
}

static int start_shards(struct daemon *d)
{
    d->n_shards = (uint32_t)d->config->redis.shards;
    d->shard = calloc(d->n_shards, sizeof *d->shard);
    for (uint32_t i = 0; d->shard && i < d->n_shards; i++) {
        struct shard *s = &d->shard[i];
        const struct redis_store_events events = { s, on_store_state };
        s->d = d;
        s->index = i;
        arena_init(&s->outs.text, 0, 0);
        (void)shard_new_engine(s);
        orphans_init(s);
        s->judge = judge_new(s);
        s->publish = publish_new(s);
        s->store = s->engine && s->judge && s->publish ? redis_store_new(&d->loop, d->config, i, &events) : NULL;
        if (!s->store)
            return -1;
    }
    return d->shard ? 0 : -1;
}

/* ---- stop ---- */

static void close_stores(struct daemon *d);

static void on_store_closed(void *ctx)
{
    struct shard *s = ctx;
    s->store = NULL;
    for (uint32_t i = 0; i < s->d->n_shards; i++)
        if (s->d->shard[i].store)
            return;
    uv_stop(&s->d->loop);
}

static void close_stores(struct daemon *d)
{
    d->closing = true;
    if (d->in) {
        standing_leave(d);
        CRASH_POINT(stop_committed);
        kafka_in_close(d->in, CLOSE_KAFKA_MS);
        kafka_out_close(d->out, CLOSE_KAFKA_MS);
        d->in = NULL;
        d->out = NULL;
        CRASH_POINT(stop_kafka_closed);
    }
    for (uint32_t i = 0; i < d->n_shards; i++)
        if (d->shard[i].store)
            redis_store_close(d->shard[i].store, on_store_closed, &d->shard[i]);
}

static void on_stop_timer(uv_timer_t *t)
{
    struct daemon *d = t->data;
    bool waiting = false;
    for (uint32_t i = 0; i < d->n_shards; i++) {
        struct shard *s = &d->shard[i];
        if (d->ingest.state == INGEST_RUNNING && s->moved && !s->flushing && !d->ingest.n_messages && !s->away &&
            s->store_state == STORE_READY)
            shard_flush(s);
        waiting |= s->flushing || !publish_quiet(s->publish) || !judge_leave(s->judge);
    }
    if ((waiting || !tally_leave(d)) && uv_now(&d->loop) < d->stop_deadline_ms)
        return;
    uv_timer_stop(t);
    CRASH_POINT(stop_quiet);
    close_stores(d);
}

void daemon_stop(struct daemon *d)
{
    if (d->stopping)
        return;
    log_line(&d->log, LOG_INFO_, "stopping", "flushing what is pending");
    d->stopping = true;
    CRASH_POINT(stop_begun);
    supervisor_stopping(d);
    reload_drop(d);
    d->stop_deadline_ms = uv_now(&d->loop) + STOP_MS / 2;
    uv_timer_start(&d->stop_timer, on_stop_timer, 0, STOP_CHECK_MS);
}

/* A request to end that comes while the configuration is read waits until the loop can take it. */
static void hold_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(how, &set, NULL);
}

static void on_signal(uv_signal_t *h, int signum)
{
    if (signum == SIGHUP)
        reload_ask(h->data);
    else
        daemon_stop(h->data);
}

/* ---- the whole ---- */

static int init(struct daemon *d)
{
    char host[64] = "host";
    if (uv_loop_init(&d->loop) < 0 || event_codec_init(&d->codec) < 0)
        return -1;
    d->codec.format = (enum input_format)d->config->kafka.format;
    (void)gethostname(host, sizeof host - 1);
    /* A name that lasts lets a restarted daemon take its lease back at once. */
    if (*d->config->kafka.instance_id)
        snprintf(d->owner, sizeof d->owner, "%s", d->config->kafka.instance_id);
    else
        snprintf(d->owner, sizeof d->owner, "%s/%ld/%llx", host, (long)getpid(), (unsigned long long)uv_hrtime());
    int rc = uv_timer_init(&d->loop, &d->stop_timer);
    struct {
        uv_signal_t *handle;
        int signum;
    } const signals[] = { { &d->on_term, SIGTERM }, { &d->on_int, SIGINT }, { &d->on_hup, SIGHUP } };
    d->stop_timer.data = d;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        rc |= uv_signal_init(&d->loop, signals[i].handle);
        signals[i].handle->data = d;
        rc |= uv_signal_start(signals[i].handle, on_signal, signals[i].signum);
    }
    signal(SIGPIPE, SIG_IGN);
    hold_signals(SIG_UNBLOCK);
    return rc < 0 || open_files_allow(d) < 0 ? -1 : start_shards(d);
}

static void release(struct daemon *d)
{
    if (d->ingest.begun)
        ingest_stop(d);
    d->reload.waiting = 0;
    reload_drop(d);
    for (uint32_t i = 0; i < d->n_shards; i++) {
        struct shard *s = &d->shard[i];
        orphans_release(s);
        judge_free(s->judge);
        publish_free(s->publish);
        engine_free(s->engine);
        booking_forget(s);
        arena_release(&s->outs.text);
        free(s->outs.v);
    }
    free(d->shard);
    uv_walk(&d->loop, close_handle, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&d->loop);
}

struct daemon *daemon_open(struct config *config, const struct daemon_options *opt)
{
    struct daemon *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->config = config;
    d->opt = *opt;
    if (getrandom(&config->defs.hash_seed, sizeof config->defs.hash_seed, 0) < 0)
        config->defs.hash_seed = uv_hrtime();
    log_init(&d->log, config->log.level, config->log.json);
    if (init(d) == 0 && status_start(d) == 0)
        log_line(&d->log, LOG_INFO_, "starting", "%u shards, %s", d->n_shards, d->owner);
    else
        d->refused = true;
    return d;
}

int daemon_close(struct daemon *d)
{
    const int rc = !d->refused ? EXIT_SUCCESS : d->refused_code ? d->refused_code : EXIT_FAILURE;
    if (!d->closing && d->n_shards) { /* refused at the start, or a fatal fault */
        d->stopping = true;
        close_stores(d);
        uv_run(&d->loop, UV_RUN_DEFAULT);
    }
    status_stop(d);
    log_line(&d->log, LOG_INFO_, "stopped", "exit code %d", rc);
    release(d);
    free(d);
    return rc;
}

static void leave(int signum)
{
    (void)signum;
    _exit(EXIT_SUCCESS);
}

/* All is flushed, told and given up; what is left is memory, and look-ups of names that nobody can cancel: libuv and librdkafka wait for them. */
static void leave_soon(void)
{
    signal(SIGALRM, leave);
    alarm(LEAVE_S);
}

int daemon_run(struct config *config, const struct daemon_options *opt)
{
    struct daemon *d = daemon_open(config, opt);
    if (!d)
        return EXIT_FAILURE;
    if (!d->refused && supervisor_begin(d) == 0)
        uv_run(&d->loop, UV_RUN_DEFAULT);
    if (!d->refused)
        leave_soon();
    const int rc = daemon_close(d);
    alarm(0); /* nothing was left to wait for */
    return rc;
}

/* The libraries keep passwords as long as they may have to connect again: no core dump, no debugger of the same user. */
static void keep_memory_private(const struct config *c)
{
    if (secret_named(c->redis.password_file) || secret_named(c->redis.sentinel_password_file) ||
        secret_named(c->kafka.sasl_password_file) || secret_named(c->kafka.tls_key_password_file) ||
        secret_named(c->http.token_file) || c->http.n_orgs)
        (void)prctl(PR_SET_DUMPABLE, 0);
}

/* What the command line said of the configuration: a reload reads the same. */
struct again {
    const char *file;
    const struct config_load_options *opt;
};

static struct config *read_again(void *ctx, struct config_problems *problems)
{
    const struct again *a = ctx;
    return config_load(a->file, a->opt, problems);
}

static int usage(FILE *to)
{
    fputs("usage: crmpulse run [--config FILE] [--set KEY=VALUE]... [--until-idle] [--rebuild] [--accept-loss]\n"
          "  --until-idle    stop once every partition was read to its end and everything is judged and published\n"
          "  --rebuild       Redis was emptied: read everything again from the beginning of the topics\n"
          "  --accept-loss   records expired before they were read: go on after them\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

int cmd_run(int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },
        { "set", required_argument, NULL, 's' },
        { "until-idle", no_argument, NULL, 'u' },
        { "rebuild", no_argument, NULL, 'r' },
        { "accept-loss", no_argument, NULL, 'a' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *file = NULL, *set[64];
    struct config_load_options opt = { 0, set };
    struct config_problems problems = { 0 };
    struct again again = { NULL, &opt };
    struct daemon_options run = { .read = read_again, .read_ctx = &again };
    int o;
    optind = 1;
    while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (o == 'c')
            file = optarg;
        else if (o == 's' && opt.n_sets < 64)
            set[opt.n_sets++] = optarg;
        else if (o == 'u')
            run.until_idle = true;
        else if (o == 'r')
            run.rebuild = true;
        else if (o == 'a')
            run.accept_loss = true;
        else
            return usage(o == 'h' ? stdout : stderr);
    }
    if (optind != argc)
        return usage(stderr);
    hold_signals(SIG_BLOCK);
    struct config *config = config_load(file, &opt, &problems);
    config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    if (!config)
        return CLI_CONFIG;
    keep_memory_private(config);
    again.file = file;
    int rc = daemon_run(config, &run);
    config_free(config);
    return rc;
}

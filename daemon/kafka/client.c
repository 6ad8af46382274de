/* Settings, wake-up and end of librdkafka clients. Knows neither messages nor partitions. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"
#include "crmpulse/secret.h"

/* Flexible protocol versions overflow on a long client.id before librdkafka 2.5.0. */
enum { CLIENT_ID_MAX_BYTES = 64 };

int client_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *err, size_t err_cap)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return 0;
    snprintf(err, err_cap, "kafka property %s: %s", name, why);
    return -1;
}

int client_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, char *err, size_t err_cap)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return client_set(conf, name, text, err, err_cap);
}

static int set_table(rd_kafka_conf_t *conf, const struct client_setting *table, char *err, size_t err_cap)
{
    for (; table->name; table++)
        if (client_set(conf, table->name, table->value, err, err_cap) != 0)
            return -1;
    return 0;
}

static int set_secret(rd_kafka_conf_t *conf, const char *name, const char *file, char *err, size_t err_cap)
{
    struct secret secret;
    char why[256];
    if (secret_read(file, &secret, why, sizeof why) < 0) {
        snprintf(err, err_cap, "kafka property %s: %s", name, why);
        return -1;
    }
    /* librdkafka's own words about a value it refuses would show the value. */
    int rc = rd_kafka_conf_set(conf, name, secret.text, NULL, 0) == RD_KAFKA_CONF_OK ? 0 : -1;
    secret_wipe(&secret);
    if (rc < 0)
        snprintf(err, err_cap, "kafka property %s: librdkafka refuses it", name);
    return rc;
}

static int set_security(rd_kafka_conf_t *conf, const struct config *config, char *err, size_t err_cap)
{
    const struct {
        const char *name, *value;
        bool secret;
    } rows[] = {
        { "security.protocol", config->kafka.security, false },
        { "ssl.ca.location", config->kafka.tls_ca, false },
        { "ssl.certificate.location", config->kafka.tls_cert, false },
        { "ssl.key.location", config->kafka.tls_key, false },
        { "ssl.key.password", config->kafka.tls_key_password_file, true },
        { "sasl.username", config->kafka.sasl_user, false },
        { "sasl.password", config->kafka.sasl_password_file, true },
    };
    const char *security = config->kafka.security;
    if (!security || strcmp(security, "plaintext") == 0)
        return 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].value || !*rows[i].value)
            continue;
        int rc = rows[i].secret ? set_secret(conf, rows[i].name, rows[i].value, err, err_cap)
                                : client_set(conf, rows[i].name, rows[i].value, err, err_cap);
        if (rc < 0)
            return -1;
    }
    return strstr(security, "sasl") ? client_set(conf, "sasl.mechanism", config->kafka.sasl_mechanism, err, err_cap)
                                    : 0;
}

static int set_user(rd_kafka_conf_t *conf, const struct config *config, char *err, size_t err_cap)
{
    char client_id[CLIENT_ID_MAX_BYTES + 1];
    const char *wanted = config->kafka.client_id && *config->kafka.client_id ? config->kafka.client_id : "crmpulse";
    snprintf(client_id, sizeof client_id, "%.*s", CLIENT_ID_MAX_BYTES, wanted);
    if (client_set(conf, "client.id", client_id, err, err_cap) != 0)
        return -1;
    for (uint32_t i = 0; i < config->kafka.n_properties; i++)
        if (client_set(conf, config->kafka.property[i].name, config->kafka.property[i].value, err, err_cap) != 0)
            return -1;
    if (set_security(conf, config, err, err_cap) != 0)
        return -1;
    return client_set(conf, "bootstrap.servers", config->kafka.brokers, err, err_cap);
}

rd_kafka_conf_t *client_conf(const struct config *config, const struct client_setting *defaults,
                             const struct client_setting *fixed, char *err, size_t err_cap)
{
    static const struct client_setting common[] = {
        { "socket.keepalive.enable", "true" },
        { "socket.nagle.disable", "true" },
        { "reconnect.backoff.ms", "100" },
        { "reconnect.backoff.max.ms", "5000" },
        { "topic.metadata.refresh.interval.ms", "10000" }, /* new partitions are seen soon */
        { "log.connection.close", "false" },
        { NULL, NULL },
    };
    if (!config->kafka.brokers || !*config->kafka.brokers) {
        snprintf(err, err_cap, "kafka.brokers is empty");
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (set_table(conf, common, err, err_cap) == 0 && set_table(conf, defaults, err, err_cap) == 0 &&
        set_user(conf, config, err, err_cap) == 0 && set_table(conf, fixed, err, err_cap) == 0) {
        rd_kafka_conf_set_log_cb(conf, NULL); /* what matters arrives as an error event with its reason */
        return conf;
    }
    rd_kafka_conf_destroy(conf);
    return NULL;
}

int client_wake_start(struct client_wake *wake, uv_loop_t *loop, uv_poll_cb woken)
{
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0)
        return -1;
    if (uv_poll_init(loop, &wake->poll, wake->fd) != 0) {
        close(wake->fd);
        return -1;
    }
    return uv_poll_start(&wake->poll, UV_READABLE, woken);
}

void client_wake_clear(struct client_wake *wake)
{
    uint64_t count;
    ssize_t n = read(wake->fd, &count, sizeof count);
    (void)n; /* nothing there is fine: somebody was faster */
}

void client_wake_attach(struct client_wake *wake, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, wake->fd, &one, sizeof one);
}

void client_wake_detach(rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue);
}

/* Shared by the thread that ends a client and the one that waits; the last of the two frees it. */
struct ending {
    pthread_mutex_t lock;
    pthread_cond_t over;
    rd_kafka_t *rk;
    void *owned;
    bool done, abandoned;
};

static void ending_free(struct ending *e)
{
    pthread_cond_destroy(&e->over);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

static void *end_client(void *arg)
{
    struct ending *e = arg;
    if (rd_kafka_type(e->rk) == RD_KAFKA_CONSUMER)
        rd_kafka_consumer_close(e->rk);
    rd_kafka_destroy(e->rk);
    free(e->owned);
    pthread_mutex_lock(&e->lock);
    e->done = true;
    bool last = e->abandoned;
    pthread_cond_signal(&e->over);
    pthread_mutex_unlock(&e->lock);
    if (last)
        ending_free(e);
    return NULL;
}

static struct ending *ending_new(rd_kafka_t *rk, void *owned)
{
    struct ending *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->over, &attr);
    pthread_condattr_destroy(&attr);
    e->rk = rk;
    e->owned = owned;
    return e;
}

/* The daemon's signals stay with the loop's thread. */
static int start_thread(struct ending *e)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, NULL, end_client, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_detach(thread);
    return rc;
}

static struct timespec after_ms(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t nanos = t.tv_nsec + ms % 1000 * 1000000;
    t.tv_sec += (time_t)(ms / 1000 + nanos / 1000000000);
    t.tv_nsec = (long)(nanos % 1000000000);
    return t;
}

bool client_end(rd_kafka_t *rk, int64_t wait_ms, void *owned)
{
    struct ending *e = ending_new(rk, owned);
    if (!e || start_thread(e) != 0) {
        if (e)
            ending_free(e);
        return false; /* no memory or no thread: the client leaks, the process goes on */
    }
    struct timespec until = after_ms(wait_ms);
    pthread_mutex_lock(&e->lock);
    while (!e->done && wait_ms > 0)
        if (pthread_cond_timedwait(&e->over, &e->lock, &until) != 0)
            break;
    bool done = e->done;
    e->abandoned = !done;
    pthread_mutex_unlock(&e->lock);
    if (done)
        ending_free(e);
    return done;
}

/* One Kafka transaction for the fault matrix: kafka_txn BOOTSTRAP TOPIC commit|abort|open. Sends the lines of standard input, spread over the
 * partitions, in one transaction and ends it as told; `open` prints "open" and waits to be killed, so that the transaction hangs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

enum { TIMEOUT_MS = 30000, LINE_MAX_BYTES = 1 << 16 };

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "kafka_txn: %s: %s\n", what, why);
    return 1;
}

static int failed(const char *what, rd_kafka_error_t *error)
{
    if (!error)
        return 0;
    (void)fail(what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return 1;
}

static rd_kafka_t *connect_producer(const char *bootstrap)
{
    char err[512] = "", id[64];
    snprintf(id, sizeof id, "txn-%ld", (long)getpid());
    const char *settings[][2] = { { "bootstrap.servers", bootstrap },
                                  { "transactional.id", id },
                                  { "sticky.partitioning.linger.ms", "0" }, /* each record anywhere: all partitions */
                                  { "transaction.timeout.ms", "15000" } };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], err, sizeof err) != RD_KAFKA_CONF_OK)
            (void)fail(settings[i][0], err);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
    if (!rk) {
        (void)fail("client", err);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

static int send_lines(rd_kafka_t *rk, const char *topic)
{
    static char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        size_t n = strcspn(line, "\n");
        rd_kafka_resp_err_t err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(line, n),
                                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (err)
            return fail("produce", rd_kafka_err2str(err));
    }
    return rd_kafka_flush(rk, TIMEOUT_MS) ? fail("flush", "not within the time limit") : 0;
}

static int transact(rd_kafka_t *rk, const char *topic, const char *how)
{
    if (failed("init", rd_kafka_init_transactions(rk, TIMEOUT_MS)) || failed("begin", rd_kafka_begin_transaction(rk)) ||
        send_lines(rk, topic))
        return 1;
    if (strcmp(how, "commit") == 0)
        return failed("commit", rd_kafka_commit_transaction(rk, TIMEOUT_MS));
    if (strcmp(how, "abort") == 0)
        return failed("abort", rd_kafka_abort_transaction(rk, TIMEOUT_MS));
    puts("open");
    fflush(stdout);
    sleep(600);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: kafka_txn BOOTSTRAP TOPIC commit|abort|open\n", stderr);
        return 64;
    }
    rd_kafka_t *rk = connect_producer(argv[1]);
    if (!rk)
        return 1;
    int rc = transact(rk, argv[2], argv[3]);
    rd_kafka_destroy(rk);
    return rc;
}

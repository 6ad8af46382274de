/* crmpulse tap: the records of a topic of ours, input or output, as one JSON object a line. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "crmpulse/cli.h"
#include "crmpulse/event_decode.h"
#include "crmpulse/kafka_reader.h"
#include "crmpulse/out_pb.h"

enum { WAIT_MS = 200 };

struct tap {
    const char *brokers, *topic, *config;
    bool from_end, until_end, offsets;
    uint64_t limit; /* 0: none */
    struct event_codec codec;
    struct arena arena;
    struct event ev;
    uint64_t printed, unreadable;
};

static int usage(FILE *to)
{
    fputs("usage: crmpulse tap --topic TOPIC --brokers HOST:PORT,.. | --config FILE  [options]\n"
          "\n"
          "Prints the records of a topic as JSON lines: events as they are sent, outputs as their protobuf message "
          "says.\n"
          "\n"
          "  --from beginning|end     where to begin (default beginning)\n"
          "  --limit N                stop after N records\n"
          "  --until-end              stop at the present end of all partitions\n"
          "  --offsets                wrap each in {\"partition\", \"offset\", \"timestamp_ms\", \"message\"}\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

/* What the header ce_type says, and which message that is. */
static const struct {
    const char *type;
    enum out_message message;
} types[] = {
    { "crmpulse.kpi.v1", OUT_KPI_ROW },
    { "crmpulse.alert.v1", OUT_ALERT_TRANSITION },
    { "crmpulse.board.v1", OUT_BOARD_SNAPSHOT },
    { "crmpulse.scorecard.v1", OUT_SCORECARD_SNAPSHOT },
    { "crmpulse.deadletter.v1", OUT_DEAD_LETTER },
    { "crmpulse.dead_letter.v1", OUT_DEAD_LETTER },
    { "crmpulse.late.v1", OUT_LATE_EVENT },
};

static int message_of(struct slice type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (slice_eq(type, slice_of(types[i].type)))
            return (int)types[i].message;
    for (int m = 0; m < OUT_MESSAGE_COUNT; m++)
        if (slice_eq(type, slice_of(out_pb_name((enum out_message)m))))
            return m;
    return -1;
}

static struct slice event_text(struct tap *t, struct slice value, const char **ret_why)
{
    struct event_note note;
    enum event_reject reason = event_decode(&t->codec, &t->arena, (const uint8_t *)value.p, value.n, &t->ev, &note);
    *ret_why = event_reject_name(reason);
    return reason == REJECT_NONE ? event_json_encode(&t->codec.schema, &t->ev, &t->arena) : (struct slice){ 0 };
}

static struct slice text_of(struct tap *t, const struct kafka_record *r, const char **ret_why)
{
    struct slice text = { 0 };
    int message = message_of(r->type);
    *ret_why = r->value.p ? "malformed" : "no value";
    if (!r->value.p)
        return text;
    if (message < 0 || message == OUT_EVENT)
        return event_text(t, r->value, ret_why);
    if (out_json_from_bytes(&t->arena, (enum out_message)message, (const uint8_t *)r->value.p, r->value.n, &text) != 0)
        text.p = NULL;
    return text;
}

static void print(struct tap *t, const struct kafka_record *r)
{
    const char *why;
    arena_reset(&t->arena);
    struct slice text = text_of(t, r, &why);
    if (!text.p) {
        t->unreadable++;
        fprintf(stderr, "%s[%d]@%" PRId64 ": %s\n", t->topic, r->partition, r->offset, why);
        return;
    }
    t->printed++;
    if (t->offsets)
        printf("{\"partition\":%d,\"offset\":%" PRId64 ",\"timestamp_ms\":%" PRId64 ",\"message\":%.*s}\n",
               r->partition, r->offset, r->timestamp_ms, (int)text.n, text.p);
    else
        printf("%.*s\n", (int)text.n, text.p);
}

/* The one variable of the file: a signal handler has no argument of ours. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static int follow(struct tap *t, struct kafka_reader *reader)
{
    struct kafka_record record;
    char err[512];
    while (!interrupted && !ferror(stdout) && (t->limit == 0 || t->printed + t->unreadable < t->limit)) {
        switch (kafka_reader_next(reader, WAIT_MS, &record, err, sizeof err)) {
        case KAFKA_READ_RECORD:
            print(t, &record);
            break;
        case KAFKA_READ_ALL_ENDS:
            if (t->until_end)
                return 0;
            fflush(stdout);
            break;
        case KAFKA_READ_NOTHING:
            fflush(stdout);
            break;
        case KAFKA_READ_ERROR:
            fprintf(stderr, "crmpulse tap: %s\n", err);
            return 1;
        }
    }
    return 0;
}

static int bad(const char *option, const char *why)
{
    fprintf(stderr, "crmpulse tap: %s: %s\n", option, why);
    return -1;
}

static int read_from(const char *text, bool *ret_end)
{
    *ret_end = strcmp(text, "end") == 0;
    return *ret_end || strcmp(text, "beginning") == 0 ? 0 : bad("--from", "beginning or end");
}

static int read_limit(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *ret = (uint64_t)v;
    return errno || *end || v <= 0 ? bad("--limit", "a number above 0 is expected") : 0;
}

static int read_args(struct tap *t, int argc, char **argv)
{
    static const struct option options[] = {
        { "brokers", required_argument, NULL, 'b' },
        { "topic", required_argument, NULL, 't' },
        { "config", required_argument, NULL, 'c' },
        { "from", required_argument, NULL, 'f' },
        { "limit", required_argument, NULL, 'l' },
        { "until-end", no_argument, NULL, 'e' },
        { "offsets", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int opt, rc = 0;
    optind = 1;
    while (rc == 0 && (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h')
            return 1;
        rc = opt == 'f'   ? read_from(optarg, &t->from_end)
             : opt == 'l' ? read_limit(optarg, &t->limit)
             : opt == '?' ? -1
                          : 0;
        const char **text = opt == 'b' ? &t->brokers : opt == 't' ? &t->topic : opt == 'c' ? &t->config : NULL;
        if (text)
            *text = optarg;
        t->until_end |= opt == 'e';
        t->offsets |= opt == 'o';
    }
    if (rc != 0)
        return -1;
    if (optind < argc)
        return bad(argv[optind], "there are no arguments but options");
    return t->topic && (t->brokers || t->config) ? 0 : bad("input", "--topic, and --brokers or --config are needed");
}

static int tap_with(struct tap *t, struct config *loaded)
{
    char err[512] = "";
    struct config direct = { 0 };
    struct config *config = loaded ? loaded : &direct;
    char *own_brokers = config->kafka.brokers;
    if (t->brokers)
        config->kafka.brokers = (char *)(uintptr_t)t->brokers; /* borrowed for the call */
    struct kafka_reader *reader = kafka_reader_new(config, t->topic, !t->from_end, err, sizeof err);
    config->kafka.brokers = own_brokers;
    if (!reader) {
        bad("kafka", err);
        return 1;
    }
    int rc = follow(t, reader);
    kafka_reader_free(reader);
    return rc || fflush(stdout) || ferror(stdout) || t->unreadable ? 1 : 0;
}

static struct config *load_config(const char *path)
{
    struct config_problems problems = { 0 };
    struct config_load_options none = { 0 };
    struct config *config = config_load(path, &none, &problems);
    if (!config)
        config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    return config;
}

int cmd_tap(int argc, char **argv)
{
    struct config *config = NULL;
    struct tap *t = calloc(1, sizeof *t);
    int rc = t ? read_args(t, argc, argv) : -1;
    if (rc != 0) {
        free(t);
        return usage(rc > 0 ? stdout : stderr);
    }
    if (t->config && !(config = load_config(t->config))) {
        free(t);
        return CLI_CONFIG;
    }
    struct sigaction stop = { .sa_handler = on_signal };
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe ends it by ferror */
    arena_init(&t->arena, 0, 0);
    rc = event_codec_init(&t->codec) ? 1 : tap_with(t, config);
    arena_release(&t->arena);
    config_free(config);
    free(t);
    return rc;
}

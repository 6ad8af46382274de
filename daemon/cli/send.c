/* crmpulse send: events from NDJSON or CSV into a Kafka topic (or, converted, into an NDJSON file), checked on the way. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crmpulse/cli.h"
#include "send.h"

enum { FLUSH_MS = 120000, STEP_EVERY = 100, MESSAGE_BYTES_MAX = 1 << 20, SHUFFLE_MS_MAX_DAYS = 36600 };

static int usage(FILE *to)
{
    fputs("usage: crmpulse send FILE.ndjson[.gz] | - | --csv FILE --map MAP.yaml  [options]\n"
          "\n"
          "Sends events to Kafka: one JSON object a line, or rows of CSV files by a mapping (see config/maps/).\n"
          "\n"
          "  --brokers HOST:PORT,..   or --config FILE (its kafka section)\n"
          "  --topic TOPIC            default: the first input of --config\n"
          "  --config FILE            brokers, topic and Kafka properties\n"
          "  --key org|entity|random|event   the record's key (default org)\n"
          "  --format protobuf|json   of the records (default protobuf)\n"
          "  --lenient                send events that break the rules of their type too\n"
          "  --rate N                 at most N events a second\n"
          "  --shuffle-ms N           disorder them, by at most N ms of event time\n"
          "  --duplicate PPM          send so many of a million twice\n"
          "  --seed N                 of the shuffle, the duplicates and random keys (default 1)\n"
          "  --to-ndjson FILE         write NDJSON (- is standard output) instead of sending\n",
          to);
    return to == stdout ? EXIT_SUCCESS : CLI_USAGE;
}

static int bad(const char *option, const char *why)
{
    fprintf(stderr, "crmpulse send: %s: %s\n", option, why);
    return -1;
}

static int read_number(const char *option, const char *text, int64_t max, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < 0 || v > max)
        return bad(option, "a number in range is expected");
    *ret = v;
    return 0;
}

static int read_key(const char *text, enum send_key *ret)
{
    static const char *const names[] = {
        [KEY_ORG] = "org", [KEY_ENTITY] = "entity", [KEY_RANDOM] = "random", [KEY_EVENT] = "event"
    };
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum send_key)i;
            return 0;
        }
    return bad("--key", "org, entity, random or event");
}

static int read_format(const char *text, bool *ret_json)
{
    *ret_json = strcmp(text, "json") == 0;
    return *ret_json || strcmp(text, "protobuf") == 0 ? 0 : bad("--format", "protobuf or json");
}

enum {
    OPT_BROKERS = 256,
    OPT_TOPIC,
    OPT_CONFIG,
    OPT_KEY,
    OPT_FORMAT,
    OPT_LENIENT,
    OPT_RATE,
    OPT_SHUFFLE,
    OPT_DUPLICATE,
    OPT_SEED,
    OPT_CSV,
    OPT_MAP,
    OPT_TO_NDJSON
};

static const struct option options[] = {
    { "brokers", required_argument, NULL, OPT_BROKERS },
    { "topic", required_argument, NULL, OPT_TOPIC },
    { "config", required_argument, NULL, OPT_CONFIG },
    { "key", required_argument, NULL, OPT_KEY },
    { "format", required_argument, NULL, OPT_FORMAT },
    { "lenient", no_argument, NULL, OPT_LENIENT },
    { "rate", required_argument, NULL, OPT_RATE },
    { "shuffle-ms", required_argument, NULL, OPT_SHUFFLE },
    { "duplicate", required_argument, NULL, OPT_DUPLICATE },
    { "seed", required_argument, NULL, OPT_SEED },
    { "csv", required_argument, NULL, OPT_CSV },
    { "map", required_argument, NULL, OPT_MAP },
    { "to-ndjson", required_argument, NULL, OPT_TO_NDJSON },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static int read_option(struct send_args *a, int opt)
{
    int64_t seed = 0;
    switch (opt) {
    case OPT_BROKERS:
        a->brokers = optarg;
        return 0;
    case OPT_TOPIC:
        a->topic = optarg;
        return 0;
    case OPT_CONFIG:
        a->config = optarg;
        return 0;
    case OPT_KEY:
        return read_key(optarg, &a->key);
    case OPT_FORMAT:
        return read_format(optarg, &a->json);
    case OPT_LENIENT:
        a->lenient = true;
        return 0;
    case OPT_RATE:
        return read_number("--rate", optarg, 1000000000, &a->rate);
    case OPT_SHUFFLE:
        return read_number("--shuffle-ms", optarg, SHUFFLE_MS_MAX_DAYS * INT64_C(86400000), &a->shuffle_ms);
    case OPT_DUPLICATE:
        return read_number("--duplicate", optarg, 1000000, &a->duplicate_ppm);
    case OPT_SEED:
        if (read_number("--seed", optarg, INT64_MAX, &seed) != 0)
            return -1;
        a->seed = (uint64_t)seed;
        return 0;
    case OPT_CSV:
        a->csv = optarg;
        return 0;
    case OPT_MAP:
        a->map = optarg;
        return 0;
    case OPT_TO_NDJSON:
        a->to_ndjson = optarg;
        return 0;
    default:
        return -1;
    }
}

static int check_args(const struct send_args *a)
{
    if (!a->csv != !a->map)
        return bad("--csv, --map", "one needs the other");
    if (!a->file == !a->csv)
        return bad("input", "either one NDJSON file or --csv is needed");
    if (!a->to_ndjson && !a->config && (!a->brokers || !a->topic))
        return bad("output", "--brokers and --topic, or --config, or --to-ndjson is needed");
    return 0;
}

/* 0; -1 after a message; 1 if help was asked for. */
static int read_args(struct send_args *a, int argc, char **argv)
{
    int opt, rc = 0;
    *a = (struct send_args){ .seed = 1 };
    optind = 1;
    while (rc == 0 && (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h')
            return 1;
        rc = read_option(a, opt);
    }
    if (rc != 0)
        return -1;
    if (optind < argc)
        a->file = argv[optind++];
    return optind < argc ? bad(argv[optind], "one file at a time") : check_args(a);
}

/* ---- out ---- */

/* Waits until item number n_out may leave at the given rate. */
static void keep_rate(struct send *s)
{
    if (s->args.rate == 0)
        return;
    int64_t due_ms = s->progress.begin_ms + (int64_t)(s->n_out * 1000 / (uint64_t)s->args.rate);
    for (int64_t left; (left = due_ms - progress_clock_ms()) > 0;) {
        if (s->producer)
            kafka_producer_poll(s->producer, left > 100 ? 100 : (int)left);
        progress_step(&s->progress, s->n_out);
    }
}

static int out_kafka(struct send *s, const struct send_item *item)
{
    keep_rate(s);
    s->n_out++;
    s->bytes_out += item->value.n;
    if (s->n_out % STEP_EVERY == 0)
        progress_step(&s->progress, s->n_out);
    return kafka_producer_send(s->producer, item->key, item->value, 0, NULL);
}

static int out_ndjson(struct send *s, const struct send_item *item)
{
    s->n_out++;
    s->bytes_out += item->value.n + 1;
    return fwrite(item->value.p, 1, item->value.n, s->ndjson) == item->value.n && fputc('\n', s->ndjson) != EOF ? 0
                                                                                                                : -1;
}

static int open_ndjson(struct send *s)
{
    s->out = out_ndjson;
    s->ndjson = strcmp(s->args.to_ndjson, "-") == 0 ? stdout : fopen(s->args.to_ndjson, "w");
    return s->ndjson ? 0 : bad(s->args.to_ndjson, strerror(errno));
}

static int open_kafka(struct send *s, const struct config *config)
{
    char err[512] = "";
    const char *topic = s->args.topic;
    if (!topic && config->kafka.n_inputs)
        topic = config->kafka.input[0];
    if (!topic)
        return bad("--topic", "there is none, nor an input in the configuration");
    s->args.topic = topic;
    s->out = out_kafka;
    s->producer = kafka_producer_new(config, topic, err, sizeof err);
    return s->producer ? 0 : bad("kafka", err);
}

/* Delivered all: 0. */
static int finish_kafka(struct send *s)
{
    int late = kafka_producer_flush(s->producer, FLUSH_MS);
    const struct kafka_producer_counts *c = kafka_producer_counts(s->producer);
    bool whole = !c->failed && !late && c->delivered == s->n_out;
    if (!whole)
        fprintf(stderr, "crmpulse send: %" PRIu64 " of %" PRIu64 " records not delivered: %s\n",
                s->n_out - c->delivered, s->n_out,
                c->last_error[0] ? c->last_error : "no answer from the brokers in time");
    return whole ? 0 : 1;
}

static void summarise(struct send *s)
{
    double seconds = (double)(progress_clock_ms() - s->progress.begin_ms) / 1000;
    uint64_t done = s->producer ? kafka_producer_counts(s->producer)->delivered : s->n_out;
    fprintf(s->ndjson == stdout ? stderr : stdout,
            "%s %" PRIu64 " records to %s: %" PRIu64 " events read, %" PRIu64 " refused, %" PRIu64
            " duplicated; %.1f MB in %.2f s, %.0f/s\n",
            s->producer ? "sent" : "wrote", done, s->producer ? s->args.topic : s->args.to_ndjson, s->counts.read,
            s->counts.refused, s->counts.duplicated, (double)s->bytes_out / 1e6, seconds,
            (double)done / (seconds > 0.001 ? seconds : 0.001));
}

static int run(struct send *s)
{
    progress_begin(&s->progress, stderr, s->producer ? "sent" : "wrote", 0);
    int rc = s->args.csv ? send_csv(s) : send_ndjson(s);
    if (rc == 0 && s->buffered)
        rc = send_kept(s) != 0;
    int undelivered = s->producer ? finish_kafka(s) : 0;
    progress_end(&s->progress);
    if (s->ndjson && fflush(s->ndjson) != 0)
        rc = bad(s->args.to_ndjson, strerror(errno)) ? 1 : 0;
    summarise(s);
    return rc ? rc : undelivered || (s->counts.refused && !s->args.lenient);
}

/* The configuration's Kafka section, or one made of the arguments. NULL after messages. */
static struct config *load_config(const struct send_args *a)
{
    struct config_problems problems = { 0 };
    struct config_load_options none = { 0 };
    struct config *config = config_load(a->config, &none, &problems);
    if (!config)
        config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    return config;
}

static int send_with(struct send *s, struct config *loaded)
{
    struct config direct = { 0 };
    struct config *config = loaded ? loaded : &direct;
    char *own_brokers = config->kafka.brokers;
    if (s->args.brokers)
        config->kafka.brokers = (char *)(uintptr_t)s->args.brokers; /* borrowed for the call */
    if (!loaded)
        config->kafka.message_bytes_max = MESSAGE_BYTES_MAX;
    int rc = (s->args.to_ndjson ? open_ndjson(s) : open_kafka(s, config)) ? 1 : run(s);
    kafka_producer_free(s->producer);
    config->kafka.brokers = own_brokers;
    if (s->ndjson && s->ndjson != stdout && fclose(s->ndjson) != 0)
        rc = 1;
    return rc;
}

int cmd_send(int argc, char **argv)
{
    struct config *config = NULL;
    struct send *s = calloc(1, sizeof *s);
    int rc = s ? read_args(&s->args, argc, argv) : -1;
    if (rc != 0) {
        free(s);
        return usage(rc > 0 ? stdout : stderr);
    }
    if (s->args.config && !(config = load_config(&s->args))) {
        free(s);
        return CLI_CONFIG;
    }
    s->random = s->args.seed;
    s->buffered = s->args.csv || s->args.shuffle_ms > 0;
    arena_init(&s->scratch, 0, 0);
    arena_init(&s->items.arena, 1 << 20, 0);
    rc = event_codec_init(&s->codec) ? 1 : send_with(s, config);
    send_items_release(&s->items);
    arena_release(&s->scratch);
    config_free(config);
    free(s);
    return rc;
}

/* Fills a topic with N synthetic deal_closed messages: same seed, same bytes. Organisations and reps are drawn with a Zipf skew, event time
 * moves on by --step a message. Some messages are duplicates (the bytes of one of the last few thousand again), some events are late (their
 * time lies further back than a watermark 10 s behind). It creates no topic and knows nothing of what the daemon makes of the events. */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "crmpulse/v1/event.pb-c.h"

enum {
    ERROR_SIZE = 512,
    ID_SIZE = 32,
    MESSAGE_MAX = 1024,
    KEPT_MAX = 256,       /* bytes of a message that may be sent again */
    KEPT_MESSAGES = 4096, /* a duplicate comes at most so many messages later */
    LATE_MIN_MS = 15000,
    LATE_SPAN_MS = 105000,
    FLUSH_MS = 60000,
    FULL_QUEUE_WAIT_MS = 100,
    FULL_QUEUE_TRIES = 600
};

static const int64_t first_event_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */

struct options {
    const char *bootstrap, *topic, *codec;
    uint64_t seed;
    long events, orgs, reps, step_micros;
    long duplicate_percent, late_percent;
    int by_deal; /* key is the deal instead of the organisation */
    int rich;    /* with customer, channel and opening time: what the KPIs of W2 read */
};

/* The newest messages, so that they can be sent again. */
struct kept {
    char key[ID_SIZE];
    uint8_t bytes[KEPT_MAX];
    size_t n;
};

struct totals {
    uint64_t bytes;
    long duplicates, late;
};

/* Ranks 0..n-1 with probability proportional to 1/(rank+1). */
struct zipf {
    double *upto; /* cumulative, ends at 1 */
    long n;
};

struct random {
    uint64_t state;
};

/* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
static uint64_t random_next(struct random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double random_unit(struct random *r)
{
    return (double)(random_next(r) >> 11) / 9007199254740992.0;
}

static int zipf_init(struct zipf *z, long n)
{
    z->n = n;
    z->upto = malloc((size_t)n * sizeof *z->upto);
    if (!z->upto)
        return -1;
    double sum = 0;
    for (long i = 0; i < n; i++)
        z->upto[i] = sum += 1.0 / (double)(i + 1);
    for (long i = 0; i < n; i++)
        z->upto[i] /= sum;
    return 0;
}

static long zipf_draw(const struct zipf *z, struct random *r)
{
    double u = random_unit(r);
    long low = 0;
    long high = z->n - 1;
    while (low < high) {
        long mid = low + (high - low) / 2;
        if (z->upto[mid] > u)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

struct texts {
    char event_id[ID_SIZE], org_id[ID_SIZE], owner_id[ID_SIZE], team_id[ID_SIZE], deal_id[ID_SIZE], product_id[ID_SIZE];
    char customer_id[ID_SIZE];
};

static char currency[] = "USD";
static char won[] = "won";
static char lost[] = "lost";
static char source[] = "salesforce-live-1";
static char region[] = "emea";
static char channels[][8] = { "web", "phone", "partner", "shop" };

enum { CUSTOMERS = 5000, CYCLE_DAYS = 90 };

static void add_rich(Crmpulse__V1__Event *event, Crmpulse__V1__DealClosed *deal, struct texts *t, struct random *r)
{
    uint64_t customer = random_next(r) % CUSTOMERS;
    snprintf(t->customer_id, ID_SIZE, "c%d", (int)customer);
    event->channel = channels[customer % (sizeof channels / sizeof channels[0])];
    deal->customer_id = t->customer_id;
    deal->has_opened_at_ms = 1;
    deal->opened_at_ms =
        event->occurred_at_ms - (int64_t)(random_next(r) % ((uint64_t)CYCLE_DAYS * 86400)) * 1000 - 1000;
}

/* The event number `i` as bytes in `buf`; returns their number. */
static size_t pack_event(const struct options *opt, const struct zipf *orgs, const struct zipf *reps, struct random *r,
                         long i, int64_t behind_ms, struct texts *t, uint8_t buf[MESSAGE_MAX])
{
    Crmpulse__V1__Event event = CRMPULSE__V1__EVENT__INIT;
    Crmpulse__V1__DealClosed deal = CRMPULSE__V1__DEAL_CLOSED__INIT;
    long org = zipf_draw(orgs, r);
    long rep = zipf_draw(reps, r);
    snprintf(t->event_id, ID_SIZE, "e%" PRIx64 "-%ld", opt->seed, i);
    snprintf(t->org_id, ID_SIZE, "org%ld", org);
    snprintf(t->owner_id, ID_SIZE, "rep%ld", rep);
    snprintf(t->team_id, ID_SIZE, "team%ld", rep % 20);
    snprintf(t->deal_id, ID_SIZE, "d%ld", i);
    snprintf(t->product_id, ID_SIZE, "p%d", (int)(random_next(r) % 12));
    event.event_id = t->event_id;
    event.org_id = t->org_id;
    event.has_occurred_at_ms = 1;
    event.occurred_at_ms = first_event_ms + i * opt->step_micros / 1000 - behind_ms;
    event.owner_id = t->owner_id;
    event.team_id = t->team_id;
    event.product_id = t->product_id;
    event.currency = currency;
    event.body_case = CRMPULSE__V1__EVENT__BODY_DEAL_CLOSED;
    event.deal_closed = &deal;
    deal.deal_id = t->deal_id;
    deal.outcome = random_next(r) % 100 < 38 ? won : lost;
    deal.has_amount_micros = 1;
    deal.amount_micros = (int64_t)(1 + random_next(r) % 50000) * 1000000;
    event.region = region;
    if (opt->rich)
        add_rich(&event, &deal, t, r);
    else
        event.source = source;
    return crmpulse__v1__event__pack(&event, buf);
}

/* One message into the producer's queue; waits, bounded, while the queue is full. */
static int produce(rd_kafka_t *rk, const struct options *opt, const char *key, const uint8_t *bytes, size_t n)
{
    for (int tries = 0; tries < FULL_QUEUE_TRIES; tries++) {
        rd_kafka_resp_err_t err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(opt->topic), RD_KAFKA_V_KEY(key, strlen(key)),
                                                    RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, n),
                                                    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            if (err)
                fprintf(stderr, "fill: %s\n", rd_kafka_err2str(err));
            return err ? -1 : 0;
        }
        rd_kafka_poll(rk, FULL_QUEUE_WAIT_MS);
    }
    fprintf(stderr, "fill: the broker takes nothing\n");
    return -1;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    long *failed = opaque;
    *failed += message->err != 0;
}

static rd_kafka_t *open_producer(const struct options *opt, long *failed)
{
    const char *settings[][2] = {
        { "bootstrap.servers", opt->bootstrap },
        { "compression.codec", opt->codec },
        { "partitioner", "murmur2_random" },
        { "enable.idempotence", "true" },
        { "linger.ms", "20" },
        { "queue.buffering.max.messages", "500000" },
    };
    char error[ERROR_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) != RD_KAFKA_CONF_OK) {
            fprintf(stderr, "fill: %s\n", error);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, failed);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!rk) {
        fprintf(stderr, "fill: %s\n", error);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

/* A new event into `next`; late ones are counted. `faults` decides what is late, so that events without faults are the same bytes. */
static void make_event(const struct options *opt, const struct zipf *orgs, const struct zipf *reps, struct random *r,
                       struct random *faults, long i, struct kept *next, struct totals *totals)
{
    struct texts t;
    uint8_t buf[MESSAGE_MAX];
    int64_t behind_ms = 0;
    if (random_next(faults) % 100 < (uint64_t)opt->late_percent) {
        behind_ms = LATE_MIN_MS + (int64_t)(random_next(faults) % LATE_SPAN_MS);
        totals->late++;
    }
    next->n = pack_event(opt, orgs, reps, r, i, behind_ms, &t, buf);
    if (next->n > KEPT_MAX)
        abort();
    memcpy(next->bytes, buf, next->n);
    memcpy(next->key, opt->by_deal ? t.deal_id : t.org_id, ID_SIZE);
}

static int send_all(rd_kafka_t *rk, const struct options *opt, const struct zipf *orgs, const struct zipf *reps,
                    struct kept *kept, struct totals *totals)
{
    struct random r = { .state = opt->seed };
    struct random faults = { .state = ~opt->seed };
    long made = 0;
    for (long i = 0; i < opt->events; i++) {
        bool again = made > 0 && random_next(&faults) % 100 < (uint64_t)opt->duplicate_percent;
        long back = again ? (long)(random_next(&faults) % (uint64_t)(made < KEPT_MESSAGES ? made : KEPT_MESSAGES)) : 0;
        if (again)
            totals->duplicates++;
        else
            make_event(opt, orgs, reps, &r, &faults, i, &kept[made++ % KEPT_MESSAGES], totals);
        const struct kept *message = &kept[(made - 1 - back) % KEPT_MESSAGES];
        if (produce(rk, opt, message->key, message->bytes, message->n) < 0)
            return -1;
        totals->bytes += message->n;
        if (i % 1000 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_resp_err_t err = rd_kafka_flush(rk, FLUSH_MS);
    if (err)
        fprintf(stderr, "fill: %s\n", rd_kafka_err2str(err));
    return err ? -1 : 0;
}

static int fill(const struct options *opt)
{
    struct zipf orgs = { 0 };
    struct zipf reps = { 0 };
    long failed = 0;
    struct totals totals = { 0 };
    struct kept *kept = calloc(KEPT_MESSAGES, sizeof *kept);
    int status = 1;
    if (kept && zipf_init(&orgs, opt->orgs) == 0 && zipf_init(&reps, opt->reps) == 0) {
        rd_kafka_t *rk = open_producer(opt, &failed);
        if (rk) {
            status = send_all(rk, opt, &orgs, &reps, kept, &totals) < 0 || failed ? 1 : 0;
            rd_kafka_destroy(rk);
        }
    }
    free(orgs.upto);
    free(reps.upto);
    free(kept);
    printf("{\"what\":\"fill\",\"topic\":\"%s\",\"events\":%ld,\"failed\":%ld,\"seed\":%" PRIu64
           ",\"duplicates\":%ld,\"late\":%ld,\"step_micros\":%ld,\"bytes_per_event\":%.1f}\n",
           opt->topic, opt->events, failed, opt->seed, totals.duplicates, totals.late, opt->step_micros,
           (double)totals.bytes / (double)opt->events);
    return status;
}

static int usage(void)
{
    fputs("usage: bench_fill --brokers B --topic T [--events N] [--seed N] [--orgs N] [--reps N] [--codec "
          "none|lz4|zstd]\n"
          "                  [--step MICROSECONDS] [--duplicates PERCENT] [--late PERCENT] [--by-deal] [--rich]\n",
          stderr);
    return 64;
}

static int read_number(const char *text, long least, long *ret)
{
    char *end;
    *ret = strtol(text, &end, 10);
    return *text && !*end && *ret >= least ? 0 : -1;
}

/* The options that take a number: where it goes, and what is refused. */
static int take_number(struct options *opt, long *seed, int c, const char *text)
{
    const struct {
        int c;
        long *to, least;
    } numbers[] = {
        { 'n', &opt->events, 1 },       { 's', seed, 1 },
        { 'o', &opt->orgs, 1 },         { 'r', &opt->reps, 1 },
        { 'm', &opt->step_micros, 1 },  { 'u', &opt->duplicate_percent, 0 },
        { 'l', &opt->late_percent, 0 },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (numbers[i].c == c)
            return read_number(text, numbers[i].least, numbers[i].to);
    return -1;
}

int main(int argc, char **argv)
{
    static const struct option names[] = {
        { "brokers", required_argument, NULL, 'b' },
        { "topic", required_argument, NULL, 't' },
        { "events", required_argument, NULL, 'n' },
        { "seed", required_argument, NULL, 's' },
        { "orgs", required_argument, NULL, 'o' },
        { "reps", required_argument, NULL, 'r' },
        { "codec", required_argument, NULL, 'c' },
        { "step", required_argument, NULL, 'm' },
        { "duplicates", required_argument, NULL, 'u' },
        { "late", required_argument, NULL, 'l' },
        { "by-deal", no_argument, NULL, 'd' },
        { "rich", no_argument, NULL, 'x' },
        { NULL, 0, NULL, 0 },
    };
    struct options opt = { .codec = "lz4",
                           .events = 1000000,
                           .orgs = 64,
                           .reps = 2000,
                           .step_micros = 1000,
                           .duplicate_percent = 1,
                           .late_percent = 2 };
    long seed = 42;
    int bad = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'b')
            opt.bootstrap = optarg;
        else if (c == 't')
            opt.topic = optarg;
        else if (c == 'c')
            opt.codec = optarg;
        else if (c == 'd')
            opt.by_deal = 1;
        else if (c == 'x')
            opt.rich = 1;
        else
            bad |= take_number(&opt, &seed, c, optarg);
    }
    opt.seed = (uint64_t)seed;
    return bad || !opt.bootstrap || !opt.topic ? usage() : fill(&opt);
}

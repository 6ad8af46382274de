/* The doctor's questions to Kafka: do brokers answer, are the topics there, do their settings keep what has to be kept? */
#include "crmpulse/kafka_look.h"
#include "doctor.h"

enum { WAIT_MS = 8000, DAY_MS = 86400000, WEEK_DAYS = 7 };

/* Both kinds: can the log be relied on? */
static void look_at_replicas(struct doctor *d, const char *what, const struct kafka_topic *t)
{
    if (t->without_leader)
        doctor_tell(d, FINDING_FAIL, what, "%d of %d partitions have no leader: start the brokers that hold them",
                    t->without_leader, t->partitions);
    if (!t->described)
        doctor_tell(
            d, FINDING_WARN, what,
            "its settings cannot be seen (%s): give the user DescribeConfigs on the topic, or look there yourself",
            t->why);
    else if (t->min_insync > t->replicas_min)
        doctor_tell(
            d, FINDING_FAIL, what,
            "min.insync.replicas is %lld, but there are %d replicas: nothing can be written; lower it, or add replicas",
            (long long)t->min_insync, t->replicas_min);
    else if (t->replicas_min < 2)
        doctor_tell(
            d, FINDING_WARN, what,
            "one replica: what is on a broker's disk goes with it; 3 replicas and min.insync.replicas 2 lose nothing");
    else if (t->min_insync < 2)
        doctor_tell(d, FINDING_WARN, what,
                    "min.insync.replicas is 1: an acknowledged record may be on one broker only; set it to 2");
}

static void look_at_input(struct doctor *d, struct kafka_look *k, const char *topic)
{
    char what[300];
    struct kafka_topic t;
    snprintf(what, sizeof what, "kafka input %s", topic);
    kafka_look_topic(k, topic, WAIT_MS, &t);
    if (!t.partitions) {
        doctor_tell(d, FINDING_FAIL, what,
                    "there is no such topic, or the user may not describe it: create it, with as many partitions as "
                    "daemons may ever share the work");
        return;
    }
    doctor_tell(d, FINDING_OK, what, "%d partitions", t.partitions);
    look_at_replicas(d, what, &t);
    if (!t.described)
        return;
    if (strstr(t.cleanup, "compact"))
        doctor_tell(d, FINDING_FAIL, what,
                    "cleanup.policy is %s: compaction removes events that were never counted, and a partition whose "
                    "last applied record is gone halts; "
                    "set it to delete",
                    t.cleanup);
    const long long days = (long long)(t.retention_ms / DAY_MS);
    if (t.retention_ms < 0)
        doctor_tell(d, FINDING_OK, what, "kept for ever: all can be read again");
    else
        doctor_tell(d, days < WEEK_DAYS ? FINDING_WARN : FINDING_OK, what,
                    "retention.ms is %lld d%s: an outage that lasts longer loses events, and run --rebuild reaches no "
                    "further back",
                    days, days < WEEK_DAYS ? "; a week at least is wise" : "");
    if (t.retention_bytes >= 0)
        doctor_tell(d, FINDING_WARN, what,
                    "retention.bytes is %lld: a burst shortens what can be read again; -1 is no limit",
                    (long long)t.retention_bytes);
    if (t.message_max > d->config->kafka.message_bytes_max)
        doctor_tell(d, FINDING_WARN, what,
                    "takes records of %lld bytes, kafka.message_max is %lld: larger ones go to the dead letter unread",
                    (long long)t.message_max, (long long)d->config->kafka.message_bytes_max);
}

static void look_at_output(struct doctor *d, struct kafka_look *k, const char *name, const char *topic)
{
    char what[300];
    struct kafka_topic t;
    if (!topic || !*topic)
        return;
    snprintf(what, sizeof what, "kafka output %s", topic);
    kafka_look_topic(k, topic, WAIT_MS, &t);
    if (!t.partitions) {
        doctor_tell(d, FINDING_FAIL, what,
                    "there is no such topic, or the user may not describe it: create it, or set kafka.topics.%s to "
                    "\"\"; else the outbox fills "
                    "until reading stops",
                    name);
        return;
    }
    doctor_tell(d, FINDING_OK, what, "%d partitions", t.partitions);
    look_at_replicas(d, what, &t);
    if (t.described && strcmp(t.cleanup, "compact") == 0)
        doctor_tell(
            d, FINDING_WARN, what,
            "cleanup.policy is compact: of what has the same key only the newest stays; delete keeps the history");
}

void doctor_kafka(struct doctor *d)
{
    char err[512] = "";
    const struct config *c = d->config;
    const struct {
        const char *name, *topic;
    } outputs[] = {
        { "alerts", c->kafka.alerts }, { "boards", c->kafka.boards }, { "scorecards", c->kafka.scorecards },
        { "kpis", c->kafka.kpis },     { "late", c->kafka.late },     { "dead_letter", c->kafka.dead_letter }
    };
    struct kafka_look *k = kafka_look_new(c, err, sizeof err);
    int brokers = k ? kafka_look_brokers(k, WAIT_MS, err, sizeof err) : -1;
    if (brokers < 0) {
        doctor_tell(d, FINDING_FAIL, "kafka",
                    "%s: %s; check kafka.brokers, the network, and with security the user and certificates",
                    c->kafka.brokers, err);
        kafka_look_free(k);
        return;
    }
    doctor_tell(d, FINDING_OK, "kafka", "%d brokers answer at %s", brokers, c->kafka.brokers);
    for (uint32_t i = 0; i < c->kafka.n_inputs; i++)
        look_at_input(d, k, c->kafka.input[i]);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        look_at_output(d, k, outputs[i].name, outputs[i].topic);
    kafka_look_free(k);
}

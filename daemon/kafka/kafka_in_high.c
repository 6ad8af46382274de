/* The end of a partition's log as the consumer saw it last: no question to a broker. */
#include "kafka_in_int.h"

int64_t kafka_in_high(struct kafka_in *in, struct slice topic, int32_t partition)
{
    char name[256]; /* a topic's name has at most 249 bytes */
    int64_t low, high;
    if (!in || in->closing)
        return -1;
    snprintf(name, sizeof name, "%.*s", (int)topic.n, topic.p);
    if (rd_kafka_get_watermark_offsets(in->rk, name, partition, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high < 0 ? -1 : high;
}

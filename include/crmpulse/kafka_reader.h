/* Reads all partitions of one topic without a group: for `crmpulse tap` and for tests. It blocks, and commits nothing. */
#ifndef CRMPULSE_KAFKA_READER_H
#define CRMPULSE_KAFKA_READER_H

#include "crmpulse/config.h"

struct kafka_reader;

/* Borrowed until the next call. */
struct kafka_record {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct slice key, value; /* p NULL: none, a tombstone */
    struct slice type;       /* header ce_type, may be empty */
    struct slice id;         /* header ce_id, may be empty */
};

enum kafka_read { KAFKA_READ_RECORD, KAFKA_READ_NOTHING, KAFKA_READ_ALL_ENDS, KAFKA_READ_ERROR };

/* Starts at the beginning of all partitions, or at their ends. NULL with the reason in `err` (no such topic, no broker in 10 s). */
struct kafka_reader *kafka_reader_new(const struct config *config, const char *topic, bool from_beginning, char *err,
                                      size_t err_cap);

/* The next record, waiting at most wait_ms. ALL_ENDS is said each time the last of the partitions has come to its end as it was then. ERROR
 * fills `err`: the reader cannot go on. */
enum kafka_read kafka_reader_next(struct kafka_reader *r, int wait_ms, struct kafka_record *ret, char *err,
                                  size_t err_cap);

/* Accepts NULL. */
void kafka_reader_free(struct kafka_reader *r);

#endif

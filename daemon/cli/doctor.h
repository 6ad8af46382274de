/* crmpulse doctor: findings, one line each. doctor.c runs the parts; doctor_kafka.c and doctor_redis.c ask. */
#ifndef CRMPULSE_DOCTOR_H
#define CRMPULSE_DOCTOR_H

#include "crmpulse/config.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct doctor {
    const struct config *config;
    bool quiet; /* only what is not well */
    uint32_t count[3];
};

/* "warn  redis: ...". A finding that is not well says what to do. */
__attribute__((format(printf, 4, 5))) void doctor_tell(struct doctor *d, enum finding how, const char *what,
                                                       const char *format, ...);

void doctor_kafka(struct doctor *d);
void doctor_redis(struct doctor *d);

#endif

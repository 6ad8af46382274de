/* crmpulse version: ours, and the libraries this process runs on. */
#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <unicode/uversion.h>
#include <uv.h>

#include "crmpulse/cli.h"

#ifndef CRMPULSE_VERSION
#define CRMPULSE_VERSION "0.1.0"
#endif

int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("crmpulse %s\n", CRMPULSE_VERSION);
    printf("librdkafka %s\nhiredis %d.%d.%d\nprotobuf-c %s\nlibuv %s\nicu %s\n", rd_kafka_version_str(), HIREDIS_MAJOR,
           HIREDIS_MINOR, HIREDIS_PATCH, protobuf_c_version(), uv_version_string(), U_ICU_VERSION);
    return 0;
}

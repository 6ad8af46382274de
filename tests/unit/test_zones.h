/* Zones typed by hand from the published rules of each, for tests that must not lean on ICU. Only the years named are right. */
#ifndef CRMPULSE_TEST_ZONES_H
#define CRMPULSE_TEST_ZONES_H

#include "crmpulse/calendar.h"

#define TEST_HOUR INT64_C(3600000)
#define TEST_DAY  INT64_C(86400000)

#define TEST_ZONE(id, label, count)                                                                                    \
    static const struct zone id = { .name = label, .n = count, .at_ms = id##_at, .offset_ms = id##_offset }

/* Fixed: UTC+8 since 1991; UTC+5:30. */
static const int64_t shanghai_at[] = { INT64_MIN };
static const int32_t shanghai_offset[] = { 28800000 };
TEST_ZONE(shanghai, "Asia/Shanghai", 1);

static const int64_t kolkata_at[] = { INT64_MIN };
static const int32_t kolkata_offset[] = { 19800000 };
TEST_ZONE(kolkata, "Asia/Kolkata", 1);

/* 2025: summer time from 30 March 01:00Z to 26 October 01:00Z. */
static const int64_t berlin_at[] = { INT64_MIN, 1743296400000, 1761440400000 };
static const int32_t berlin_offset[] = { 3600000, 7200000, 3600000 };
TEST_ZONE(berlin, "Europe/Berlin", 3);

/* 2006: back from UTC-2:30 to UTC-3:30 on 29 October at 00:01 local (02:31Z), which is 23:01 of the 28th again. */
static const int64_t st_johns_at[] = { INT64_MIN, 1162089060000 };
static const int32_t st_johns_offset[] = { -9000000, -12600000 };
TEST_ZONE(st_johns, "America/St_Johns", 2);

/* 2025: from UTC+11 to UTC+10:30 on 6 April 02:00 local (5 April 15:00Z), back on 5 October 02:00 local (4 October 15:30Z). */
static const int64_t lord_howe_at[] = { INT64_MIN, 1743865200000, 1759591800000 };
static const int32_t lord_howe_offset[] = { 39600000, 37800000, 39600000 };
TEST_ZONE(lord_howe, "Australia/Lord_Howe", 3);

/* 29 December 2011 was followed by the 31st: UTC-10 to UTC+14 at 2011-12-30T10:00Z. */
static const int64_t apia_at[] = { INT64_MIN, 1325239200000 };
static const int32_t apia_offset[] = { -36000000, 50400000 };
TEST_ZONE(apia, "Pacific/Apia", 2);

/* 2018: back from UTC-2 to UTC-3 on 18 February at 00:00 local (02:00Z), which is 23:00 of the 17th again. */
static const int64_t sao_paulo_at[] = { INT64_MIN, 1518919200000 };
static const int32_t sao_paulo_offset[] = { -7200000, -10800000 };
TEST_ZONE(sao_paulo, "America/Sao_Paulo", 2);

/* Made up: clocks go forward by an hour at midnight of 10 March 2025 (as Sao Paulo and Beirut did). */
static const int64_t no_midnight_at[] = { INT64_MIN, 1741564800000 };
static const int32_t no_midnight_offset[] = { 0, 3600000 };
TEST_ZONE(no_midnight, "Test/No_Midnight", 2);

#endif

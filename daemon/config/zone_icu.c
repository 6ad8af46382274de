/* Walks ICU's transitions of a zone once and keeps them as a table. Answers no calendar question itself. */
#include "crmpulse/zone_icu.h"

#include <errno.h>
#include <stdlib.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#define FIRST_MS (-2208988800000.0) /* 1900-01-01T00:00Z */
#define LAST_MS  4133980800000.0    /* 2101-01-01T00:00Z */

enum {
    NAME_MAX_BYTES = 63,
    ENTRIES_MAX = 4096 /* two a year for 200 years are 400; more than ten times that is no zone */
};

struct entries {
    uint32_t n;
    int64_t at_ms[ENTRIES_MAX];
    int32_t offset_ms[ENTRIES_MAX];
};

/* Names ICU keeps from Java. They are not in the IANA database and some mean what nobody expects (IST, BST, CST). */
static bool legacy(const char *name)
{
    static const char names[][4] = { "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT",
                                     "CST", "CTT", "EAT", "ECT", "IET", "IST", "JST", "MIT", "NET",
                                     "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "SystemV/", 8) == 0 || strcmp(name, "Etc/Unknown") == 0;
}

/* ICU opens an unknown zone as GMT without a word, so the name is checked first. Returns 0 and its UTF-16 form. */
static int check_name(const char *name, UChar *ret_id)
{
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || legacy(name))
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-", name[i]))
            return -EINVAL;
    u_charsToUChars(name, ret_id, (int32_t)n + 1);
    UErrorCode status = U_ZERO_ERROR;
    UBool known = false;
    UChar canonical[128];
    (void)ucal_getCanonicalTimeZoneID(ret_id, (int32_t)n, canonical, 128, &known, &status);
    if (status == U_ILLEGAL_ARGUMENT_ERROR || (U_SUCCESS(status) && !known)) /* not known: "GMT+8" and the like */
        return -EINVAL;
    return U_SUCCESS(status) ? 0 : -EIO;
}

/* Adds an entry unless it repeats the offset before it. */
static int add_entry(struct entries *entries, UCalendar *calendar, int64_t at_ms)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t offset_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, &status) + ucal_get(calendar, UCAL_DST_OFFSET, &status);
    if (U_FAILURE(status))
        return -EIO;
    if (entries->n && entries->offset_ms[entries->n - 1] == offset_ms)
        return 0;
    if (entries->n == ENTRIES_MAX)
        return -EIO;
    entries->at_ms[entries->n] = at_ms;
    entries->offset_ms[entries->n++] = offset_ms;
    return 0;
}

static int walk(UCalendar *calendar, struct entries *entries)
{
    UErrorCode status = U_ZERO_ERROR;
    UDate now_ms = FIRST_MS, next_ms;
    ucal_setMillis(calendar, now_ms, &status);
    int rc = U_FAILURE(status) ? -EIO : add_entry(entries, calendar, INT64_MIN);
    while (rc == 0 && ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &next_ms, &status)) {
        if (U_FAILURE(status) || next_ms <= now_ms)
            return -EIO;
        if (next_ms >= LAST_MS)
            return 0;
        now_ms = next_ms;
        ucal_setMillis(calendar, now_ms, &status);
        rc = U_FAILURE(status) ? -EIO : add_entry(entries, calendar, (int64_t)now_ms);
    }
    return U_FAILURE(status) ? -EIO : rc;
}

/* One block: times, offsets, name. */
static int build(const struct entries *entries, const char *name, struct zone *ret)
{
    size_t times = entries->n * sizeof(int64_t), offsets = entries->n * sizeof(int32_t), name_n = strlen(name) + 1;
    char *block = malloc(times + offsets + name_n);
    if (!block)
        return -ENOMEM;
    memcpy(block, entries->at_ms, times);
    memcpy(block + times, entries->offset_ms, offsets);
    memcpy(block + times + offsets, name, name_n);
    *ret = (struct zone){
        .name = block + times + offsets,
        .n = entries->n,
        .at_ms = (const int64_t *)block,
        .offset_ms = (const int32_t *)(block + times),
    };
    return 0;
}

int zone_icu_load(const char *iana_name, struct zone *ret)
{
    UChar id[NAME_MAX_BYTES + 1];
    *ret = (struct zone){ 0 };
    int rc = check_name(iana_name, id);
    if (rc)
        return rc;
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = ucal_open(id, -1, "en", UCAL_GREGORIAN, &status);
    struct entries *entries = calloc(1, sizeof *entries);
    if (U_FAILURE(status))
        rc = status == U_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
    else if (!entries)
        rc = -ENOMEM;
    else
        rc = walk(calendar, entries);
    if (rc == 0)
        rc = build(entries, iana_name, ret);
    free(entries);
    if (calendar)
        ucal_close(calendar);
    return rc;
}

void zone_icu_free(struct zone *zone)
{
    free((void *)zone->at_ms); /* the start of the block */
    *zone = (struct zone){ 0 };
}

const char *zone_icu_version(void)
{
    UErrorCode status = U_ZERO_ERROR;
    const char *version = ucal_getTZDataVersion(&status);
    return U_SUCCESS(status) ? version : "";
}

/* Zone tables out of ICU's copy of the IANA time zone database. The only place that knows ICU; the calendar works on the table. */
#ifndef CRMPULSE_ZONE_ICU_H
#define CRMPULSE_ZONE_ICU_H

#include "crmpulse/calendar.h"

/* Builds the offsets of 1900..2100 (before and after, the first and the last one hold). The name is case-sensitive; abbreviations that
 * only ICU knows ("PST", "BST" for Bangladesh) and offsets ("GMT+8") are refused. Returns 0 and a table that zone_icu_free releases, or
 * -EINVAL for an unknown name, -ENOMEM, -EIO if ICU failed (no data); then *ret is zeroed. */
int zone_icu_load(const char *iana_name, struct zone *ret);

/* Releases and zeroes a table of zone_icu_load; a zeroed one is fine. */
void zone_icu_free(struct zone *zone);

/* "2022e": the release of the time zone database that ICU carries; "" if ICU failed. Static storage of ICU. */
const char *zone_icu_version(void);

#endif

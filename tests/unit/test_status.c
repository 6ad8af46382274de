/* What the daemon tells of itself where nothing is read. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "daemon/daemon.h"

Test(status, every_phase_has_a_word)
{
    static const struct {
        enum ingest_state state;
        const char *word;
    } rows[] = {
        { INGEST_UNASSIGNED, "unassigned" }, { INGEST_CLAIMING, "claiming" },   { INGEST_VERIFYING, "verifying" },
        { INGEST_RUNNING, "running" },       { INGEST_REWINDING, "rewinding" },
    };
    struct daemon *d = calloc(1, sizeof *d);
    cr_assert_not_null(d);
    cr_expect_str_eq(status_phase(d), "starting");
    d->started = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        d->ingest.state = rows[i].state;
        const char *word = status_phase(d);
        cr_expect(word && strcmp(word, rows[i].word) == 0, "%s: %s", rows[i].word, word ? word : "NULL");
    }
    free(d);
}

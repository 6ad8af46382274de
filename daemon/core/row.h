/* A KPI value as the row that is published, with the texts it needs. */
#ifndef CRMPULSE_CORE_ROW_H
#define CRMPULSE_CORE_ROW_H

#include "kpi_value.h"

/* Room for the texts of one row; the row borrows from it. */
struct row_text {
    char id[33], hash[17], flags[1024];
};

struct row_note {
    bool final, judged, late_revision;
    bool nameless; /* nobody asks for its id and definition hash: they stay empty */
    int64_t revision;
};

void row_make(struct row_text *text, const struct reading *r, const struct subject *s, int kpi,
              const struct kpi_value *v, struct row_note note, struct kpi_row *ret);

/* Hash of what a reader would see change: value, parts, distribution, flags; of the window only a civil one's start. Never 0. */
uint64_t row_hash(const struct kpi_row *row, const struct window *w);

/* Hex of a 64-bit definition hash (17 bytes with NUL), and of the XXH3-128 over texts and numbers (33 bytes). */
void hex_hash(uint64_t hash, char *buf);
struct slice hex_id(const struct slice *parts, uint32_t n_parts, const int64_t *numbers, uint32_t n_numbers, char *buf);
int64_t double_bits(double d);

#endif

/* What must have come out: an uninterrupted run of the same core on the same facts, and the comparison with what the world holds. */
#ifndef CRMPULSE_SIM_CHECK_H
#define CRMPULSE_SIM_CHECK_H

#include "crmpulse/eval.h"
#include "history.h"

/* Text to number or text; entries stay. */
struct book;
struct book *book_new(void);
void book_free(struct book *b);
void book_add(struct book *b, struct slice key, int64_t value);     /* summed up */
void book_put(struct book *b, struct slice key, struct slice text); /* replaces */
void book_drop(struct book *b, struct slice prefix,
               struct slice key);                               /* key; without one: all that begins with prefix */
struct slice book_text(const struct book *b, struct slice key); /* p NULL: none */
typedef void (*book_each)(void *ctx, struct slice key, int64_t value, struct slice text);
void book_walk(const struct book *b, book_each each, void *ctx);

/* Everything an uninterrupted run makes of a history. */
struct reference {
    struct book *cells; /* "<org>:<grain>:<pane>|<field>" -> sum */
    struct book *views; /* "<key>\n<field>" -> text */
    struct broker *out;
    uint32_t refused; /* records that are no events, by place */
    uint32_t late;    /* events that were too late or of the erased, and corrections given up */
};
int reference_make(struct sim *w, struct reference *ret);
void reference_release(struct reference *r);
/* Asks the evaluator of an uninterrupted run that knows what happened up to now_ms. Returns what `ask` did, or -1. */
typedef int (*reference_ask)(struct evaluator *e, void *ctx);
int reference_at(struct sim *w, int64_t now_ms, reference_ask ask, void *ctx);

/* same.c: a board, or a card of an ended cycle (or any), as it was told last before; a board never told is one of zeros. */
struct message_out;
bool same_board_told(const struct message_out *m, const struct broker *in);
bool same_card_told(const struct message_out *m, const struct broker *in, bool any);
/* Revisions of the same tick that differ in their number alone. */
bool same_board(const struct message_out *want, const struct message_out *is);
bool same_card(const struct message_out *want, const struct message_out *is);
/* A revised card with the figures of its tick; a revised board or card with those of the end of its window or cycle, which may never have been told. */
bool true_card(struct sim *w, const struct message_out *m);
bool board_of_the_end(struct sim *w, const struct message_out *m);
bool card_of_the_end(struct sim *w, const struct message_out *m);
/* The newest revision of the row's window says the same on both sides. */
bool same_row_at_last(const struct message_out *want, const struct broker *ref, const struct broker *in);

/* Compare the world with it; differences are violations. */
void check_end(struct sim *w);

#endif

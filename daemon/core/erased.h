/* The mark of an erased user or customer (C6): who was erased is remembered under a name made of a hash, so that neither rows nor boards list an id that the panes still
 * hold, and the mark itself tells no id. Ids that somebody knows can be recognised in it; it is no encryption. */
#ifndef CRMPULSE_CORE_ERASED_H
#define CRMPULSE_CORE_ERASED_H

#include "crmpulse/fact.h"

enum { ERASED_MARK_SIZE = 33 };

/* An erased id begins with a byte that no id needs: it is no subject and no member. */
enum { NOBODY = 0x7f };
static inline bool id_is_nobody(struct slice id)
{
    return id.n > 0 && id.p[0] == NOBODY;
}

/* How the name begins that stands for an erased id where its history is kept (erase: keep). */
#define ERASED_NAME "erased-"

/* The dimensions whose subjects are people: users and customers. */
static inline bool dim_has_marks(enum dim dim)
{
    return dim == DIM_REP || dim == DIM_CUSTOMER;
}

/* Into buf, which the result borrows: a name of nobody. */
struct slice erased_mark(struct slice id, char buf[ERASED_MARK_SIZE]);

#endif

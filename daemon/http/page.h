/* The page's files, embedded in the program. They hold no figures, so they need no token. */
#ifndef CRMPULSE_HTTP_PAGE_H
#define CRMPULSE_HTTP_PAGE_H

#include "daemon/http/answer.h"

/* False: there is no such file. "/" is index.html. */
bool page_answer(struct slice path, struct http_answer *a);
bool page_has(struct slice path);

#endif

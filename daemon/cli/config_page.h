/* The runtime keys as a page for people. Private to the command check. */
#ifndef CRMPULSE_CONFIG_PAGE_H
#define CRMPULSE_CONFIG_PAGE_H

#include <stdio.h>

/* Markdown: a table for each section of the table of keys (daemon/config/keys.def). 0, or -1 if writing failed. */
int config_page(FILE *to);

#endif

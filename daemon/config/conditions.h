/* Conditions of rules: "< 0.80", or an expression over the names of the rule. Not for other modules than rules.c. */
#ifndef CRMPULSE_CONFIG_CONDITIONS_H
#define CRMPULSE_CONFIG_CONDITIONS_H

#include "loader.h"

/* A rule being read. */
struct rule_loader {
    struct loader *l;
    struct entry *e;
    struct rule_def *rule;
    const struct kpi_def *kpi; /* NULL: unknown */
};

/* fire, clear, critical and page, once everything they may name is known. */
void conditions_load(struct rule_loader *x);

/* Whether the name means something in every rule. */
bool rule_name_is_taken(struct slice name);

#endif

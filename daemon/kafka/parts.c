/* Rows of partitions by topic name and number. A consumer has few topics: they are searched one by one, the latest first. */
#include <stdlib.h>

#include "parts.h"

enum { PARTITIONS_MAX = 1 << 16 };

static struct part_topic *topic_at(const struct parts *parts, const char *name, size_t n, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < parts->n; i++) {
        uint32_t at = (parts->last + i) % parts->n;
        struct part_topic *t = parts->topic[at];
        if (strncmp(t->name, name, n) == 0 && t->name[n] == '\0') {
            *ret_index = at;
            return t;
        }
    }
    return NULL;
}

static struct part_topic *topic_new(struct parts *parts, struct slice name)
{
    struct part_topic **grown = realloc(parts->topic, (parts->n + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    parts->topic = grown;
    struct part_topic *t = calloc(1, sizeof *t);
    if (t)
        t->name = strndup(name.p, name.n);
    if (!t || !t->name) {
        free(t);
        return NULL;
    }
    parts->topic[parts->n++] = t;
    return t;
}

static int topic_grow(struct part_topic *t, uint32_t n)
{
    if (n <= t->n)
        return 0;
    struct part *grown = realloc(t->part, n * sizeof *grown);
    if (!grown)
        return -1;
    memset(grown + t->n, 0, (n - t->n) * sizeof *grown);
    t->part = grown;
    t->n = n;
    return 0;
}

struct part *parts_row(struct parts *parts, struct slice topic, int32_t partition)
{
    uint32_t at;
    if (partition < 0 || partition >= PARTITIONS_MAX)
        return NULL;
    struct part_topic *t = topic_at(parts, topic.p, topic.n, &at);
    if (!t)
        t = topic_new(parts, topic);
    return t && topic_grow(t, (uint32_t)partition + 1) == 0 ? &t->part[partition] : NULL;
}

struct part *parts_find(struct parts *parts, const char *topic, int32_t partition, struct slice *ret_topic)
{
    uint32_t at;
    size_t n = strlen(topic);
    struct part_topic *t = topic_at(parts, topic, n, &at);
    if (!t || partition < 0 || (uint32_t)partition >= t->n)
        return NULL;
    parts->last = at;
    *ret_topic = (struct slice){ t->name, (uint32_t)n };
    return &t->part[partition];
}

void parts_release(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->n; i++) {
        free(parts->topic[i]->name);
        free(parts->topic[i]->part);
        free(parts->topic[i]);
    }
    free(parts->topic);
    *parts = (struct parts){ 0 };
}

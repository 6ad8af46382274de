/* The body of an incoming webhook of Slack: text alone. Names from data are text: & < > are escaped, so that none is a mention or a link, and a line's end is
 * a blank. */
#include <stdio.h>
#include <string.h>

#include "crmpulse/notify.h"
#include "daemon/codec/json_text.h"
#include "daemon/notify/body.h"

enum { LINE_MAX_BYTES = 6 * SENTENCE_MAX, MESSAGE_MAX = 128 + BODY_SLACK_LINES * LINE_MAX_BYTES };

struct message {
    size_t n;
    char text[MESSAGE_MAX];
};

static void add(struct message *to, const char *text)
{
    const size_t n = strlen(text);
    if (to->n + n >= sizeof to->text)
        return;
    memcpy(to->text + to->n, text, n + 1);
    to->n += n;
}

static void add_escaped(struct message *to, const char *text)
{
    for (; *text; text++) {
        const char plain[2] = { (unsigned char)*text < 0x20 ? ' ' : *text };
        add(to, *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : plain);
    }
}

static void add_line(struct message *to, const struct body_context *c, const struct told *v)
{
    char sentence[SENTENCE_MAX];
    body_sentence(c->defs, v->note, sentence);
    add(to, v->resolved ? "*RESOLVED* " : v->note->passing ? "*PASSED* " : "*FIRING* ");
    if (!v->resolved && !v->note->passing) {
        add(to, notify_level_name((enum notify_level)v->note->level));
        add(to, " ");
    }
    add_escaped(to, v->note->m->rule);
    add(to, ": ");
    add_escaped(to, sentence);
}

struct slice body_slack(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n)
{
    struct json_text t;
    struct message *m = arena_alloc(a, sizeof *m);
    char head[96];
    uint32_t resolved = 0;
    if (!m)
        return (struct slice){ 0 };
    m->n = 0;
    m->text[0] = 0;
    for (uint32_t i = 0; i < n; i++)
        resolved += v[i].resolved;
    if (n > 1) {
        snprintf(head, sizeof head, "%u alerts: %u firing, %u resolved", n, n - resolved, resolved);
        add(m, head);
    }
    for (uint32_t i = 0; i < n && i < BODY_SLACK_LINES; i++) {
        if (n > 1)
            add(m, "\n");
        add_line(m, c, &v[i]);
    }
    if (n > BODY_SLACK_LINES) {
        snprintf(head, sizeof head, "\nand %u more", n - BODY_SLACK_LINES);
        add(m, head);
    }
    json_text_init(&t, a);
    json_text_open(&t, '{');
    body_text(&t, "text", m->text);
    json_text_close(&t, '}');
    return json_text_end(&t);
}

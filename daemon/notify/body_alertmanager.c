/* The body of POST /api/v2/alerts. */
#include "daemon/codec/json_text.h"
#include "daemon/notify/body.h"

struct slice body_alertmanager(struct arena *a, const struct body_context *c, const struct told *v, uint32_t n)
{
    struct json_text t;
    json_text_init(&t, a);
    json_text_open(&t, '[');
    for (uint32_t i = 0; i < n; i++) {
        json_text_open(&t, '{');
        body_labels(&t, v[i].note);
        body_annotations(&t, "annotations", c->defs, v[i].note);
        body_time(&t, "startsAt", v[i].starts_ms);
        body_time(&t, "endsAt", v[i].ends_ms);
        if (*c->external_url)
            body_link(&t, "generatorURL", c, v[i].note);
        json_text_close(&t, '}');
    }
    json_text_close(&t, ']');
    return json_text_end(&t);
}

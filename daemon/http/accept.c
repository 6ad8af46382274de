/* Accept: which of our media types somebody wants most (RFC 9110, 12.5.1). Weights in thousandths; a range that names more decides over one that names
 * less. Of the parameters of a range only "version" is compared, the others are passed over. */
#include <strings.h>

#include "daemon/http/request.h"

enum { WEIGHT_FULL = 1000 };

struct range {
    struct slice type, version;
    int weight;
};

/* Cuts off what is before `c`, outside of quotes. */
static struct slice cut(struct slice *rest, char c)
{
    uint32_t n = 0;
    for (bool quoted = false; n < rest->n && (quoted || rest->p[n] != c); n++)
        quoted ^= rest->p[n] == '"';
    struct slice part = { rest->p, n };
    *rest = n < rest->n ? (struct slice){ rest->p + n + 1, rest->n - n - 1 } : (struct slice){ rest->p + n, 0 };
    return http_trimmed(part);
}

/* "0.8" -> 800; what is no weight counts as 0: it was meant to be one. */
static int weight_of(struct slice s)
{
    static const int scale[] = { 100, 10, 1 };
    int v = s.n && (*s.p == '0' || *s.p == '1') ? (*s.p - '0') * WEIGHT_FULL : -1;
    if (v < 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
        return 0;
    for (uint32_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        v += (s.p[i] - '0') * scale[i - 2];
    }
    return v <= WEIGHT_FULL ? v : 0;
}

static struct slice unquoted(struct slice s)
{
    return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? (struct slice){ s.p + 1, s.n - 2 } : s;
}

static struct range range_of(struct slice text)
{
    struct range r = { .type = cut(&text, ';'), .weight = WEIGHT_FULL };
    while (text.n) {
        struct slice value = cut(&text, ';');
        struct slice name = cut(&value, '=');
        value = unquoted(http_trimmed(value));
        if (http_same_name(name, SLICE("q")))
            r.weight = weight_of(value);
        else if (http_same_name(name, SLICE("version")))
            r.version = value;
    }
    return r;
}

/* How much a range says of a type: 0, it does not hold for it; 1 "any", 2 "text/" and any, 3 the type, 4 with its version. */
static int specific(const struct range *r, const struct range *offer)
{
    if (slice_eq(r->type, SLICE("*/*")))
        return 1;
    const char *slash = offer->type.n ? memchr(offer->type.p, '/', offer->type.n) : NULL;
    const uint32_t main = slash ? (uint32_t)(slash - offer->type.p) + 1 : 0;
    if (main && r->type.n == main + 1 && r->type.p[main] == '*' && strncasecmp(r->type.p, offer->type.p, main) == 0)
        return 2;
    if (!http_same_name(r->type, offer->type))
        return 0;
    return !r->version.n ? 3 : http_same_name(r->version, offer->version) ? 4 : 0;
}

static int weight_for(struct slice accept, const struct range *offer)
{
    int best = 0, weight = 0;
    while (accept.n) {
        const struct range r = range_of(cut(&accept, ','));
        const int says = r.type.n ? specific(&r, offer) : 0;
        if (says > best || (says && says == best && r.weight > weight)) {
            best = says;
            weight = r.weight;
        }
    }
    return weight;
}

int http_accept(struct slice accept, const char *const *offers, int n)
{
    int chosen = -1, most = 0;
    if (!http_trimmed(accept).n)
        return 0;
    for (int i = 0; i < n; i++) {
        const struct range offer = range_of(slice_of(offers[i]));
        const int weight = weight_for(accept, &offer);
        if (weight > most) {
            most = weight;
            chosen = i;
        }
    }
    return chosen;
}

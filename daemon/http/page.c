/* Static files out of the program's own memory, with a tag of their bytes. */
#include "daemon/http/page.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "embedded_web.h"

/* Everything of the page comes from here; nothing is evaluated, framed or sent elsewhere. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

static const struct {
    const char *ending, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
};

static const struct embedded_file *file_of(struct slice path)
{
    const struct slice name = slice_eq(path, SLICE("/")) ? SLICE("index.html")
                              : path.n                   ? (struct slice){ path.p + 1, path.n - 1 }
                                                         : path;
    for (const struct embedded_file *f = embedded_web; f->name; f++)
        if (slice_eq(name, slice_of(f->name)))
            return f;
    return NULL;
}

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (strcmp(ending, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

bool page_has(struct slice path)
{
    return file_of(path) != NULL;
}

bool page_answer(struct slice path, struct http_answer *a)
{
    const struct embedded_file *f = file_of(path);
    if (!f)
        return false;
    a->status = 200;
    a->type = type_of(f->name);
    a->policy = policy;
    body_add(&a->body, (const char *)f->bytes, f->len);
    snprintf(a->etag, sizeof a->etag, "\"%016llx\"", (unsigned long long)XXH3_64bits(f->bytes, f->len));
    return true;
}

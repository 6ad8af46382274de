/* Markets: the regions and segments a sale belongs to, as members that can be new. */
#include "track_sale.h"

static struct slice market_name(struct track_view *v, const char *kind, struct slice code)
{
    uint32_t n = (uint32_t)strlen(kind);
    char *text = view_alloc(v, n + code.n);
    if (!text)
        return code;
    memcpy(text, kind, n);
    memcpy(text + n, code.p, code.n);
    return (struct slice){ text, n + code.n };
}

static void only(struct fact *f, enum dim dim, struct slice member)
{
    struct slice code = f->dim[dim];
    memset(f->dim, 0, sizeof f->dim);
    f->dim[dim] = code;
    f->member = member;
}

void market_facts(struct track_view *v, struct fact *f)
{
    struct fact sale = *f;
    struct slice region = sale.dim[DIM_REGION], segment = sale.dim[DIM_SEGMENT];
    /* without either it has no member and counts nowhere */
    only(f, DIM_REGION, region.n ? market_name(v, "region:", region) : (struct slice){ 0 });
    if (!segment.n)
        return;
    if (region.n) {
        f = view_fact(v, FACT_MARKET, sale.t_ms);
        *f = sale;
    }
    only(f, DIM_SEGMENT, market_name(v, "segment:", segment));
}

/* What sales owe to campaigns and to new products. Internal to the core. */
#ifndef CRMPULSE_TRACK_CAMPAIGN_H
#define CRMPULSE_TRACK_CAMPAIGN_H

#include "track.h"

/* After a sale's fact `f` (txn, or a refund with sign -1 of a sale made at sale_ms): the facts campaign_sale of the last response before the sale, and
 * reco_bought of every recommendation it fulfils. `f` may move; do not use it afterwards. */
void campaign_sale(struct track_view *v, const struct fact *f, int64_t sale_ms, int sign);

/* n = 1 on the fact if its product was launched no more than 365 d before the sale. Before campaign_sale. */
void product_newness(struct track_view *v, struct fact *f, int64_t sale_ms);

#endif

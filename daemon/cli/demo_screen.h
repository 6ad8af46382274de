/* The demo's two faces: a screen that is redrawn, and plain lines. */
#ifndef CRMPULSE_DEMO_SCREEN_H
#define CRMPULSE_DEMO_SCREEN_H

#include "demo.h"
#include "demo_text.h"

struct screen_status {
    int64_t elapsed_ms;
    uint64_t sent;
    int64_t rate;
    const char *doing; /* what is being waited for; NULL once there are numbers */
};

/* The alternate screen, and the usual one again. */
void screen_enter(void);
void screen_leave(void);

/* Draws everything into the terminal's present size. */
void screen_draw(const struct view *v, const struct screen_status *s);

/* Plain lines: numbers every second, the board every second, alerts as they come. */
struct plain {
    int64_t next_ms;
    uint32_t alerts_told;
    const char *doing; /* as last told */
};
void plain_tell(struct plain *p, const struct view *v, const struct screen_status *s);

#endif

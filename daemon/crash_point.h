/* Named places where a test build can kill the process (crash_points.def; tests/chaos/crash_point.c). In every other build they are nothing at all.
 * Only where things are done outside: never in daemon/core. */
#ifndef CRMPULSE_CRASH_POINT_H
#define CRMPULSE_CRASH_POINT_H

#ifdef CRMPULSE_CRASH_POINTS

enum crash_point {
#define POINT(name, text) CRASH_##name,
#include "daemon/crash_points.def"
#undef POINT
    CRASH_POINTS
};

/* Passes a point: the process dies here if CRASH_AT names this pass. */
void crash_point(enum crash_point point);
/* The same, but it dies once all that was handed to the connection to Redis is written. */
void crash_point_when_written(enum crash_point point);
/* The socket took all there was. */
void crash_point_written(void);

#define CRASH_POINT(name)              crash_point(CRASH_##name)
#define CRASH_POINT_WHEN_WRITTEN(name) crash_point_when_written(CRASH_##name)
#define CRASH_POINT_WRITTEN()          crash_point_written()

#else

#define CRASH_POINT(name)              ((void)0)
#define CRASH_POINT_WHEN_WRITTEN(name) ((void)0)
#define CRASH_POINT_WRITTEN()          ((void)0)

#endif
#endif

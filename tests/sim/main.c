/* sim: runs seeds, prints what they went through, and how to repeat one that failed. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

struct options {
    uint64_t first, last;
    double seconds; /* 0: until `last` */
    bool keep_going, digest;
    struct sim_options sim;
};

struct totals {
    uint64_t seeds, bad, steps, sim_us, crashes, restarts, lost, rewinds, rebalances, frozen, reloads, refused,
        undelivered, rows_missing, extra, same, damaged[DAMAGES], halted, grown, late, had[KINDS];
};

/* The same in every run: it only names the process. */
pid_t getpid(void)
{
    return 1;
}

/* Real signals are no daemon's: they end the run (hold_signals). */
int pthread_sigmask(int how, const sigset_t *set, sigset_t *ret_old)
{
    (void)how, (void)set, (void)ret_old;
    return 0;
}

/* Seeds of hash tables: of the world, too. Before there is one, libraries ask that begin with the program. */
ssize_t getrandom(void *to, size_t n, unsigned flags)
{
    unsigned char *p = to;
    (void)flags;
    for (size_t i = 0; i < n; i++)
        p[i] = sim_running ? (unsigned char)dice_below(&sim_running->w->more_dice, 256) : (unsigned char)i;
    return (ssize_t)n;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct config *load(const char *file, const char *shards)
{
    const char *const set[] = { shards };
    const struct config_load_options opt = { 1, set };
    struct config_problems problems = { 0 };
    struct config *c = config_load(file, &opt, &problems);
    if (!c)
        config_problems_print(&problems, stderr);
    config_problems_release(&problems);
    return c;
}

static void add_kinds(struct totals *t, const struct sim *w)
{
    const struct plan *p = &w->plan;
    uint32_t had = w->had;
    had |= (uint32_t)(w->n_rewinds > 0) << KIND_LOST_WRITES | (uint32_t)(w->n_grown > 0) << KIND_GROWN;
    had |= (uint32_t)p->settings << KIND_SETTINGS | (uint32_t)(p->too_late > 0) << KIND_LATE;
    had |= (uint32_t)p->finality << KIND_FINALITY | (uint32_t)p->conflicts << KIND_CONFLICTS;
    had |= (uint32_t)p->whole << KIND_WHOLE | (uint32_t)(w->n_reloads > 0) << KIND_RELOAD;
    had |= (uint32_t)(w->plan.changes && w->n_reloads > 0) << KIND_CHANGES;
    for (int i = DAMAGE_NONE + 1; i < DAMAGES; i++)
        had |= (uint32_t)(w->n_damaged[i] > 0) << (KIND_TRUNCATED + i - 1);
    for (int i = 0; i < KINDS; i++)
        t->had[i] += had >> i & 1;
}

static void add(struct totals *t, const struct sim *w)
{
    add_kinds(t, w);
    t->seeds++;
    t->bad += w->failed;
    t->steps += w->steps;
    t->sim_us += w->now_us;
    t->crashes += w->n_crashes;
    t->restarts += w->n_restarts;
    t->lost += w->n_lost;
    t->rewinds += w->n_rewinds;
    t->rebalances += w->n_rebalances;
    t->frozen += w->n_frozen;
    t->reloads += w->n_reloads;
    t->refused += w->n_refused;
    t->undelivered += w->n_undelivered;
    t->rows_missing += w->n_rows_missing;
    t->extra += w->n_extra;
    t->same += w->n_same;
    t->halted += w->n_halted;
    t->grown += w->n_grown;
    t->late += w->n_late;
    for (int i = 0; i < DAMAGES; i++)
        t->damaged[i] += w->n_damaged[i];
}

static int load_all(struct catalogues *c)
{
    static const char *const files[CATALOGUES] = {
        [CATALOGUE_SMALL] = CRMPULSE_SIM_DIR "/small.yaml",
        [CATALOGUE_WHOLE] = CRMPULSE_SIM_DIR "/sim.yaml",
        [CATALOGUE_MORE] = CRMPULSE_SIM_DIR "/more.yaml",
        [CATALOGUE_MORE_CHANGED] = CRMPULSE_SIM_DIR "/more_changed.yaml",
    };
    for (int i = 0; i < CATALOGUES; i++) {
        c->by[i][0] = load(files[i], "redis.shards=1");
        c->by[i][1] = load(files[i], "redis.shards=2");
        if (!c->by[i][0] || !c->by[i][1])
            return -1;
    }
    return 0;
}

static void free_all(struct catalogues *c)
{
    for (int i = 0; i < CATALOGUES; i++)
        for (int s = 0; s < SHARDS_MAX; s++)
            config_free(c->by[i][s]);
}

static bool run_seed(const struct catalogues *c, uint64_t seed, const struct options *o, struct totals *t)
{
    struct sim w;
    sim_init(&w, seed, c, &o->sim);
    bool ok = sim_run(&w);
    add(t, &w);
    if (!ok)
        printf("VIOLATION seed %llu: %s\n  replay: build/debug/sim --seeds %llu%s%s%s --trace\n",
               (unsigned long long)seed, w.why, (unsigned long long)seed, o->sim.plain ? " --plain" : "",
               o->sim.slow ? " --slow" : "", o->sim.reloads ? " --reloads" : "");
    if (o->digest)
        printf("seed %llu digest %016llx\n", (unsigned long long)seed, (unsigned long long)w.digest);
    fflush(stdout);
    sim_release(&w);
    return ok;
}

static void summary(const struct totals *t, double seconds)
{
    printf("%llu seeds in %.1f s: %llu violations; %llu steps, %.0f s of simulated time, %llu kills of daemons, %llu "
           "of Redis (%llu with lost"
           " writes), %llu broken networks, %llu standstills, %llu reloads, %llu refusals, %llu rebalances, %llu "
           "failed deliveries, "
           "%llu rows of the kpis"
           " topic missing, %llu rows and boards more, %llu boards and revisions that say nothing new; %llu topics "
           "cut, %llu made "
           "anew, %llu expired unread, %llu Redis "
           "emptied: %llu partitions halted; %llu topics grew; %llu "
           "late, erased or given up\n",
           (unsigned long long)t->seeds, seconds, (unsigned long long)t->bad, (unsigned long long)t->steps,
           (double)t->sim_us / 1e6, (unsigned long long)t->crashes, (unsigned long long)t->restarts,
           (unsigned long long)t->rewinds, (unsigned long long)t->lost, (unsigned long long)t->frozen,
           (unsigned long long)t->reloads, (unsigned long long)t->refused, (unsigned long long)t->rebalances,
           (unsigned long long)t->undelivered, (unsigned long long)t->rows_missing, (unsigned long long)t->extra,
           (unsigned long long)t->same, (unsigned long long)t->damaged[DAMAGE_TRUNCATED],
           (unsigned long long)t->damaged[DAMAGE_REPLACED], (unsigned long long)t->damaged[DAMAGE_EXPIRED],
           (unsigned long long)t->damaged[DAMAGE_EMPTIED], (unsigned long long)t->halted, (unsigned long long)t->grown,
           (unsigned long long)t->late);
    static const char *const names[KINDS] = {
        [KIND_KILL] = "kill",
        [KIND_TERMINATE] = "SIGTERM",
        [KIND_STANDSTILL] = "standstill",
        [KIND_NETWORK] = "broken network",
        [KIND_REDIS_KILL] = "Redis killed",
        [KIND_LOST_WRITES] = "its writes lost",
        [KIND_REFUSAL] = "refusal",
        [KIND_SCRIPTS] = "scripts forgotten",
        [KIND_REDIS_STANDSTILL] = "Redis frozen",
        [KIND_OUTPUT] = "output fails",
        [KIND_REBALANCE] = "rebalance",
        [KIND_LOST_CLAIMS] = "claims lost",
        [KIND_TRUNCATED] = "topic cut",
        [KIND_REPLACED] = "made anew",
        [KIND_EXPIRED] = "expired",
        [KIND_EMPTIED] = "Redis emptied",
        [KIND_GROWN] = "topic grew",
        [KIND_SETTINGS] = "other settings",
        [KIND_LATE] = "too late",
        [KIND_FINALITY] = "short waits",
        [KIND_CONFLICTS] = "entities spread",
        [KIND_WHOLE] = "whole catalogue",
        [KIND_RELOAD] = "reload",
        [KIND_CHANGES] = "other rules",
    };
    printf("seeds with:");
    for (int i = 0; i < KINDS; i++)
        printf("%s %s %.1f %%", i ? "," : "", names[i], t->seeds ? 100.0 * (double)t->had[i] / (double)t->seeds : 0);
    printf("\n");
}

static int usage(void)
{
    fputs(
        "usage: sim [--seeds A[..B]] [--seconds N] [--trace] [--keep-going] [--plain] [--slow] [--reloads] [--digest]\n"
        "  --seeds A..B   these, one after the other; without B only A\n"
        "  --seconds N    from A on (without --seeds: from a random one) for so long\n"
        "  --trace        what happens, with the simulated time\n"
        "  --keep-going   do not end at the first violation\n"
        "  --plain        the whole catalogue, and only the faults that every seed had from the first\n"
        "  --slow         wait for the idle timeout at the end, as every seed did at first\n"
        "  --reloads      daemons are reloaded in every seed\n"
        "  --digest       a hash of all that a seed did\n",
        stderr);
    return 2;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option rows[] = {
        { "seeds", required_argument, NULL, 's' },
        { "seconds", required_argument, NULL, 't' },
        { "trace", no_argument, NULL, 'v' },
        { "keep-going", no_argument, NULL, 'k' },
        { "plain", no_argument, NULL, 'p' },
        { "slow", no_argument, NULL, 'w' },
        { "reloads", no_argument, NULL, 'r' },
        { "digest", no_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 },
    };
    bool given = false;
    int c;
    *o = (struct options){ .first = 1, .last = 100 };
    while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
        char *end;
        if (c == 's') {
            o->first = o->last = strtoull(optarg, &end, 10);
            if (strncmp(end, "..", 2) == 0)
                o->last = strtoull(end + 2, &end, 10);
            given = true;
            if (*end || o->last < o->first)
                return false;
        } else if (c == 't') {
            o->seconds = strtod(optarg, &end);
            if (*end || o->seconds <= 0)
                return false;
        } else if (c == 'v') {
            o->sim.trace = true;
        } else if (c == 'k') {
            o->keep_going = true;
        } else if (c == 'p') {
            o->sim.plain = true;
        } else if (c == 'w') {
            o->sim.slow = true;
        } else if (c == 'r') {
            o->sim.reloads = true;
        } else if (c == 'd') {
            o->digest = true;
        } else {
            return false;
        }
    }
    if (o->seconds > 0) {
        if (!given)
            o->first = ((uint64_t)time(NULL) * 1000003) % 1000000000;
        o->last = UINT64_MAX;
    }
    return optind == argc;
}

/* SIGINT and SIGTERM end a run after the seed under way, with its count. */
static bool asked_to_end(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

static void hold_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
    struct options o;
    struct totals t = { 0 };
    if (!parse(argc, argv, &o))
        return usage();
    struct catalogues catalogues = { 0 };
    if (load_all(&catalogues) < 0) {
        free_all(&catalogues);
        return 2;
    }
    if (o.seconds > 0)
        printf("seeds from %llu on\n", (unsigned long long)o.first);
    double began = now_s();
    hold_signals();
    for (uint64_t seed = o.first; seed <= o.last; seed++) {
        if (!run_seed(&catalogues, seed, &o, &t) && !o.keep_going)
            break;
        if ((o.seconds > 0 && now_s() - began >= o.seconds) || asked_to_end())
            break;
    }
    summary(&t, now_s() - began);
    free_all(&catalogues);
    return t.bad ? 1 : 0;
}

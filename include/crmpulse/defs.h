/* Definitions: what is measured, how KPIs are formed, boards, rules, scorecards and orgs. Plain data, compiled from YAML by config/ and read by the
 * core, which never changes it. Everything is owned by `struct definitions`; indexes, not pointers, link the parts. */
#ifndef CRMPULSE_DEFS_H
#define CRMPULSE_DEFS_H

#include "crmpulse/calendar.h"
#include "crmpulse/expr.h"
#include "crmpulse/fact.h"
#include "crmpulse/fuzzy.h"

enum agg {
    AGG_COUNT,    /* facts that pass */
    AGG_SUM,      /* sum of `value` */
    AGG_DURATION, /* of `value` in ms: count, sum and DDSketch bins; negatives count as 0 */
    AGG_MIN,      /* of `value`: kept as a counter per value and pane, live panes are recombined */
    AGG_MAX,
    AGG_DISTINCT, /* members with at least `at_least` facts in the window, exactly */
    AGG_LEVEL,    /* of `value`: how much a level changes at the fact's time; see below */
    AGG_ACCRUE, /* of `value`: grows evenly from the fact's time on, over its duration_ms; read as of the instant asked */
    AGG_ACCRUE_WORK, /* the same by working days (calendar_business_share) */
    AGG_DERIVED      /* an expression over other measures; no cells of its own */
};

/* A level (customers, open deals, receivables) is a running total that knows its past. Its facts are steps: t_ms is when the level changes, `value` by how
 * much; a step may lie in the future (a membership that ends by inactivity). Cells: the total as a gauge, and every step in the hour pane of its time.
 * The level at an instant is the total less the panes that start after it, so it is right for any past instant within the retention, also when older
 * panes are gone, and a correction changes every later level. Steps count from the start of the hour that holds them: levels are read at the end of the
 * hour of the instant asked, as all windows are.
 *   NAME             level at the window's end, or at the instant asked if that is earlier; in window g: at the instant
 *   NAME.start       level at the window's start (g: at the start of the org's cycle)
 *   prev.NAME        level at the end of the comparison window; prev.NAME.start at its start */
struct measure_def {
    char *id;
    enum fact_type fact;
    struct expr *where; /* over the fact's fields; NULL: all */
    struct expr *value; /* over the fact's fields; NULL: 1 */
    enum agg agg;
    uint32_t at_least; /* AGG_DISTINCT: 1 or 2 */
    bool asof;         /* fact_type_asof(fact), or AGG_DISTINCT in rolling windows */
    bool gauge;        /* as-of without panes: one running total; not set for levels */
    bool lifecycle;    /* AGG_DISTINCT: also new, returning, resurrected, dormant and cohorts */
    uint32_t
        trailing_days; /* AGG_DISTINCT: also, for the end of every day, the members of so many times 24 h before it; 0: not kept */
    bool fine;              /* minute panes wanted: some KPI uses it in a window up to one hour */
    uint32_t dims;          /* bit per dim that some KPI, board, rule or scorecard wants; DIM_ORG always */
    uint32_t evidence_dims; /* those of them in which a rule wants the ids of the events behind it */
    struct expr *derived;   /* AGG_DERIVED: slots are measure slots, see below */
};

/* Slots in formulas: measure index * MEASURE_PARTS + part, SLOT_BUILTIN + n, or SLOT_REF + index of a measure_ref. */
enum measure_part {
    PART_VALUE, /* sum, count, distinct, min or max */
    PART_N,     /* durations: count */
    PART_SUM,   /* durations: sum */
    PART_PREV,  /* the same measure in the comparison window */
    PART_START, /* levels: at the start of the window */
    PART_PREV_START,
    PART_NEW, /* lifecycle measures */
    PART_RETURNING,
    PART_RESURRECTED,
    PART_DORMANT,
    PART_TRAILING,    /* distinct with trailing_days: at the end of the window's last day, or of the day asked for */
    PART_DAILY,       /* distinct: sum over the civil days that start in the window of the members of each */
    PART_COHORT,      /* lifecycle, windows d w m: members first active in the interval `age` before the window */
    PART_BACK,        /* of these, active in the window */
    PART_BACK_BY,     /* active in any interval after their first, up to the window */
    PART_BACK_SINCE,  /* active in the window or later */
    PART_LATER,       /* members first active in the window: active `age` intervals later (0: all) */
    PART_LATER_BY,    /* active in any of the `age` intervals after it */
    PART_LATER_SINCE, /* active `age` intervals later or after that */
    PART_FIRST,       /* lifecycle: members whose first fact ever lies in the window, whatever its kind */
    MEASURE_PARTS
};
enum { SLOT_BUILTIN = 1 << 20, SLOT_REF = 1 << 21 };
enum builtin {
    BUILTIN_ELAPSED,     /* elapsed share of the window at the exact instant, 0..1 */
    BUILTIN_DAYS,        /* length of the window in days */
    BUILTIN_DAYS_PASSED, /* length of its part up to the end of the pane asked for */
    BUILTIN_DIM,         /* the dimension of the row, a text: 'org', 'kind' .. */
    BUILTIN_CYCLE_DAYS,  /* of the org's cycle that holds the instant */
    /* Where the window starts, and where it ends or the present is (the ms after the instant asked for), whichever is earlier. With levels they give what a
     * state amounts to over time: if a step of n at t also adds -n * t to a second level, the time spent in the state is level * until_ms + second. */
    BUILTIN_START_MS,
    BUILTIN_UNTIL_MS,
    BUILTIN_WORKDAYS_START, /* working days begun before start_ms, see workdays.h; a difference of two counts those between */
    BUILTIN_WORKDAYS_UNTIL,
    BUILTIN_WINDOW, /* name of the window, a text: 'g', 'm', '30d': for measures that mean another thing in one of them */
    BUILTIN_WORKDAYS_END, /* begun before the end of the window, whether it has come or not */
    BUILTIN_YEAR,         /* inside each_year.NAME: 1 for the first year of the window; elsewhere 0 */
    BUILTIN_COUNT
};

/* A measure read in another way than its own row's window and subject:
 *   prev.NAME prev_full.NAME year_ago.NAME   in the comparison window: the same elapsed part, all of it, a year earlier
 *   last_day.NAME                            at the end of the last complete day
 *   whole.NAME                               of the org, on the row of any other subject
 *   each_day.NAME                            sum over the civil days of the window (those that began) of a derived measure in each day
 *   each_year.NAME                           sum over the years of the window (from anniversary to anniversary of its start) of a measure in each year
 *   each_cycle.NAME                          the same over the org's cycles in the window that are over
 *   so_far.NAME                              over the part of the window up to the end of the hour asked for (asked for the past, a window holds what came later too)
 *   payback.NAME irr.NAME                    years until the running sum of the yearly flows is not negative; the rate at which they are worth nothing
 *   rate_bp(1000, npv.NAME)                  what the yearly flows up to the instant are worth at 10 %, each at the end of its year
 *   holt.NAME                                the next value of the series of up to 12 periods (of the window's kind) before the window: Holt's linear
 *                                            method, alpha 0.5, beta 0.3; zeros at the beginning of the series are left out
 *   at_close.NAME                            a level as of the newest close of the org's cycle
 *   quintiles.NAME                           by RFM segment: how many customers the quintiles at that close put there (rfm_quintile.h); NAME is what changes it
 *   over('30d', NAME)                        over another window at the same instant
 *   aged(3, NAME.back)                       with an age in intervals
 * They combine: over('30d', last_day.NAME.daily). Also for the builtins: prev.days. */
enum periods {
    PERIODS_NONE,
    PERIODS_EACH_YEAR,
    PERIODS_EACH_CYCLE,
    PERIODS_SO_FAR,
    PERIODS_PAYBACK,
    PERIODS_NPV,
    PERIODS_IRR,
    PERIODS_HOLT,
    PERIODS_AT_CLOSE,
    PERIODS_QUINTILES
};

struct measure_ref {
    int measure; /* -1: a builtin */
    int part;    /* enum measure_part, or enum builtin */
    enum compared at;
    bool whole, each_day, has_window;
    struct window window;
    int32_t age;
    enum periods periods;
    int32_t rate_bp; /* PERIODS_NPV: discount rate in basis points */
};

enum kpi_form {
    KPI_RATIO,    /* numerator / denominator */
    KPI_VALUE,    /* value alone */
    KPI_DURATION, /* of one duration measure: mean with n, sum and quantiles */
    KPI_RANK      /* rank of the subject by another KPI in the same window */
};
enum unit { UNIT_RATIO, UNIT_COUNT, UNIT_MICROS, UNIT_MS, UNIT_SCORE, UNIT_DAYS, UNIT_MONTHS };
enum direction { DIRECTION_UP, DIRECTION_DOWN, DIRECTION_NEUTRAL };
enum ties { TIES_COMPETITION, TIES_DENSE, TIES_ORDINAL };

enum { KPI_WINDOWS_MAX = 16, KPI_EXTRAS_MAX = 14 };

struct kpi_extra {
    char *name; /* an additional integer column of the row, e.g. "weighted", "count" */
    struct expr *value;
    bool flag; /* no column but a remark: its name alone, where the value is not 0 */
};

struct kpi_def {
    char *id, *title_en, *title_zh;
    char perspective; /* F C I L */
    enum kpi_form form;
    enum unit unit;
    enum direction direction;
    bool empty_zero;          /* published without a denominator or sample: 0 instead of null */
    struct expr *numerator;   /* KPI_RATIO, optional elsewhere; measure slots */
    struct expr *denominator; /* KPI_RATIO */
    struct expr *value;       /* KPI_VALUE; KPI_RATIO: instead of numerator / denominator, e.g. nps */
    struct expr
        *samples; /* n that min_samples is compared with; NULL: the denominator, else the duration's n, else none */
    int duration; /* KPI_DURATION: measure index */
    int rank_of;  /* KPI_RANK: KPI index */
    uint32_t n_windows;
    struct window window[KPI_WINDOWS_MAX];
    uint32_t dims; /* bit per dim */
    uint32_t n_extras;
    struct kpi_extra extra[KPI_EXTRAS_MAX];
    enum ties ties; /* KPI_RANK */
    char *formula;  /* as written, for people: "deals_won / (deals_won + deals_lost)" */
    char *switches; /* "win_rate_by=count", as published; part of the identity */
    uint64_t hash;  /* of the whole definition, as published */
};

enum compare { CMP_LT, CMP_LE, CMP_GT, CMP_GE };

struct board_def {
    char *id;
    int kpi; /* index */
    struct window window;
    enum dim dim; /* who is ranked */
    enum ties ties;
    uint32_t top;        /* entries published, 0 = all; the ranking itself is always complete */
    int64_t min_samples; /* fewer: not ranked, listed behind all others */
    int64_t
        changes_ms; /* between snapshots, what changed is published each time the watermark passes a multiple; 0: never */
    bool has_order, ascending; /* `order`: instead of the KPI's direction */
};

/* What a rule reads beside its own value, under a name of its own in its conditions: a KPI (its own, if kpi < 0) in some window, at some other time. */
struct rule_read {
    char *name;
    int kpi; /* index, -1: the rule's */
    struct window window;
    bool own_window; /* not given: the rule's */
    int stat;
    int64_t ago_ms;  /* as it was so long before */
    int64_t mean_ms; /* > 0: mean of what it was at this time of the day on each day of so long before */
};

/* Slots in the conditions of a rule. */
enum rule_slot {
    RULE_VALUE,     /* the figure that is judged */
    RULE_N,         /* its samples */
    RULE_PREV,      /* the figure in the preceding equal window */
    RULE_PREV_N,    /* its samples */
    RULE_MEAN4,     /* the mean of the figures of the 4 preceding equal windows */
    RULE_ELAPSED,   /* share of the window (of the cycle where that is to date) that has passed */
    RULE_BAND,      /* of a scorecard: its band counted from the worst, 0 .. */
    RULE_PREV_BAND, /* the same in the preceding cycle */
    RULE_COVERAGE,
    RULE_READ /* + index of the read */
};

/* When a rule looks at a civil window. */
enum rule_judge {
    RULE_JUDGE_AUTO,     /* "less than" waits for the end, unless the KPI allows for the part that has passed */
    RULE_JUDGE_COMPLETE, /* at its end, and again whenever that value is corrected */
    RULE_JUDGE_RUNNING   /* at any time */
};

enum { RULE_READS_MAX = 8, RULE_MILESTONES_MAX = 8 };

/* A rule fires when `fire` holds, clears when `clear` does. Either is a comparison of the value with a threshold, or an expression. */
struct rule_def {
    char *id;
    int kpi; /* index */
    struct window window;
    uint32_t dims;
    enum compare fire_op, clear_op;
    double fire, clear; /* thresholds in the KPI's unit (ratios 0..1, money in micro-units, durations in ms) */
    struct expr *fire_expr, *clear_expr; /* instead; slots are enum rule_slot */
    int stat;                            /* KPI_DURATION: 0 mean, else 50, 90, 95 or 99 */
    bool has_critical, has_page;
    double critical, page; /* same direction as fire; somebody is to be called at `page` */
    struct expr *critical_expr, *page_expr;
    char *fire_text, *clear_text, *critical_text, *page_text; /* as written; NULL: none */
    int64_t for_ms;
    int64_t min_samples;
    struct expr *samples; /* what min_samples is compared with, measure slots; NULL: the KPI's own samples */
    char *samples_text;
    char *level; /* info, warning, critical */
    uint32_t n_reads;
    struct rule_read read[RULE_READS_MAX];
    uint32_t past_windows; /* how many windows before this one the conditions read: 0, 1 or 4 */
    bool less;             /* fires when the value falls; only looked at where there is a fire_expr */
    enum rule_judge judge;
    int64_t mature_ms;                     /* complete windows are judged so long after their end */
    int64_t lag_ms;                        /* the window judged ended so long ago: cases older than that */
    int64_t after_ms;                      /* judged from so long after the subject's first sample */
    double after_share;                    /* judged once this share of the window or cycle has passed */
    uint32_t n_milestones;                 /* > 0: instead of fire and clear */
    double milestone[RULE_MILESTONES_MAX]; /* ascending */
    char *scorecard;                       /* id: judges its score instead of a KPI; NULL: none */
    bool keep;                             /* its states survive a change of its definition */
    uint64_t hash;
};

enum curve { CURVE_LINEAR, CURVE_RATIO, CURVE_STEP };
enum missing_policy { MISSING_EXCLUDE, MISSING_HOLD, MISSING_ZERO };
enum { STEPS_MAX = 16, BANDS_MAX = 12, REWARDS_MAX = 8, SCORECARD_ITEMS_MAX = 64 };

/* Fuzzy cards: where the membership of an item in the grades comes from. */
enum membership {
    MEMBERSHIP_CURVE,   /* its score */
    MEMBERSHIP_ANSWERS, /* shares of the answers to a survey */
    MEMBERSHIP_GRADES   /* shares of the grades that experts give */
};

struct score_curve {
    enum curve curve;
    double floor, goal, cap; /* cap: 1.0 = 100 points */
    uint32_t n_steps;
    struct {
        double from, score;
    } step[STEPS_MAX]; /* ascending; [from, next) */
    bool edge_exclusive;
};

struct scorecard_item {
    int kpi;
    char *perspective;
    int32_t perspective_bp, kpi_bp; /* share of the card, share inside the perspective; each sums to 10 000 */
    char *of;                       /* reads this kind of the org instead of the card's subject; NULL: the subject */
    enum membership membership;
    int answers; /* measure: answers by value (agg max), or grades by kind */
    struct window window;
    int64_t min_samples;
    struct score_curve score;
    int stat;
};

/* Slots in the conditions of rewards: the value of an item by its index, its goal, then figures of the card. */
enum { CARD_SLOT_GOAL = 128, CARD_SLOT_SCORE = 256, CARD_SLOT_COVERAGE };

/* Points or bands that the card gains (or loses) while a condition holds. */
struct card_reward {
    char *name, *text; /* text: the condition as written */
    struct expr *when;
    double points;
    int32_t bands; /* bands up, negative: down */
};

struct scorecard_def {
    char *id;
    char *version;
    int64_t effective_from_ms;
    bool effective_civil; /* a date: 00:00 of that day in the org's zone, effective_from_ms being that of UTC */
    bool pyramid;         /* perspectives are the foot of the performance pyramid; the score is that of its top */
    enum dim dim;
    enum missing_policy missing;
    double min_coverage;
    uint32_t n_items;
    uint32_t n_also; /* items behind those of the card: without weight, read by rewards */
    struct scorecard_item *item;
    uint32_t n_rewards;
    struct card_reward reward[REWARDS_MAX];
    struct { /* the score is that of a fuzzy evaluation; the bands are its grades */
        bool on;
        enum fuzzy_operator operator;
        struct fuzzy_scale scale;
        char *grade[FUZZY_GRADES_MAX]; /* owned by band */
    } fuzzy;
    struct { /* weights of the perspectives are those that a panel of experts agreed on before the cycle, once it has */
        char *id;      /* NULL: none */
        int bp, final; /* measures */
    } panel;
    bool has_pay;
    uint32_t n_bands;
    struct {
        double from;
        char *name;
        double pay;    /* factor of the variable pay, if has_pay */
    } band[BANDS_MAX]; /* descending from */
    uint64_t hash;
};

/* What trackers of customers need of the switches. */
struct customer_rules {
    int64_t churn_after_ms; /* without a sale; 0: only customer_churned ends a membership */
    bool sales_are_orders;  /* sales_basis */
    bool refunds_at_order;  /* refund_book */
    bool risk_by_rfm;       /* risk_segment: the churn risk carries the RFM segment as segment */
    bool segment_by_rfm;    /* segment_by: what happens to a customer counts in the RFM segment it was in just before */
    bool quintiles;         /* rfm_cut: what quintiles at a cycle's close need, instead of segments by fixed cuts */
    bool by_customer;       /* some KPI, board, rule or scorecard in force asks for customers one by one */
};

struct org_def {
    char *id; /* "*" is the default for orgs not listed */
    struct calendar calendar;
    struct { /* what calendar.business points to, if the org has hours of its own */
        struct business hours;
        int64_t *holidays;
    } business;
    uint32_t n_stages;
    char **stage;                   /* order of the stages of deals, for steps from one to the next; may be empty */
    char currency[4];               /* "": that of the org's earliest event with money */
    int64_t rfm_monetary_micros[4]; /* cuts for the M scores 5, 4, 3, 2; all 0: none are set */
};

/* Under it counts whoever came when an org's dimension was full (definitions.subjects_max). No leaderboard lists it. */
#define OTHER_SUBJECTS SLICE("__other__")

struct definitions {
    uint32_t n_measures, n_kpis, n_boards, n_rules, n_scorecards, n_orgs;
    struct measure_def *measure;
    uint32_t n_refs;
    struct measure_ref *ref;
    struct kpi_def *kpi;
    struct board_def *board;
    struct rule_def *rule;
    struct scorecard_def *scorecard;
    struct org_def *org;
    bool erase_keep;     /* switch erase=keep: what an erased entity did stays, under a name nobody can tell */
    bool follow_owner;   /* switch credit=follow_owner: what was counted moves with the owner of its entity */
    int64_t followup_ms; /* switch followup_days: how long after the last follow-up the next is due; 0: none is */
    struct customer_rules customers;
    uint32_t n_snapshots;
    uint32_t snapshot_dims;         /* bit per dim whose rows are published; 0: all */
    struct window *snapshot_window; /* extra windows in which every KPI is published at snapshot ticks */
    int64_t tick_ms;                /* judging grid, default 60 000 */
    int64_t
        snapshot_every_ms; /* rows, boards and scorecards are published each time the watermark passes a multiple, default 1 h; 0 = never */
    uint64_t hash_seed; /* of hash tables that hold what events bring; 0 in tests and replay. No result depends on it */
    int64_t subjects_max;        /* with figures of their own, per org and dimension; 0 = all */
    int64_t retention_ms;        /* how long hour panes and records are kept, default 800 d */
    int64_t fine_pane_ms;        /* length of a minute pane: a divisor of a minute, default 0: a minute */
    int64_t fine_retention_ms;   /* how long minute panes are kept, default 6 h */
    int64_t out_of_orderness_ms; /* default 10 s */
    int64_t lateness_ms;         /* later than this behind the watermark: late topic; default = retention_ms */
    int64_t orphan_wait_ms;      /* a correction waits so long for its target; default = retention_ms */
    int64_t erase_final_ms;      /* an erasure can be retracted for so long, default 30 d */
    int64_t max_ahead_ms;        /* default 1 h */
    int64_t stale_after_ms;      /* transitions older than this at emission are historical, default 1 h; 0: never */
};

const struct org_def *definitions_org(const struct definitions *defs,
                                      struct slice org_id);           /* exact id, else "*", else NULL */
int definitions_kpi(const struct definitions *defs, struct slice id); /* index or -1 */
int definitions_measure(const struct definitions *defs, struct slice id);
int definitions_rule(const struct definitions *defs, struct slice id);
void definitions_free(struct definitions *defs);

#endif

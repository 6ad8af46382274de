/* What leaves the program, as plain data: KPI rows, alert transitions, boards, scorecards, dead letters, late events.
 *
 * Every field means what the field of the same name in proto/crmpulse/v1 means; units and epochs stand there. All texts
 * and arrays are borrowed. A reader of these structs needs no protobuf. */
#ifndef CRMPULSE_OUTPUT_H
#define CRMPULSE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crmpulse/slice.h"

enum { DEAD_LETTER_PAYLOAD_MAX = 65536 }; /* bytes of a payload that are kept */

struct kpi_row {
    struct slice id, org, kpi, window, dim, subject;
    double value;
    bool is_null;
    bool is_ratio; /* numerator and denominator are meaningful */
    int64_t numerator, denominator;
    int64_t window_start_ms, window_end_ms, at_ms;
    int64_t revision;
    struct slice unit, flags;
    struct slice extras;   /* additional figures, the part of `flags` that has them: "new=3,returning=null" */
    bool has_distribution; /* sum .. quantile_error are meaningful */
    int64_t sum, count;
    double mean, p50, p90, p95, p99, quantile_error;
    double sd; /* of one observation, within quantile_error; not published */
    struct slice definition_hash;
    bool judged;
    int64_t emitted_at_ms;
};

struct alert_transition {
    struct slice id, rule, org, dim, subject, level, from_state, to_state;
    int64_t tick_ms, occurred_at_ms;
    struct slice kpi, window;
    int64_t window_start_ms, window_end_ms;
    double value;
    bool is_null;
    int64_t numerator, denominator, samples;
    double threshold;
    struct slice condition; /* as configured */
    int64_t revision;
    struct slice definition_hash;
    bool historical, page;
    const struct slice *evidence_event_ids;
    size_t evidence_count;
    bool evidence_truncated;
    int64_t emitted_at_ms;
};

struct board_entry {
    struct slice subject;
    int32_t rank, previous_rank, movement, last_rank, moved;
    double value, gap;
    int64_t reached_at_ms;
    bool is_null;    /* `value` is meaningless; ranked behind every value */
    int64_t samples; /* 0: unknown */
};

struct board_snapshot {
    struct slice id, board, org, kpi, window, dim;
    int64_t tick_ms, window_start_ms, window_end_ms;
    const struct board_entry *entries;
    size_t entry_count;
    bool change; /* holds only what changed since the message before */
    /* Live boards, for whoever holds the one before: per entry whether it stands there as it is, NULL: nothing is known of it; and who is not on it any more. */
    const bool *same;
    const struct slice *gone;
    size_t gone_count;
    int64_t ranked_count; /* subjects with a rank, whether they are entries or not */
    int64_t revision;
    struct slice definition_hash;
    int64_t emitted_at_ms;
};

/* Share of a part of a fuzzy card that belongs to a grade. */
struct scorecard_grade {
    struct slice grade;
    double membership;
};

struct scorecard_kpi {
    struct slice kpi;
    int32_t weight_bp;
    double value;
    bool is_null;
    double score, effective_weight, perf, mix;
    struct slice missing_reason;
    struct slice of; /* the kind it was read of; empty: the card's subject */
    const struct scorecard_grade *grades;
    size_t grade_count;
};

struct scorecard_perspective {
    struct slice name;
    int32_t weight_bp;
    double score;
    bool is_null;
    const struct scorecard_kpi *kpis;
    size_t kpi_count;
    const struct scorecard_grade *grades;
    size_t grade_count;
};

struct scorecard_snapshot {
    struct slice id, scorecard, version, org, dim, subject;
    int64_t tick_ms;
    struct slice window;
    int64_t window_start_ms, window_end_ms;
    double score;
    bool is_null;
    double coverage;
    struct slice band;
    bool provisional;
    double points; /* of rewards, in `score` */
    const struct slice *rewards;
    size_t reward_count;
    bool has_pay;
    double pay_factor;
    bool has_change; /* `change` and perf, mix of the KPIs are meaningful */
    double change;
    bool review_due;
    const struct scorecard_grade *grades; /* of a fuzzy card; none elsewhere */
    size_t grade_count;
    bool has_alpha; /* alpha is meaningful */
    double alpha; /* validity of taking the grade with the largest membership; below 0.5 the grade follows the score */
    bool panel_weights; /* the weights of the perspectives are a panel's */
    const struct scorecard_perspective *perspectives;
    size_t perspective_count;
    int64_t revision;
    struct slice definition_hash;
    int64_t emitted_at_ms;
};

/* `payload` is the whole value: the encoder cuts it off at DEAD_LETTER_PAYLOAD_MAX and notes its length. */
struct dead_letter {
    struct slice reason, detail, topic;
    int32_t partition;
    int64_t offset;
    struct slice payload;
    struct slice payload_hash; /* hex, of the whole value */
    struct slice org, event_id;
    int64_t received_at_ms;
};

struct late_event {
    struct slice reason, detail, topic;
    int32_t partition;
    int64_t offset;
    struct slice payload, payload_hash, org, event_id, type;
    int64_t occurred_at_ms, watermark_ms, received_at_ms;
};

#endif

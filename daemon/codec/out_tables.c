/* The rows of out_tables.h. test_out_pb.c proves that no field of the schema is left out. */
#include "out_tables.h"

#include "crmpulse/v1/alert.pb-c.h"
#include "crmpulse/v1/board.pb-c.h"
#include "crmpulse/v1/deadletter.pb-c.h"
#include "crmpulse/v1/kpi.pb-c.h"
#include "crmpulse/v1/scorecard.pb-c.h"

#define SLOT(slot_kind, ours, theirs, f)                                                                               \
    {                                                                                                                  \
        .kind = (slot_kind), .from = offsetof(struct ours, f), .to = offsetof(theirs, f)                               \
    }
#define TABLE(ours, descriptor, rows)                                                                                  \
    {                                                                                                                  \
        .desc = &(descriptor), .slots = (rows), .count = sizeof(rows) / sizeof *(rows),                                \
        .struct_bytes = sizeof(struct ours)                                                                            \
    }

#define K(kind, f) SLOT(SLOT_##kind, kpi_row, Crmpulse__V1__KpiRow, f)
static const struct out_slot kpi_slots[] = {
    K(TEXT, id),
    K(TEXT, org),
    K(TEXT, kpi),
    K(TEXT, window),
    K(TEXT, dim),
    K(TEXT, subject),
    K(DOUBLE, value),
    K(BOOL, is_null),
    K(BOOL, is_ratio),
    K(INT64, numerator),
    K(INT64, denominator),
    K(INT64, window_start_ms),
    K(INT64, window_end_ms),
    K(INT64, at_ms),
    K(INT64, revision),
    K(TEXT, unit),
    K(TEXT, flags),
    K(BOOL, has_distribution),
    K(INT64, sum),
    K(INT64, count),
    K(DOUBLE, mean),
    K(DOUBLE, p50),
    K(DOUBLE, p90),
    K(DOUBLE, p95),
    K(DOUBLE, p99),
    K(DOUBLE, quantile_error),
    K(TEXT, definition_hash),
    K(BOOL, judged),
    K(INT64, emitted_at_ms),
};
const struct out_table out_kpi_table = TABLE(kpi_row, crmpulse__v1__kpi_row__descriptor, kpi_slots);

#define A(kind, f) SLOT(SLOT_##kind, alert_transition, Crmpulse__V1__AlertTransition, f)
static const struct out_slot alert_slots[] = {
    A(TEXT, id),
    A(TEXT, rule),
    A(TEXT, org),
    A(TEXT, dim),
    A(TEXT, subject),
    A(TEXT, level),
    A(TEXT, from_state),
    A(TEXT, to_state),
    A(INT64, tick_ms),
    A(INT64, occurred_at_ms),
    A(TEXT, kpi),
    A(TEXT, window),
    A(INT64, window_start_ms),
    A(INT64, window_end_ms),
    A(DOUBLE, value),
    A(BOOL, is_null),
    A(INT64, numerator),
    A(INT64, denominator),
    A(INT64, samples),
    A(DOUBLE, threshold),
    A(TEXT, condition),
    A(INT64, revision),
    A(TEXT, definition_hash),
    A(BOOL, historical),
    A(BOOL, page),
    A(BOOL, evidence_truncated),
    A(INT64, emitted_at_ms),
    { .kind = SLOT_TEXTS,
      .from = offsetof(struct alert_transition, evidence_event_ids),
      .from_count = offsetof(struct alert_transition, evidence_count),
      .to = offsetof(Crmpulse__V1__AlertTransition, evidence_event_ids),
      .to_count = offsetof(Crmpulse__V1__AlertTransition, n_evidence_event_ids) },
};
const struct out_table out_alert_table =
    TABLE(alert_transition, crmpulse__v1__alert_transition__descriptor, alert_slots);

#define E(kind, f) SLOT(SLOT_##kind, board_entry, Crmpulse__V1__BoardEntry, f)
static const struct out_slot entry_slots[] = {
    E(TEXT, subject),    E(INT32, rank),          E(INT32, previous_rank), E(INT32, movement),
    E(INT32, last_rank), E(INT32, moved),         E(INT64, samples),       E(DOUBLE, value),
    E(DOUBLE, gap),      E(INT64, reached_at_ms), E(BOOL, is_null),
};
static const struct out_table entry_table = TABLE(board_entry, crmpulse__v1__board_entry__descriptor, entry_slots);

#define B(kind, f) SLOT(SLOT_##kind, board_snapshot, Crmpulse__V1__BoardSnapshot, f)
static const struct out_slot board_slots[] = {
    B(TEXT, id),
    B(TEXT, board),
    B(TEXT, org),
    B(TEXT, kpi),
    B(TEXT, window),
    B(TEXT, dim),
    B(INT64, tick_ms),
    B(INT64, window_start_ms),
    B(INT64, window_end_ms),
    B(INT64, revision),
    B(TEXT, definition_hash),
    B(INT64, emitted_at_ms),
    B(BOOL, change),
    B(INT64, ranked_count),
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct board_snapshot, entries),
      .from_count = offsetof(struct board_snapshot, entry_count),
      .to = offsetof(Crmpulse__V1__BoardSnapshot, entries),
      .to_count = offsetof(Crmpulse__V1__BoardSnapshot, n_entries),
      .element = &entry_table },
};
const struct out_table out_board_table = TABLE(board_snapshot, crmpulse__v1__board_snapshot__descriptor, board_slots);

#define G(kind, f) SLOT(SLOT_##kind, scorecard_grade, Crmpulse__V1__ScorecardGrade, f)
static const struct out_slot grade_slots[] = { G(TEXT, grade), G(DOUBLE, membership) };
static const struct out_table grade_table =
    TABLE(scorecard_grade, crmpulse__v1__scorecard_grade__descriptor, grade_slots);

#define C(kind, f) SLOT(SLOT_##kind, scorecard_kpi, Crmpulse__V1__ScorecardKpi, f)
static const struct out_slot card_kpi_slots[] = {
    C(TEXT, kpi),
    C(INT32, weight_bp),
    C(DOUBLE, value),
    C(BOOL, is_null),
    C(DOUBLE, score),
    C(DOUBLE, effective_weight),
    C(TEXT, missing_reason),
    C(DOUBLE, perf),
    C(DOUBLE, mix),
    C(TEXT, of),
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct scorecard_kpi, grades),
      .from_count = offsetof(struct scorecard_kpi, grade_count),
      .to = offsetof(Crmpulse__V1__ScorecardKpi, grades),
      .to_count = offsetof(Crmpulse__V1__ScorecardKpi, n_grades),
      .element = &grade_table },
};
static const struct out_table card_kpi_table =
    TABLE(scorecard_kpi, crmpulse__v1__scorecard_kpi__descriptor, card_kpi_slots);

#define P(kind, f) SLOT(SLOT_##kind, scorecard_perspective, Crmpulse__V1__ScorecardPerspective, f)
static const struct out_slot perspective_slots[] = {
    P(TEXT, name),
    P(INT32, weight_bp),
    P(DOUBLE, score),
    P(BOOL, is_null),
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct scorecard_perspective, kpis),
      .from_count = offsetof(struct scorecard_perspective, kpi_count),
      .to = offsetof(Crmpulse__V1__ScorecardPerspective, kpis),
      .to_count = offsetof(Crmpulse__V1__ScorecardPerspective, n_kpis),
      .element = &card_kpi_table },
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct scorecard_perspective, grades),
      .from_count = offsetof(struct scorecard_perspective, grade_count),
      .to = offsetof(Crmpulse__V1__ScorecardPerspective, grades),
      .to_count = offsetof(Crmpulse__V1__ScorecardPerspective, n_grades),
      .element = &grade_table },
};
static const struct out_table perspective_table =
    TABLE(scorecard_perspective, crmpulse__v1__scorecard_perspective__descriptor, perspective_slots);

#define S(kind, f) SLOT(SLOT_##kind, scorecard_snapshot, Crmpulse__V1__ScorecardSnapshot, f)
static const struct out_slot card_slots[] = {
    S(TEXT, id),
    S(TEXT, scorecard),
    S(TEXT, version),
    S(TEXT, org),
    S(TEXT, dim),
    S(TEXT, subject),
    S(INT64, tick_ms),
    S(TEXT, window),
    S(INT64, window_start_ms),
    S(INT64, window_end_ms),
    S(DOUBLE, score),
    S(BOOL, is_null),
    S(DOUBLE, coverage),
    S(TEXT, band),
    S(BOOL, provisional),
    S(INT64, revision),
    S(TEXT, definition_hash),
    S(INT64, emitted_at_ms),
    S(DOUBLE, points),
    S(BOOL, has_pay),
    S(DOUBLE, pay_factor),
    S(BOOL, has_change),
    S(DOUBLE, change),
    S(BOOL, review_due),
    S(BOOL, has_alpha),
    S(DOUBLE, alpha),
    S(BOOL, panel_weights),
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct scorecard_snapshot, grades),
      .from_count = offsetof(struct scorecard_snapshot, grade_count),
      .to = offsetof(Crmpulse__V1__ScorecardSnapshot, grades),
      .to_count = offsetof(Crmpulse__V1__ScorecardSnapshot, n_grades),
      .element = &grade_table },
    { .kind = SLOT_TEXTS,
      .from = offsetof(struct scorecard_snapshot, rewards),
      .from_count = offsetof(struct scorecard_snapshot, reward_count),
      .to = offsetof(Crmpulse__V1__ScorecardSnapshot, rewards),
      .to_count = offsetof(Crmpulse__V1__ScorecardSnapshot, n_rewards) },
    { .kind = SLOT_MESSAGES,
      .from = offsetof(struct scorecard_snapshot, perspectives),
      .from_count = offsetof(struct scorecard_snapshot, perspective_count),
      .to = offsetof(Crmpulse__V1__ScorecardSnapshot, perspectives),
      .to_count = offsetof(Crmpulse__V1__ScorecardSnapshot, n_perspectives),
      .element = &perspective_table },
};
const struct out_table out_card_table =
    TABLE(scorecard_snapshot, crmpulse__v1__scorecard_snapshot__descriptor, card_slots);

/* A payload goes into two fields: its first bytes, and its whole length. */
#define LENGTH(ours, theirs)                                                                                           \
    {                                                                                                                  \
        .kind = SLOT_LENGTH, .from = offsetof(struct ours, payload), .to = offsetof(theirs, payload_bytes)             \
    }

#define D(kind, f) SLOT(SLOT_##kind, dead_letter, Crmpulse__V1__DeadLetter, f)
static const struct out_slot letter_slots[] = {
    D(FREE_TEXT, reason),
    D(FREE_TEXT, detail),
    D(FREE_TEXT, topic),
    D(INT32, partition),
    D(INT64, offset),
    D(PAYLOAD, payload),
    LENGTH(dead_letter, Crmpulse__V1__DeadLetter),
    D(FREE_TEXT, payload_hash),
    D(FREE_TEXT, org),
    D(FREE_TEXT, event_id),
    D(INT64, received_at_ms),
};
const struct out_table out_letter_table = TABLE(dead_letter, crmpulse__v1__dead_letter__descriptor, letter_slots);

#define L(kind, f) SLOT(SLOT_##kind, late_event, Crmpulse__V1__LateEvent, f)
static const struct out_slot late_slots[] = {
    L(FREE_TEXT, reason),
    L(FREE_TEXT, detail),
    L(FREE_TEXT, topic),
    L(INT32, partition),
    L(INT64, offset),
    L(PAYLOAD, payload),
    LENGTH(late_event, Crmpulse__V1__LateEvent),
    L(FREE_TEXT, payload_hash),
    L(FREE_TEXT, org),
    L(FREE_TEXT, event_id),
    L(FREE_TEXT, type),
    L(INT64, occurred_at_ms),
    L(INT64, watermark_ms),
    L(INT64, received_at_ms),
};
const struct out_table out_late_table = TABLE(late_event, crmpulse__v1__late_event__descriptor, late_slots);

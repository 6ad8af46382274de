"""The benchmark's arithmetic: ratios of figures of the same round, their median, a bootstrap interval, which rounds are dirty. No input or output."""
import random
import statistics

RESAMPLES = 2000
STEAL_MAX = 0.02  # above the session's median, as a share of all cores' time
FOREIGN_MAX = 0.03  # processor time of processes that are no part of the run, as a share of all cores' time
PROBE_MAX = 0.10  # distance of a round's drain from the median drain, CPU per event


def interval(values, seed=1, resamples=RESAMPLES):
    """95 % bootstrap interval of the median: percentiles of the medians of samples with replacement. Deterministic for a seed."""
    if len(values) < 2:
        return None
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(resamples))
    last = resamples - 1
    return medians[round(0.025 * last)], medians[round(0.975 * last)]


def paired(rows, a, b, figure):
    """figure of `a` / figure of `b`, for each round that has both, in the order of rounds. Rows without the figure (no score) make no pair."""
    of = {name: {row["round"]: row[figure] for row in rows if row["what"] == name and row.get(figure) is not None} for name in (a, b)}
    return [of[a][r] / of[b][r] for r in sorted(of[a].keys() & of[b].keys()) if of[b][r] != 0]


def spread(values):
    """{median, low, high, n}; None without values."""
    if not values:
        return None
    low, high = interval(values) or (min(values), max(values))
    return {"median": statistics.median(values), "low": low, "high": high, "n": len(values)}


def dirty(rows):
    """{round: reasons} of the rounds in which something else took part of the machine."""
    reasons = {}
    usual_steal = statistics.median(row["steal"] for row in rows) if rows else 0
    drains = [row["cpu_us_per_event"] for row in rows if row["what"] == "drain"]
    usual_drain = statistics.median(drains) if drains else 0
    for row in rows:
        why = []
        if row["steal"] - usual_steal > STEAL_MAX:
            why.append(f"{row['what']}: steal {row['steal']:.1%}")
        if row["foreign"] > FOREIGN_MAX:
            why.append(f"{row['what']}: others took {row['foreign']:.1%}")
        if row["what"] == "drain" and abs(row["cpu_us_per_event"] - usual_drain) > PROBE_MAX * usual_drain:
            why.append(f"drain: {row['cpu_us_per_event'] / usual_drain - 1:+.0%} CPU")
        if why:
            reasons.setdefault(row["round"], []).extend(why)
    return reasons


def counted(rows):
    """The rows that count, and whether that is all: those of clean rounds, or all if fewer than half of the rounds are clean."""
    rounds = {row["round"] for row in rows}
    clean = rounds - dirty(rows).keys()
    if 2 * len(clean) < len(rounds):
        return rows, False
    return [row for row in rows if row["round"] in clean], True

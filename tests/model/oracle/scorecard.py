"""Score curves and the weighted scorecard. Weights are basis points."""
DEFAULT_BANDS = ((95, "A"), (85, "B"), (70, "C"), (60, "D"), (float("-inf"), "E"))


def linear(value, floor, goal, cap=1.0):
    if floor == goal:
        raise ValueError("floor = goal")
    return 100 * max(0.0, min(cap, (value - floor) / (goal - floor)))


def ratio_curve(value, goal, lower=False, cap=1.0):
    if lower:
        return 100 * (cap if value == 0 else min(cap, goal / value))
    return 100 * min(cap, value / goal)


def step(value, bands, exclusive=False):
    """bands: [(from, score)] sorted; inclusive: [from, next)."""
    score = bands[0][1]
    for start, points in bands:
        if value > start or (value == start and not exclusive):
            score = points
    return score


def compose(card, policy="exclude", min_coverage=0.6, held=None, bands=DEFAULT_BANDS):
    """card: [(perspective, bp, [(kpi, bp, score or None)])] -> score, coverage, band, weights."""
    rows = []
    for perspective, outer, kpis in card:
        for kpi, inner, score in kpis:
            rows.append([perspective, kpi, outer / 10000 * inner / 10000, score])
    coverage = sum(w for _, _, w, s in rows if s is not None)
    if policy == "zero":
        rows = [[p, k, w, 0.0 if s is None else s] for p, k, w, s in rows]
    elif policy == "hold":
        rows = [[p, k, w, (held or {}).get(k) if s is None else s] for p, k, w, s in rows]
    weights = _renormalise(card, rows)
    if not weights:
        return {"score": None, "coverage": coverage, "band": None, "weights": {}}
    score = sum(weights[k] * s for _, k, _, s in rows if k in weights)
    band = next(name for start, name in bands if score >= start)
    return {"score": score, "coverage": coverage, "weights": weights,
            "band": band if coverage >= min_coverage else None,
            "provisional": coverage < min_coverage}


def _renormalise(card, rows):
    """Weights of the usable scores: inside a perspective first, then among perspectives."""
    usable = {k for _, k, _, s in rows if s is not None}
    outer = {p: bp for p, bp, kpis in card if any(k in usable for k, _, _ in kpis)}
    weights = {}
    for perspective, bp, kpis in card:
        inner = {k: share for k, share, _ in kpis if k in usable}
        for kpi, share in inner.items():
            weights[kpi] = bp / sum(outer.values()) * share / sum(inner.values())
    return weights

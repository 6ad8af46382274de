// One function per panel: data in, elements out. Keyed where things move, so that focus and open details survive a change.
import { bar, curve, make, spark } from "./draw.js";
import { duration, figure, instant, t, titleOf } from "./words.js";

const $ = (id) => document.getElementById(id);
const nothing = (tag) => make(tag, { class: "empty" }, t("none"));
const say = (text) => { $("news").textContent = text; };

// ---- leaderboard ----
let leader;
const moved = (entry) => (entry.previous_rank === 0 ? ["★", "same", t("fresh")] : entry.movement > 0 ? [`▲ ${entry.movement}`, "up", t("up", { n: entry.movement })]
  : entry.movement < 0 ? [`▼ ${-entry.movement}`, "down", t("down", { n: -entry.movement })] : ["=", "same", t("same")]);

const fillPlace = (row, entry, board, target, currency) => {
  const [sign, kind, words] = moved(entry);
  row.replaceChildren(
    make("td", { class: "n" }, entry.rank ? String(entry.rank) : "–"),
    make("td", { class: kind }, make("span", { "aria-hidden": "true" }, sign), make("span", { class: "away" }, words)),
    make("td", { class: "name", title: entry.subject }, entry.subject),
    make("td", { class: "n" }, figure(entry.value, board.unit, currency)),
    make("td", { class: "n" }, entry.rank > 1 ? figure(entry.gap, board.unit, currency) : ""),
    make("td", {}, target === undefined ? "" : bar(target, figure(target, "ratio"))));
};

export const showBoard = (board, targets, kpi, currency) => {
  const body = $("places"), before = new Map([...body.children].map((row) => [row.dataset.key, [row, row.getBoundingClientRect().top, row.dataset.rank]]));
  $("board-caption").textContent = `${titleOf(kpi)} · ${board.window}`;
  const rows = board.entries.map((entry) => {
    const [row] = before.get(entry.subject) ?? [make("tr")];
    row.dataset.key = entry.subject;
    row.dataset.rank = entry.rank;
    fillPlace(row, entry, board, targets.get(entry.subject), currency);
    return row;
  });
  body.replaceChildren(...(rows.length ? rows : [make("tr", {}, make("td", { colspan: 6, class: "empty" }, t("none")))]));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const row of rows) {
    const [, top, rank] = before.get(row.dataset.key) ?? [];
    if (top === undefined || rank === row.dataset.rank || still) continue;
    row.animate([{ transform: `translateY(${top - row.getBoundingClientRect().top}px)` }, { transform: "none" }], { duration: 500, easing: "ease-out" });
    row.classList.remove("moved");
    void row.offsetWidth;
    row.classList.add("moved");
  }
  const first = board.entries[0]?.subject;
  if (leader !== undefined && first && first !== leader) say(t("leads", { name: first }));
  leader = first;
};

// ---- figures ----
const wanted = ["sales_amount", "quota_attainment", "deals_won", "win_rate", "new_customers", "leads_created", "pipeline_value", "csat", "nps", "first_response_time", "resolution_time", "active_users",
  "mrr", "refund_rate", "churn_rate", "retention_rate", "crm_adoption", "sales_cycle"];

export const showTiles = (rows, kpis, past, currency) => {
  const shown = wanted.map((id) => rows.find((row) => row.kpi === id)).filter((row) => row && row.value !== null).slice(0, 12);
  $("tiles").replaceChildren(...(shown.length ? shown : []).map((row) => {
    const name = titleOf(kpis.get(row.kpi)), values = past.get(row.kpi) ?? [row.value], as = (v) => figure(v, row.unit, currency);
    return make("li", { "data-kpi": row.kpi }, make("div", { class: "title" }, name), make("div", { class: "figure" }, as(row.value)),
      make("div", { class: "under" }, row.unit === "ratio" && row.denominator ? t("of", { n: figure(row.numerator, unitOfParts(row)), m: figure(row.denominator, unitOfParts(row)) }) : row.count ? t("samples", { n: row.count }) : ""),
      spark(values, t("trend", { name, n: values.length, a: as(values[0]), b: as(values.at(-1)) })));
  }));
  if (!shown.length) $("tiles").replaceChildren(nothing("li"));
};
const unitOfParts = (row) => (Math.abs(row.denominator) >= 1e8 ? "micros" : "count");

// ---- alerts ----
let firing;
const keyOf = (alert) => `${alert.rule}|${alert.dim}|${alert.subject}`;

export const showAlerts = (alerts, kpis) => {
  const open = new Set([...document.querySelectorAll("#alerts details[open]")].map((d) => d.dataset.key));
  const order = { firing: 0, pending: 1 };
  const sorted = [...alerts].sort((a, b) => (order[a.state] ?? 2) - (order[b.state] ?? 2) || b.since_ms - a.since_ms).slice(0, 50);
  $("alerts").replaceChildren(...sorted.map((a) => {
    const quiet = !(a.state in order), key = keyOf(a);
    const details = make("details", { "data-key": key }, make("summary", {}, make("span", { class: "state" }, t(quiet ? "resolved" : a.state)), ` ${a.rule} · ${a.subject} · ${figure(a.value, a.unit)}`),
      make("p", {}, `${titleOf(kpis.get(a.kpi))} (${a.window ?? ""}) ${a.fires ?? ""} · ${a.level} · ${t("samples", { n: a.samples })} · ${t("since", { at: instant(a.since_ms) })}`),
      make("p", { class: "ids" }, `${t("evidence", { n: a.evidence.length })}: ${a.evidence.join(", ")}${a.evidence_truncated ? `, ${t("more")}` : ""}`));
    details.open = open.has(key);
    return make("li", { class: quiet ? "quiet" : a.state }, details);
  }));
  if (!sorted.length) $("alerts").replaceChildren(nothing("li"));
  const now = new Map(alerts.filter((a) => a.state === "firing").map((a) => [keyOf(a), a]));
  for (const [key, a] of firing ? now : []) if (!firing.has(key)) say(t("fires", { rule: a.rule, name: a.subject }));
  for (const [key, a] of firing ?? []) if (!now.has(key)) say(t("clears", { rule: a.rule, name: a.subject }));
  firing = now;
};

// ---- scorecards ----
export const showCards = (cards, kpis) => {
  const open = new Set([...document.querySelectorAll("#cards details[open]")].map((d) => d.dataset.key));
  const shown = [...cards].sort((a, b) => (b.score ?? -1) - (a.score ?? -1)).slice(0, 40);
  $("cards").replaceChildren(...shown.map((card) => {
    const key = `${card.scorecard}|${card.dim}|${card.subject}`, total = card.perspectives.reduce((sum, p) => sum + p.items.reduce((s, i) => s + i.weight, 0), 0) || 1;
    const items = card.perspectives.flatMap((p) => p.items.map((i) => {
      const max = (i.weight / total) * 100, points = i.score === null ? null : (i.score / 100) * max;
      return make("li", {}, bar(points === null ? 0 : points / (max || 1), t("contributes", { kpi: titleOf(kpis.get(i.kpi)) || i.kpi, points: figure(points, "score"), max: figure(max, "score") })));
    }));
    const details = make("details", { "data-key": key }, make("summary", {}, `${card.subject} · ${card.scorecard} · `, make("strong", {}, figure(card.score, "score")), ` ${card.band ?? ""}${card.provisional ? ` (${t("provisional")})` : ""}`),
      make("p", {}, t("coverage", { p: figure(card.coverage, "ratio") })), make("ul", {}, ...items));
    details.open = open.has(key);
    return make("li", {}, details);
  }));
  if (!shown.length) $("cards").replaceChildren(nothing("li"));
};

// ---- use, retention, life cycle ----
const rates = ["login_usage_rate", "crm_adoption", "stickiness", "zero_activity_users", "record_completeness", "followup_record_rate", "usage_rate", "feature_usage_rate"];

export const showUsage = (rows, features, kpis) => {
  const own = rows.filter((row) => rates.includes(row.kpi) && row.unit === "ratio" && row.value !== null).map((row) => [titleOf(kpis.get(row.kpi)), row.value]);
  const all = [...own, ...features.filter((row) => row.value !== null).map((row) => [row.subject, row.value])].slice(0, 20);
  $("usage").replaceChildren(...all.map(([name, value]) => make("li", {}, make("span", {}, name), bar(value, figure(value, "ratio")))));
  if (!all.length) $("usage").replaceChildren(nothing("li"));
};
export const showRetention = (back) => {
  const known = back.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => [t(name), value]);
  const points = [["0", 1], ...known];
  $("retention").replaceChildren(known.length ? curve(points, known.map(([name, value]) => `${t("after", { k: name })}: ${figure(value, "ratio")}`).join("; ")) : nothing("p"));
};
export const showLifecycle = (row) => {
  const parts = [["new", "lcNew"], ["returning", "lcReturning"], ["resurrected", "lcResurrected"], ["dormant", "lcDormant"]].map(([k, word]) => [t(word), row?.extras?.[k] ?? null]).filter(([, v]) => v !== null);
  const most = Math.max(1, ...parts.map(([, v]) => Math.abs(v)));
  $("lifecycle").replaceChildren(parts.length ? make("ul", {}, ...parts.map(([name, v]) => make("li", {}, bar(Math.abs(v) / most, `${name}: ${figure(v, "count")}`)))) : nothing("p"));
};

// ---- pipeline ----
export const showHealth = (health) => {
  const ago = (ms) => (ms > 0 ? t("ago", { t: duration(Math.max(0, Date.now() - ms)) }) : "–");
  const rows = [["ready", health.ready ? t("yes") : `${t("no")}: ${health.reasons.join("; ")}`], ["lag", figure(health.lag_records, "count")], ["behind", duration(health.lag_ms)],
    ["age", ago(health.newest_event_ms)], ["watermark", ago(health.watermark_ms)], ["judged", ago(health.judged_ms)],
    ...["applied", "duplicate", "late", "dead"].map((key) => [key, figure(health[key], "count")])];
  $("health").replaceChildren(...rows.map(([key, value]) => make("div", {}, make("dt", {}, t(key)), make("dd", {}, value))));
};

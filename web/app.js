// The page: what is chosen, one stream for all panels, and which panel gets what.
import { drawCohorts, startCohorts, touchCohorts } from "./cohorts.js";
import { make } from "./draw.js";
import * as panels from "./panels.js";
import { headers, open } from "./stream.js";
import { getLanguage, setLanguage, t } from "./words.js";

const $ = (id) => document.getElementById(id), query = new URLSearchParams(location.search);
const POINTS = 60, windowOrder = ["5m", "1h", "24h", "d", "7d", "w", "30d", "m", "90d", "q", "y"];
const state = { kpis: new Map(), boards: [], orgs: [], org: null, board: null, window: query.get("window") ?? "7d", latest: new Map(), past: new Map(), close: () => {}, link: "wait" };

const ask = () => new Promise((resolve) => {
  const dialog = $("ask");
  dialog.addEventListener("close", () => { sessionStorage.setItem("token", $("token").value); $("token").value = ""; resolve(); }, { once: true });
  if (!dialog.open) dialog.showModal();
});
const get = async (path) => {
  for (;;) {
    try {
      const answer = await fetch(path, { headers: headers(), cache: "no-cache" });
      if (answer.ok) return await answer.json();
      if (answer.status === 401) { await ask(); continue; }
    } catch { /* not there: again soon */ }
    showLink("off");
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
};

const showLink = (link) => { if (state.link !== link || !$("link").textContent) { state.link = link; $("link").className = link; $("link").textContent = t(link); } };
const currency = () => state.orgs.find((org) => org.id === state.org)?.currency || undefined;
const windowFor = (kpi, wish) => { const all = state.kpis.get(kpi)?.windows ?? []; return all.includes(wish) ? wish : all.find((w) => windowOrder.includes(w)); };
const topic = (kpi, wish, dim) => { const w = windowFor(kpi, wish); return w && state.kpis.get(kpi).dims.includes(dim) ? `rows/${w}/${dim}/${kpi}` : null; };
const topics = () => {
  const list = { board: state.board && `board/${state.board}`, rows: `rows/${state.window}/org`, targets: topic("quota_attainment", "m", "rep"), usage: "rows/30d/org",
    backDay: topic("user_retention", "d", "org"), backWeek: topic("user_retention", "w", "org"), backMonth: topic("user_retention", "m", "org"), cycle: topic("usage_lifecycle", "w", "org"), features: topic("feature_usage_rate", "30d", "feature"), alerts: "alerts", cards: "scorecards", health: "health" };
  return Object.fromEntries(Object.entries(list).filter(([, name]) => name));
};

// Once for each figure: what is kept of it goes before what comes.
const remember = async (row) => {
  if (state.past.has(row.kpi) || !state.kpis.get(row.kpi)?.history) return;
  const past = state.past, ask = new URLSearchParams({ org: state.org, kpi: row.kpi, window: row.window, dim: row.dim, subject: row.subject });
  past.set(row.kpi, [row.value]);
  const points = (await get(`api/v1/history?${ask}`)).map((point) => point.value).filter((value) => value !== null);
  past.set(row.kpi, [...points, ...past.get(row.kpi)].slice(-POINTS));
  draw.rows();
};
const note = (rows) => {
  for (const row of rows) {
    if (row.value === null) continue;
    remember(row);
    const values = state.past.get(row.kpi) ?? [];
    if (values.at(-1) !== row.value || values.length < 2) values.push(row.value);
    state.past.set(row.kpi, values.slice(-POINTS));
  }
};

const draw = {
  board: () => {
    const board = state.latest.get(state.topics.board);
    if (!board) return;
    const targets = new Map((state.latest.get(state.topics.targets) ?? []).filter((row) => row.value !== null).map((row) => [row.subject, row.value]));
    panels.showBoard(board, targets, state.kpis.get(board.kpi), currency());
  },
  targets: () => draw.board(),
  rows: () => panels.showTiles(state.latest.get(state.topics.rows) ?? [], state.kpis, state.past, currency()),
  usage: () => panels.showUsage(state.latest.get(state.topics.usage) ?? [], state.latest.get(state.topics.features) ?? [], state.kpis),
  features: () => draw.usage(),
  backDay: () => panels.showRetention(["backDay", "backWeek", "backMonth"].map((name) => [name, (state.latest.get(state.topics[name]) ?? [])[0]?.value])),
  backWeek: () => draw.backDay(),
  backMonth: () => draw.backDay(),
  cycle: () => panels.showLifecycle((state.latest.get(state.topics.cycle) ?? [])[0]),
  alerts: () => panels.showAlerts(state.latest.get("alerts") ?? [], state.kpis),
  cards: () => panels.showCards(state.latest.get("scorecards") ?? [], state.kpis),
  health: () => state.latest.has("health") && panels.showHealth(state.latest.get("health")),
};
const drawAll = () => { for (const panel of Object.values(draw)) panel(); drawCohorts(); };

const take = (name, data) => {
  if (name === "health" && data.applied !== state.latest.get(name)?.applied) touchCohorts();
  state.latest.set(name, data);
  if (name === state.topics.rows) note(data);
  for (const [panel, of] of Object.entries(state.topics)) if (of === name) draw[panel]();
};
const connect = () => {
  state.close();
  state.topics = topics();
  state.latest = new Map();
  state.past = new Map();
  const list = [...new Set(Object.values(state.topics))].join(",");
  state.close = open(`api/v1/stream?org=${encodeURIComponent(state.org)}&topics=${encodeURIComponent(list)}`,
    { event: take, state: showLink, refused: () => { showLink("off"); ask().then(connect); } });
  startCohorts(state.org, (interval) => get(`api/v1/cohorts?org=${encodeURIComponent(state.org)}&window=${interval}`));
  drawAll();
};

const fillSelect = (id, values, chosen, change) => {
  $(id).replaceChildren(...values.map((value) => make("option", { value }, value)));
  $(id).value = chosen;
  $(id).onchange = () => change($(id).value);
};
const fillWindows = () => {
  const all = new Set([...state.kpis.values()].flatMap((kpi) => kpi.windows));
  const fit = windowOrder.filter((w) => all.has(w) && !["5m", "1h"].includes(w));
  if (!fit.includes(state.window)) state.window = fit[0];
  $("windows").append(...fit.map((w) => {
    const input = make("input", { type: "radio", name: "window", value: w });
    input.checked = w === state.window;
    input.addEventListener("change", () => { state.window = w; connect(); });
    return make("label", {}, input, w);
  }));
};
const start = async () => {
  setLanguage(query.get("lang") ?? localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
  document.documentElement.classList.toggle("kiosk", query.has("kiosk"));
  const theme = query.get("theme") ?? localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  showLink("wait");
  $("language").textContent = t("language");
  $("language").onclick = () => { setLanguage(getLanguage() === "zh" ? "en" : "zh"); localStorage.setItem("language", getLanguage()); $("language").textContent = t("language"); $("link").textContent = t(state.link); drawAll(); };
  $("theme").onclick = () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  };
  [state.orgs, state.boards] = [await get("api/v1/orgs"), await get("api/v1/boards")];
  state.kpis = new Map((await get("api/v1/kpis")).map((kpi) => [kpi.id, kpi]));
  state.org = query.get("org") ?? state.orgs[0]?.id ?? "";
  state.board = state.boards.find((board) => board.id === query.get("board"))?.id ?? state.boards[0]?.id;
  fillSelect("org", [...new Set([...state.orgs.map((org) => org.id), state.org])], state.org, (org) => { state.org = org; connect(); });
  fillSelect("board", state.boards.map((board) => board.id), state.board, (board) => { state.board = board; connect(); });
  fillWindows();
  connect();
};
start();

// The retention curve of one cohort: which intervals have one, which is chosen, and how many of its users came back later.
import { curve, make } from "./draw.js";
import { figure, t } from "./words.js";

const $ = (id) => document.getElementById(id), AGAIN_MS = 8000, SETTLE_MS = 2000;
const units = { d: "cohortD", w: "cohortW", m: "cohortM" };
let read = null, org = null, found = { cohorts: [] }, interval = "w", chosen = null, timer = null, asked = 0;

const drawCurve = () => {
  const one = found.cohorts.find((cohort) => cohort.label === chosen), unit = t(units[interval]);
  if (!one) { $("cohort-curve").replaceChildren(make("p", { class: "empty" }, t("none"))); return; }
  const points = [one.users, ...one.back].map((n, k) => [k, n / one.users, k === one.back.length, n]), open = $("cohort-curve").querySelector("details")?.open;
  const caption = t("cohortCaption", { n: one.users, name: one.label, unit });
  const rows = points.map(([k, share, running, n]) => make("tr", {}, make("th", { scope: "row" }, String(k)), make("td", { class: "n" }, running ? t("soFar", { n }) : String(n)), make("td", { class: "n" }, figure(share, "ratio"))));
  const details = make("details", {}, make("summary", {}, t("asTable")), make("table", {}, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, t("later", { unit })), make("th", { scope: "col", class: "n" }, t("users")), make("th", { scope: "col", class: "n" }, t("share")))), make("tbody", {}, ...rows)));
  details.open = Boolean(open);
  $("cohort-curve").replaceChildren(curve(points, `${caption}: ${points.map(([k, share]) => `${k}: ${figure(share, "ratio")}`).join("; ")}`), details);
};

// The lists are filled again only if they say something else, so that one that is open stays so.
const fill = (select, pairs, value) => {
  const words = pairs.join("|");
  if (select.dataset.words !== words) select.replaceChildren(...pairs.map(([key, text]) => make("option", { value: key }, text)));
  select.dataset.words = words;
  select.value = value;
};

// The oldest one has the longest curve.
export const drawCohorts = () => {
  if (!found.cohorts.some((cohort) => cohort.label === chosen)) chosen = found.cohorts.at(-1)?.label ?? null;
  fill($("cohort-window"), Object.entries(units).map(([key, word]) => [key, t(word)]), interval);
  fill($("cohort"), found.cohorts.map((cohort) => [cohort.label, `${cohort.label} (${cohort.users})`]), chosen);
  drawCurve();
};

const ask = async () => {
  const number = ++asked, answer = await read(interval);
  if (number !== asked) return; // another interval or org was chosen meanwhile
  found = answer;
  drawCohorts();
};

// Something has changed: asked for a little later, once for all that comes until then. Twice: the server answers with what it read last, and reads again.
export const touchCohorts = () => { timer ??= setTimeout(() => { timer = null; ask(); setTimeout(ask, SETTLE_MS); }, AGAIN_MS); };

// `get` of an interval gives what the API says of it. What is chosen stays while the org does.
export const startCohorts = (of, get) => {
  read = get;
  if (of !== org) found = { cohorts: [] };
  org = of;
  $("cohort-window").onchange = () => { interval = $("cohort-window").value; chosen = null; ask(); };
  $("cohort").onchange = () => { chosen = $("cohort").value; drawCurve(); };
  drawCohorts();
  ask();
};

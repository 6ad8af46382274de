// Small drawings: a sparkline, a bar, a curve. Elements only, never markup from a text.
const SVG = "http://www.w3.org/2000/svg";

export const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
const svg = (tag, attributes, ...children) => {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const line = (values, width, height, low, high) =>
  values.map((v, i) => `${i ? "L" : "M"}${((i / Math.max(values.length - 1, 1)) * width).toFixed(1)} ${(height - ((v - low) / (high - low || 1)) * height).toFixed(1)}`).join("");

export const spark = (values, label) => {
  const known = values.length > 1 ? values : [values[0] ?? 0, values[0] ?? 0];
  const low = Math.min(...known), high = Math.max(...known);
  return svg("svg", { class: "spark", viewBox: "-1 -2 102 24", preserveAspectRatio: "none", role: "img", "aria-label": label }, svg("path", { d: line(known, 100, 20, low, high) }));
};
export const bar = (part, text) => {
  const width = Math.max(0, Math.min(1, part || 0)) * 100;
  return make("span", { class: "bar" }, svg("svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { width, height: 1 })), make("span", {}, text));
};
// Points: [name, share, still running].
export const curve = (points, label) => {
  const at = (i) => 38 + (i / Math.max(points.length - 1, 1)) * 344, up = (v) => 110 - v * 100;
  return svg("svg", { class: "curve", viewBox: "0 0 400 130", role: "img", "aria-label": label },
    ...[0, 0.5, 1].flatMap((v) => [svg("line", { x1: 38, x2: 390, y1: up(v), y2: up(v) }), svg("text", { x: 0, y: up(v) + 4 }, `${v * 100}%`)]),
    svg("path", { d: points.map(([, v], i) => `${i ? "L" : "M"}${at(i)} ${up(v)}`).join("") }),
    ...points.map(([, v, running], i) => svg("circle", { cx: at(i), cy: up(v), r: running ? 4 : 3, class: running ? "running" : "ended" })), ...points.map(([name], i) => svg("text", { x: at(i) - (i ? Math.min(18, 3 * String(name).length) : 3), y: 127 }, name)));
};

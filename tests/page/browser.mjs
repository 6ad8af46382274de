// A headless Chromium that does what lines of JSON on standard input say, and answers each with a line of JSON. Used by tests/integration/test_page.py.
// Usage: node browser.mjs DIRECTORY (with playwright-core and axe-core below it)
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(`${process.argv[2]}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: quiet });
const problems = [];
let page;

const fresh = async ({ width = 1400, height = 1000, scheme = "light", locale = "en-GB" }) => {
  await page?.context().close();
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, locale, bypassCSP: false });
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
};
// Through the debugger's protocol, which a page's policy does not bind.
const accessibility = async () => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.failureSummary ?? "").split("\n").at(-1)).join(" | ")}`);
};
const commands = {
  fresh,
  goto: ({ url }) => page.goto(url, { waitUntil: "load" }).then(() => null),
  run: ({ script }) => page.evaluate(script),
  press: ({ key }) => page.keyboard.press(key),
  fill: ({ selector, text }) => page.fill(selector, text),
  click: ({ selector }) => page.click(selector),
  shot: ({ path, full = false }) => page.screenshot({ path, fullPage: full }).then(() => null),
  axe: accessibility,
  problems: () => problems.splice(0),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command](rest)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();

// The page in a real Chromium. Usage: node run.mjs URL RESP_PORT [--restart]
//
// URL is a node's page, RESP_PORT its front door (redis-cli writes there). With --restart the script prints RESTART
// and waits for a line on stdin, while whoever started it stops and starts the node again on the same ports.
// Environment: CHROMIUM (default /usr/bin/chromium), REDIS_CLI, REDISCLI_AUTH, SCREENSHOTS (a directory).
import { chromium } from "playwright-core";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const [url, port, ...flags] = process.argv.slice(2);
const hostile = ["<img src=x onerror=alert(1)>", "\"><svg onload=alert(2)>", "__proto__", "constructor", "a\u202eb", "{{7*7}}"];
const hostileMetric = "<script>alert(3)<\x2fscript>";
const run = promisify(execFile);
const problems = [];

async function write(host, metric, value) {
  const now = new Date();
  const ts = String(Math.floor(now.getTime() / 1000));
  const escaped = host.replaceAll("%", "%25").replaceAll(":", "%3A");
  const key = `${now.toISOString().slice(0, 10)}:${escaped}:${metric}`;
  const cli = process.env.REDIS_CLI || "redis-cli";
  const { stdout } = await run(cli, ["-e", "-p", port, "zadd", key, ts, `${ts}:${value}`]);
  if (!/^\(?(integer\) )?[01]$/.test(stdout.trim())) throw new Error(`redis-cli zadd ${key}: ${stdout}`);
}

function check(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`);
  console.log(`ok  ${what}`);
}

// shown gives the ms until an element shows exactly this text.
async function shown(page, selector, text, limit) {
  const began = Date.now();
  await page.waitForFunction(
    ([sel, want]) => [...document.querySelectorAll(sel)].some((e) => e.textContent === want),
    [selector, text], { timeout: limit, polling: 50 },
  ).catch(() => { throw new Error(`${selector} does not show ${JSON.stringify(text)} within ${limit} ms`); });
  return Date.now() - began;
}

const live = (page, limit) => page.waitForFunction(
  () => document.querySelector("[data-testid=connection]")?.textContent.startsWith("live"), null, { timeout: limit });

async function open(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  const page = await context.newPage();
  page.on("dialog", (d) => { problems.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on("pageerror", (e) => problems.push(`error on the page: ${e.message}`));
  page.on("console", (m) => { if (/Content Security Policy|Trusted ?Type/i.test(m.text())) problems.push(m.text()); });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) =>
      console.warn(`Content Security Policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  });
  await page.goto(url);
  await live(page, 15_000);
  return page;
}

const fragment = (view) => `#${new URLSearchParams(view)}`;

// settled waits until the page shows every host that the node has and nothing was drawn for a moment: what is measured
// then is the way of one point, not the start of the page.
async function settled(page) {
  const { hosts } = await (await fetch(new URL("/api/v1/hosts", url))).json();
  await page.waitForFunction((n) => document.querySelectorAll(".tile").length >= n, hosts.length, { timeout: 15_000 });
  await page.evaluate(() => new Promise((resolve) => {
    let calm = 0;
    const frame = (before) => requestAnimationFrame((now) => {
      calm = now - before < 100 ? calm + 1 : 0;
      if (calm >= 20) resolve();
      else frame(now);
    });
    frame(performance.now());
  }));
}

// within2s measures once: the promise has no second attempt. Much later the page must be right in any case, so that the
// failure tells slow from wrong.
async function within2s(page, what, attempt) {
  await settled(page);
  await new Promise((r) => setTimeout(r, 1100)); // a point needs another second as its timestamp
  const began = Date.now();
  await attempt();
  const took = Date.now() - began;
  check(took <= 2000, `${what} within 2 s: after ${took} ms`);
}

async function livePoint(page) {
  const host = `probe-${process.pid}`;
  await within2s(page, "a new host appears", async () => {
    await write(host, "browser.test", "41.5");
    await shown(page, ".tile .name", host, 10_000);
  });
  await page.goto(url + fragment({ host, metric: "browser.test" }));
  await shown(page, "figure .last", "41.5", 10_000);
  await within2s(page, "a point written by redis-cli is shown", async () => {
    await write(host, "browser.test", "42.25");
    await shown(page, "figure[data-metric='browser.test'] .last", "42.25", 10_000);
    await shown(page, `.tile[data-host='${host}'] .value`, "42.3", 10_000);
  });
  return host;
}

async function hostileNames(page) {
  for (const host of hostile) {
    await write(host, "browser.test", "1");
    await write(host, hostileMetric, "2");
  }
  for (const host of hostile) {
    await shown(page, ".tile .name", host, 10_000);
    await page.goto(url + fragment({ host }));
    await shown(page, ".host h2 > .name", host, 10_000);
    await shown(page, "figure .name", hostileMetric, 10_000);
  }
  await page.goto(url + fragment({ metric: hostileMetric, filter: "<img" }));
  await shown(page, ".tile .name", hostile[0], 10_000);
  const made = await page.evaluate(() => document.querySelectorAll("#app img:not([alt='']), #app script, #app svg").length);
  check(made === 0, "hostile names are text, no element came of them");
}

async function restart(page, host) {
  const lines = createInterface({ input: process.stdin });
  const answer = new Promise((r) => lines.once("line", r));
  console.log("RESTART");
  await answer;
  lines.close();
  await live(page, 20_000);
  await page.goto(url + fragment({ host, metric: "browser.test" }));
  await write(host, "browser.test", "63.75");
  await shown(page, "figure[data-metric='browser.test'] .last", "63.75", 10_000);
  await page.goto(url + "#");
  const want = (await (await fetch(new URL("/api/v1/hosts", url))).json()).hosts.map((h) => h.name).sort();
  await page.waitForFunction((names) => {
    const got = [...document.querySelectorAll(".tile .name")].map((e) => e.textContent).sort();
    return JSON.stringify(got) === JSON.stringify(names);
  }, want, { timeout: 10_000 });
  check(true, `after a restart the page shows the ${want.length} hosts that the node has`);
}

async function screenshots(page, host) {
  const dir = process.env.SCREENSHOTS;
  if (!dir) return;
  const shot = (name) => page.screenshot({ path: join(dir, `${name}.png`) });
  await page.goto(url + "#");
  await page.waitForTimeout(3000);
  await shot("hosts");
  await page.goto(url + fragment({ host: process.env.SCREENSHOT_HOST || host, window: "300" }));
  await page.waitForTimeout(2500);
  await shot("host-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForTimeout(1500);
  await shot("host-dark");
  await page.goto(url + "#");
  await page.waitForTimeout(1500);
  await shot("hosts-dark");
  await page.setViewportSize({ width: 480, height: 900 });
  await page.waitForTimeout(1500);
  await shot("narrow");
}

const profile = mkdtempSync(join(tmpdir(), "dunlin-chromium-"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--disk-cache-dir=${profile}`],
});
try {
  const page = await open(browser);
  const host = await livePoint(page);
  await hostileNames(page);
  if (flags.includes("--restart")) await restart(page, host);
  await screenshots(page, host);
  check(problems.length === 0, `no dialog, no error, no policy violation${problems.map((p) => `\n    ${p}`).join("")}`);
  console.log("PASS");
} catch (e) {
  console.log(`FAIL ${e.message}${problems.map((p) => `\n    ${p}`).join("")}`);
  process.exitCode = 1;
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
  process.stdin.destroy();
}

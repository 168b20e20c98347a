// A flock that is cut and heals, as its page shows it. Usage: node cut.mjs DUNLIN DIR RESP_PORT WEB_PORT
//
// DUNLIN is the program, DIR the directory of a running dunlin demo without agents and simulated hosts, RESP_PORT and
// WEB_PORT the first of its ports. The third node, nyc1, is cut off; both sides are written to; it is healed.
// Environment: CHROMIUM (default /usr/bin/chromium), REDIS_CLI, SCREENSHOTS (a directory).
import { chromium } from "playwright-core";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const [dunlin, dir, resp, web] = process.argv.slice(2);
const run = promisify(execFile);
const began = Date.now();

function check(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`);
  console.log(`ok  ${what} (after ${((Date.now() - began) / 1000).toFixed(1)} s)`);
}

const demo = (verb) => run(dunlin, ["demo", verb, "nyc1", "--dir", dir]);

async function write(node, host, value) {
  const now = new Date();
  const ts = String(Math.floor(now.getTime() / 1000));
  const key = `${now.toISOString().slice(0, 10)}:${host}:cut.test`;
  const port = String(Number(resp) + node);
  const { stdout } = await run(process.env.REDIS_CLI || "redis-cli", ["-e", "-p", port, "zadd", key, ts, `${ts}:${value}`]);
  if (stdout.trim() !== "1") throw new Error(`zadd ${key} on node ${node}: ${stdout}`);
}

// until waits until an element's text is as wanted, and gives it.
async function until(page, what, selector, want, limit = 30_000) {
  const text = () => page.evaluate((sel) => document.querySelector(sel)?.textContent ?? "", selector);
  for (const end = Date.now() + limit; ; await new Promise((r) => setTimeout(r, 100))) {
    const got = (await text()).trim();
    if (want(got)) {
      check(true, `${what}: ${JSON.stringify(got)}`);
      return got;
    }
    if (Date.now() > end) throw new Error(`not so: ${what}: ${selector} shows ${JSON.stringify(got)}`);
  }
}

async function shots(page, name) {
  const to = process.env.SCREENSHOTS;
  if (!to) return;
  for (const [scheme, width] of [["light", 1300], ["dark", 1300], ["light", 500]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(1200);
    await page.screenshot({ path: join(to, `${name}-${scheme}-${width}.png`) });
  }
}

const equality = "[data-testid=equality]";
const lag = "[data-node=sfo1] [data-fact=lag]";
const farAway = "[data-node=nyc1] [data-testid=complete]";
const seconds = (text) => Number(/, (\d+) s ago/.exec(text)?.[1] ?? NaN);
const checkedAt = (text) => /^= nodes equal, checked (\d\d:\d\d:\d\d)$/.exec(text)?.[1];

async function cutAndHeal(page) {
  for (const node of [0, 2]) await write(node, `before-${node}`, "1");
  const before = checkedAt(await until(page, "three nodes are equal", equality, checkedAt));
  await until(page, "nyc1 is complete here", farAway, (t) => /^nyc1 complete up to \d\d:\d\d:\d\d$/.test(t));
  await shots(page, "1-equal");

  await demo("cut");
  for (const node of [0, 2]) await write(node, `while-cut-${node}`, "2");
  await until(page, "the cut is said", equality, (t) => t === "! nyc1 cut off");
  const first = seconds(await until(page, "nyc1 falls behind", farAway, (t) => seconds(t) >= 4));
  await until(page, "the lag grows", farAway, (t) => seconds(t) >= first + 4);
  await until(page, "the node's own lag grows too", lag, (t) => /^\d+ s$/.test(t) && parseInt(t) >= first + 4);
  await until(page, "the other side is written to and not here", "[data-host=while-cut-0]", (t) => t !== "");
  check(await page.locator("[data-host=while-cut-2]").count() === 0, "what the other side took is not here");
  await shots(page, "2-cut");

  await demo("heal");
  await until(page, "what the other side took is here", "[data-host=while-cut-2]", (t) => t !== "");
  await until(page, "the lag is zero again", lag, (t) => /^\d+ ms$/.test(t));
  await until(page, "nyc1 is complete again", farAway, (t) => /^nyc1 complete up to \d\d:\d\d:\d\d$/.test(t));
  const after = checkedAt(await until(page, "the digests meet", equality, checkedAt));
  check(after > before || after < "00:05:00", `they were compared anew: ${before}, then ${after}`);
  await shots(page, "3-healed");
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
  const problems = [];
  page.on("pageerror", (e) => problems.push(e.message));
  await page.goto(`http://127.0.0.1:${web}/`);
  await cutAndHeal(page);
  check(problems.length === 0, `no error on the page: ${problems}`);
} finally {
  await browser.close();
}

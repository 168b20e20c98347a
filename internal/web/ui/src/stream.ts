// The one connection of the page. Whatever happened before, a snapshot makes everything right; so a lost connection
// needs no bookkeeping here.

import { batch, effect, signal } from "@preact/signals";
import * as s from "./state";
import type { HostRow, SeriesData, Snapshot, Update } from "./types";

const silenceMillis = 6000; // without an event for so long, the connection is taken for dead
const sparkMillis = 120_000;

let source: EventSource | null = null;
let heard = 0;
let asked = "";

export function run(): void {
  effect(() => {
    const { host, metric, window } = s.view.value;
    const p = new URLSearchParams({ since: `${window}s` });
    if (host) p.set("host", host);
    if (metric) p.set("metric", metric);
    if (asked !== p.toString()) {
      asked = p.toString();
      connect();
    }
  });
  setInterval(() => {
    if (source?.readyState === EventSource.CLOSED || performance.now() - heard > silenceMillis) {
      lost();
      connect();
    }
  }, 2000);
}

function connect(): void {
  source?.close();
  heard = performance.now();
  source = new EventSource(`/api/v1/stream?${asked}`);
  source.addEventListener("snapshot", (e) => take(() => snapshot(JSON.parse(e.data))));
  source.addEventListener("update", (e) => take(() => update(JSON.parse(e.data))));
  source.addEventListener("error", lost);
}

function lost(): void {
  if (s.connection.peek() === "live") s.lostSince.value = Date.now();
  s.connection.value = "lost";
}

function take(apply: () => void): void {
  heard = performance.now();
  batch(() => {
    apply();
    s.connection.value = "live";
  });
}

function snapshot(d: Snapshot): void {
  const rows = new Map(d.hosts.map((h) => [h.name, h]));
  const sparks = new Map((d.sparks ?? []).map((p) => [p.host, p]));
  for (const name of s.hosts.keys()) if (!rows.has(name)) s.hosts.delete(name);
  for (const [name, row] of rows) {
    const spark = sparks.get(name);
    setHost({ row, t: spark?.t ?? [], v: spark?.v ?? [] });
  }
  s.hostNames.value = [...rows.keys()];
  s.node.value = d.node;
  s.metric.value = d.metric;
  s.metrics.value = d.metrics;
  s.flock.value = d.flock;
  s.now.value = d.now;
  if (d.host?.name !== s.seriesHost.peek()) s.series.value = new Map();
  s.seriesHost.value = d.host?.name ?? "";
  const known = new Map<string, ReturnType<typeof signal<SeriesData>>>();
  for (const one of d.host?.series ?? []) known.set(one.metric, s.series.peek().get(one.metric) ?? signal(one));
  for (const one of d.host?.series ?? []) known.get(one.metric)!.value = one;
  s.series.value = known as typeof s.series.value;
}

function update(d: Update): void {
  s.flock.value = d.flock;
  s.now.value = d.now;
  if (d.metrics) s.metrics.value = d.metrics;
  let fresh = false;
  for (const row of d.hosts) {
    fresh = fresh || !s.hosts.has(row.name);
    setHost(grown(row, d.now));
  }
  if (fresh) s.hostNames.value = [...s.hosts.keys()].sort(byName);
  for (const one of d.series ?? []) setSeries(one, d.now - s.view.peek().window * 1000);
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function setHost(h: s.Host): void {
  const known = s.hosts.get(h.row.name);
  if (known) known.value = h;
  else s.hosts.set(h.row.name, signal(h));
}

// grown is a host with its new value at the end of its recent past.
function grown(row: HostRow, now: number): s.Host {
  const old = s.hosts.get(row.name)?.peek();
  let t = old?.t ?? [];
  let v = old?.v ?? [];
  if (row.ts !== undefined && row.ts >= (t[t.length - 1] ?? 0)) {
    const from = t.findIndex((x) => x >= now - sparkMillis);
    const to = t[t.length - 1] === row.ts ? t.length - 1 : t.length;
    t = from < 0 ? [row.ts] : [...t.slice(from, to), row.ts];
    v = from < 0 ? [row.value ?? null] : [...v.slice(from, to), row.value ?? null];
  }
  return { row, t, v };
}

function setSeries(one: SeriesData, from: number): void {
  const known = s.series.peek().get(one.metric);
  if (!known) {
    s.series.value = new Map([...s.series.peek(), [one.metric, signal(one)]]);
    return;
  }
  known.value = one.full ? one : appended(known.peek(), one, from);
}

// appended replaces what overlaps and forgets what left the window.
function appended(old: SeriesData, news: SeriesData, from: number): SeriesData {
  const first = news.t[0];
  if (first === undefined) return { ...old, text: news.text, newest: news.newest };
  let start = old.t.findIndex((x) => x >= from);
  if (start < 0) start = old.t.length;
  let end = old.t.length;
  while (end > start && (old.t[end - 1] ?? 0) >= first) end--;
  return {
    metric: old.metric,
    t: [...old.t.slice(start, end), ...news.t],
    v: [...old.v.slice(start, end), ...news.v],
    text: news.text,
    newest: news.newest,
  };
}

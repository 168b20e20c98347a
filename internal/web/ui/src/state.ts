// The state of the page: what the URL says, and what the stream said last.

import { computed, signal, type Signal } from "@preact/signals";
import type { Flock, HostRow, MetricRow, SeriesData } from "./types";

// view is what the person chose. It lives in the URL's fragment, so that a link shows what its sender saw.
export interface View {
  host: string;
  metric: string; // colours the hosts; "" = the server chooses
  window: number; // s
  filter: string;
  sort: "name" | "value";
}

function readView(): View {
  const p = new URLSearchParams(location.hash.slice(1));
  const window = Number(p.get("window"));
  return {
    host: p.get("host") ?? "",
    metric: p.get("metric") ?? "",
    window: windows.some((w) => w.seconds === window) ? window : 900,
    filter: p.get("filter") ?? "",
    sort: p.get("sort") === "value" ? "value" : "name",
  };
}

export const windows = [
  { seconds: 300, label: "5 min" },
  { seconds: 900, label: "15 min" },
  { seconds: 3600, label: "1 h" },
  { seconds: 21_600, label: "6 h" },
  { seconds: 86_400, label: "24 h" },
];

export const view = signal<View>(readView());

export function setView(change: Partial<View>): void {
  const next = { ...view.value, ...change };
  const p = new URLSearchParams();
  if (next.host) p.set("host", next.host);
  if (next.metric) p.set("metric", next.metric);
  if (next.window !== 900) p.set("window", String(next.window));
  if (next.filter) p.set("filter", next.filter);
  if (next.sort !== "name") p.set("sort", next.sort);
  const url = `#${p}`;
  // Only another host is a step that "back" should undo.
  if (next.host !== view.value.host) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  view.value = next;
}

addEventListener("popstate", () => (view.value = readView()));
addEventListener("hashchange", () => (view.value = readView()));

// Host is a host at a glance, with the recent past of the metric that colours it.
export interface Host {
  row: HostRow;
  t: number[];
  v: (number | null)[];
}

export const node = signal("");
export const flock = signal<Flock | null>(null);
export const metrics = signal<MetricRow[]>([]);
export const metric = signal(""); // that the rows are about
export const hosts = new Map<string, Signal<Host>>();
export const hostNames = signal<string[]>([]);
export const now = signal(0); // the server's clock at the last event, ms
export const connection = signal<"connecting" | "live" | "lost">("connecting");
export const lostSince = signal(0);

// series of the chosen host, by metric. The map is replaced when a metric appears, an entry when it gets points.
export const series = signal<Map<string, Signal<SeriesData>>>(new Map());
export const seriesHost = signal("");

// highest of the values shown is what the colours are relative to. It moves in steps, or every tile would change
// with every point.
export const highest = computed(() => {
  now.value;
  let max = 0;
  for (const h of hosts.values()) max = Math.max(max, Math.abs(h.peek().row.value ?? 0));
  if (max > 50 && max <= 100) return 100;
  const step = 10 ** Math.floor(Math.log10(max || 1));
  return Math.ceil(max / step) * step;
});

export const simulated = (name: string): boolean => name.startsWith("sim-");

// A counter is drawn as its rate. Names are all there is to tell by: Prometheus' endings, and what kernels count.
export function isCounter(name: string): boolean {
  const bare = name.replace(/\{.*$/s, "");
  const sizes = /(^|[._])(mem|memory|swap|heap|used|free|cached|avail|available|size|rss|limit|max)([._]|$)/;
  return !sizes.test(bare) && (/_(total|count|sum|bucket)$/.test(bare) ||
    /[._](bytes|packets|errors|drops|dropped|ops|reads|writes|requests|switches|interrupts|forks|octets)$/.test(bare));
}

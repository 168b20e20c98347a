// One host: a chart per metric, in groups.

import { useComputed } from "@preact/signals";
import { Chart } from "./chart";
import { ago } from "./format";
import * as s from "./state";
import type { SeriesData } from "./types";

// What people look at first comes first; metrics of one kind stand together.
const order = ["cpu", "load", "mem", "memory", "swap", "disk", "io", "fs", "net", "proc", "process", "processes"];

const kind = (metric: string): string => /^[A-Za-z0-9]+/.exec(metric)?.[0].toLowerCase() ?? metric;

function byKind(a: string, b: string): number {
  const rank = (m: string) => (order.indexOf(kind(m)) + 1 || order.length + 1);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

export function HostPanel({ name }: { name: string }) {
  const metrics = useComputed(() => [...s.series.value.keys()].sort(byKind)).value;
  const words = metrics.filter((m) => isWord(s.series.value.get(m)!.value));
  const drawn = metrics.filter((m) => !words.includes(m));
  const loaded = s.seriesHost.value === name;
  return (
    <section class="host" data-testid="host">
      <h2>
        <span class="name">{name}</span>
        {s.simulated(name) && <span class="pill warn">simulated</span>}
        <Seen name={name} />
        <span class="grow" />
        <Windows />
        <button class="quiet" onClick={() => s.setView({ host: "" })}>close</button>
      </h2>
      {loaded && metrics.length === 0 && <p class="muted">Nothing is known of this host.</p>}
      {loaded && words.length > 0 && (
        <p class="facts">
          {words.map((m) => (
            <span key={m} data-metric={m}>
              <span class="muted">{m}</span> <b>{s.series.value.get(m)!.value.text}</b>
            </span>
          ))}
        </p>
      )}
      {loaded && <div class="charts">{drawn.map((m) => <Chart key={m} metric={m} />)}</div>}
    </section>
  );
}

// isWord says whether there is nothing to draw but something to read.
const isWord = (d: SeriesData): boolean => d.v.length > 0 && d.v.every((v) => v === null);

function Seen({ name }: { name: string }) {
  s.hostNames.value;
  const row = s.hosts.get(name)?.value.row;
  if (!row) return null;
  return <span class="muted">{row.metrics} {row.metrics === 1 ? "metric" : "metrics"}, last point {ago(s.now.value - row.newest)}</span>;
}

function Windows() {
  return (
    <span class="segments">
      {s.windows.map((w) => (
        <button
          key={w.seconds}
          class={w.seconds === s.view.value.window ? "on" : ""}
          onClick={() => s.setView({ window: w.seconds })}
        >
          {w.label}
        </button>
      ))}
    </span>
  );
}

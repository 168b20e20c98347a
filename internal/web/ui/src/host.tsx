// One host: a chart per metric, in groups.

import { useComputed } from "@preact/signals";
import { Chart } from "./chart";
import { age } from "./format";
import * as s from "./state";

export function HostPanel({ name }: { name: string }) {
  const groups = useComputed(() => {
    const out = new Map<string, string[]>();
    for (const m of [...s.series.value.keys()].sort()) {
      const g = /^[A-Za-z0-9]+/.exec(m)?.[0] ?? m;
      out.set(g, [...(out.get(g) ?? []), m]);
    }
    return out;
  }).value;
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
      {loaded && groups.size === 0 && <p class="muted">Nothing is known of this host.</p>}
      {loaded && [...groups].map(([g, metrics]) => (
        <div class="group" key={g}>
          <h3>{g}</h3>
          <div class="charts">{metrics.map((m) => <Chart key={m} metric={m} />)}</div>
        </div>
      ))}
    </section>
  );
}

function Seen({ name }: { name: string }) {
  s.hostNames.value;
  const row = s.hosts.get(name)?.value.row;
  if (!row) return null;
  return <span class="muted">{row.metrics} metrics, last point {age(Math.max(0, s.now.value - row.newest))} ago</span>;
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

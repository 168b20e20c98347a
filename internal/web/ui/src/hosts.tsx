// All hosts at a glance, coloured by one metric.

import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { age, value } from "./format";
import * as s from "./state";
import { colour, css } from "./theme";

const staleMillis = 60_000;

export function Hosts() {
  const names = useComputed(() => {
    const { filter, sort } = s.view.value;
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const found = s.hostNames.value.filter((n) => words.every((w) => n.toLowerCase().includes(w)));
    if (sort === "name") return found;
    s.now.value;
    const of = (n: string) => s.hosts.get(n)?.peek().row.value ?? -Infinity;
    return found.sort((a, b) => of(b) - of(a));
  }).value;
  const real = names.filter((n) => !s.simulated(n));
  const sim = names.filter(s.simulated);
  return (
    <section>
      <h2>
        Hosts <span class="muted">{names.length === s.hostNames.value.length ? "" : `${names.length} of `}{s.hostNames.value.length}</span>
        <span class="grow" />
        <Controls />
      </h2>
      {s.hostNames.value.length === 0 && s.connection.value === "live" && <Empty />}
      {real.length > 0 && <div class="tiles">{real.map((n) => <Tile key={n} name={n} />)}</div>}
      {sim.length > 0 && (
        <>
          <h3>simulated <span class="muted">{sim.length} made-up hosts, names begin with sim-</span></h3>
          <div class="tiles small">{sim.map((n) => <Tile key={n} name={n} />)}</div>
        </>
      )}
    </section>
  );
}

function Empty() {
  return (
    <p class="muted">
      No host has written a point yet. Try: <code>redis-cli -p 6390 zadd $(date -u +%F):web1:load.1 $(date +%s) $(date +%s):0.5</code>
    </p>
  );
}

function Controls() {
  const { filter, sort } = s.view.value;
  return (
    <span class="controls">
      <label>
        coloured by{" "}
        <select value={s.metric.value} onChange={(e) => s.setView({ metric: e.currentTarget.value })}>
          {s.metrics.value.map((m) => (
            <option key={m.name} value={m.name}>{m.name}{` (${m.hosts})`}</option>
          ))}
        </select>
      </label>
      <label>
        sorted by{" "}
        <select value={sort} onChange={(e) => s.setView({ sort: e.currentTarget.value as "name" | "value" })}>
          <option value="name">name</option>
          <option value="value">value</option>
        </select>
      </label>
      <input type="search" placeholder="filter" value={filter} onInput={(e) => s.setView({ filter: e.currentTarget.value })} />
    </span>
  );
}

// Tile reads its own host's signal, so a point redraws one tile.
function Tile({ name }: { name: string }) {
  const stale = useComputed(() => s.now.value - (s.hosts.get(name)?.value.row.newest ?? 0) > staleMillis).value;
  const host = s.hosts.get(name)?.value;
  if (!host) return null;
  const { row, t, v } = host;
  const chosen = s.view.value.host === name;
  return (
    <button
      class={`tile ${stale ? "stale" : ""} ${chosen ? "chosen" : ""}`}
      style={{ background: stale || row.value === undefined ? "" : colour(Math.abs(row.value) / (s.highest.value || 1)) }}
      onClick={() => s.setView({ host: chosen ? "" : name })}
      title={`${name}\n${row.metrics} metrics`}
      data-host={name}
    >
      <span class="name">{name}</span>
      <span class="value">{stale ? <Age of={row.newest} /> : row.value !== undefined ? value(row.value) : row.text || "–"}</span>
      <Spark t={t} v={v} />
    </button>
  );
}

function Age({ of }: { of: number }) {
  return <>silent {age(s.now.value - of)}</>;
}

// Sparks out of sight are not drawn: a page shows a hundred tiles of a flock's thousand.
const inSight = new WeakMap<Element, (seen: boolean) => void>();
const sight = new IntersectionObserver((entries) => {
  for (const e of entries) inSight.get(e.target)?.(e.isIntersecting);
});

function Spark({ t, v }: { t: number[]; v: (number | null)[] }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const latest = useRef({ t, v, seen: false });
  latest.current = { t, v, seen: latest.current.seen };
  useEffect(() => {
    const c = ref.current!;
    inSight.set(c, (seen) => {
      latest.current.seen = seen;
      if (seen) draw(c, latest.current.t, latest.current.v, s.now.peek());
    });
    sight.observe(c);
    return () => sight.unobserve(c);
  }, []);
  useEffect(() => {
    if (latest.current.seen) draw(ref.current!, t, v, s.now.peek());
  }, [t, v]);
  return <canvas ref={ref} width="120" height="28" />;
}

function draw(c: HTMLCanvasElement, t: number[], v: (number | null)[], now: number): void {
  const g = c.getContext("2d")!;
  g.clearRect(0, 0, c.width, c.height);
  const known = v.filter((x) => x !== null);
  if (known.length < 2) return;
  const low = Math.min(...known);
  const span = Math.max(...known) - low || 1;
  g.beginPath();
  for (let i = 0; i < t.length; i++) {
    const y = v[i];
    if (y === null || y === undefined) continue;
    g.lineTo(((t[i]! - (now - 120_000)) / 120_000) * c.width, c.height - 2 - ((y - low) / span) * (c.height - 4));
  }
  g.strokeStyle = css("--muted");
  g.lineWidth = 1.5;
  g.stroke();
}

// The flock: nodes by site, and how far this node is behind its peers, shard by shard.

import { age, bytes, clock, count, lag } from "./format";
import { behind, complete, equality } from "./replicas";
import * as s from "./state";
import type { Flock, FlockNode, Link } from "./types";

export function FlockStrip() {
  const f = s.flock.value;
  if (!f?.nodes?.length) return null;
  const sites = new Map<string, FlockNode[]>();
  for (const n of f.nodes) sites.set(n.site, [...(sites.get(n.site) ?? []), n]);
  const up = f.nodes.filter((n) => n.up).length;
  return (
    <section>
      <h2>
        The flock <span class="muted">{up} of {f.nodes.length} nodes up</span>
        <Equality flock={f} />
      </h2>
      <div class="sites">
        {[...sites].map(([site, nodes]) => (
          <div class="site" key={site}>
            <h3>{site}</h3>
            <div class="nodes">{nodes.map((n) => <NodeCard key={n.name} node={n} flock={f} />)}</div>
          </div>
        ))}
      </div>
      <Links flock={f} />
    </section>
  );
}

function Equality({ flock: f }: { flock: Flock }) {
  const v = equality(f, s.now.value);
  if (!v) return null;
  return (
    <span class={`pill ${v.tone}`} data-testid="equality" title={v.title}>
      {v.mark} {v.text}
    </span>
  );
}

function NodeCard({ node: n, flock: f }: { node: FlockNode; flock: Flock }) {
  const self = n.name === f.self;
  const lags = Object.values(n.lagMillis ?? {});
  const reached = lags.filter((l) => l >= 0);
  const away = Object.entries(n.lagMillis ?? {}).filter(([, l]) => l < 0).map(([peer]) => peer);
  const worst = behind(n);
  return (
    <article class={`node ${n.up ? "" : "down"} ${self ? "self" : ""}`} data-node={n.name}>
      <header>
        <span class={`dot ${n.up ? "good" : "bad"}`} />
        <b>{page(n) && !self ? <a href={page(n)}>{n.name}</a> : n.name}</b>
        {self && <span class="pill">this node</span>}
        <span class="grow" />
        <span class="muted">{n.store}</span>
      </header>
      {n.up ? (
        <dl>
          <Fact name="points/s" value={count(n.pointsPerSecond)} />
          <Fact name="series" value={count(n.series)} />
          <Fact name="points" value={n.points < 0 ? "–" : count(n.points)} />
          <Fact name="memory" value={bytes(n.bytes)} />
          <Fact name="lag" value={lags.length ? lag(worst) : "–"} tone={lags.length ? tone(worst) : ""} />
          <Fact name="disk" value={disk(n)} tone={n.durability === "degraded" ? "bad-text" : ""} />
        </dl>
      ) : (
        <p class="bad-text one-line" title={n.error}>not reached from here{n.error ? `: ${n.error}` : ""}</p>
      )}
      {n.up && reached.length > 0 && away.length > 0 && <p class="warn-text one-line">does not reach {away.join(", ")}</p>}
      {n.divergence > 0 && <p class="bad-text one-line">≠ differed from a peer {n.divergence === 1 ? "once" : `${n.divergence} times`}</p>}
      <Complete node={n} flock={f} />
      <footer class="muted">
        {n.url}
        {` · ${n.shards?.length ?? 0} shards`}
        {n.floor && ` · keeps from ${n.floor}`}
      </footer>
    </article>
  );
}

// Complete says up to when this page's node has everything, and how long ago that was once it is no longer now.
function Complete({ node: n, flock: f }: { node: FlockNode; flock: Flock }) {
  const c = complete(f, n);
  if (!c) return null;
  const late = c.behind < 0 || c.behind > 3000;
  return (
    <p class={`one-line ${late ? tone(c.behind) : "muted"}`} data-testid="complete" title={c.text}>
      {late ? "! " : ""}
      {n.name === f.self ? "all others" : n.name} complete up to {clock(c.at)}
      {c.behind > 3000 && `, ${age(c.behind)} ago`}
    </p>
  );
}

// disk says in a word what a crash of the node costs it.
function disk(n: FlockNode): string {
  if (n.store === "redis") return "Redis'";
  return n.durability === "degraded" ? "! degraded" : n.durability === "memory only" ? "none" : n.durability || "–";
}

function Fact({ name, value, tone = "" }: { name: string; value: string; tone?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class={tone} data-fact={name}>{value}</dd>
    </div>
  );
}

const tone = (ms: number): string => (ms < 0 || ms > 30_000 ? "bad-text" : ms > 3000 ? "warn-text" : "");

// page is the address of a node's own page, if it is one.
function page(n: FlockNode): string | undefined {
  return n.page && /^https?:\/\//.test(n.page) ? n.page : undefined;
}

function Links({ flock: f }: { flock: Flock }) {
  if (!f.links?.length) return null;
  const peers = [...new Set(f.links.map((l) => l.peer))];
  const shards = [...new Set(f.links.map((l) => l.shard))].sort((a, b) => a - b);
  const at = new Map(f.links.map((l) => [`${l.shard} ${l.peer}`, l]));
  return (
    <details class="links">
      <summary>
        What {f.self} pulls, shard by shard
        <span class="muted"> {f.links.length} links, worst {worstLag(f.links)}</span>
      </summary>
      <table>
        <thead>
          <tr>
            <th>from</th>
            {shards.map((i) => <th key={i}>{i}</th>)}
            <th>points merged</th>
            <th>received</th>
          </tr>
        </thead>
        <tbody>
          {peers.map((p) => (
            <tr key={p}>
              <th>{p}</th>
              {shards.map((i) => <LinkCell key={i} link={at.get(`${i} ${p}`)} />)}
              <td>{count(sum(f.links!, p, (l) => l.points))}</td>
              <td>{bytes(sum(f.links!, p, (l) => l.bytes))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function LinkCell({ link: l }: { link: Link | undefined }) {
  if (!l) return <td class="muted">–</td>;
  return (
    <td class={tone(l.lagMillis)} title={[l.state, l.error].filter(Boolean).join(": ")}>
      {lag(l.lagMillis)}
    </td>
  );
}

const sum = (links: Link[], peer: string, of: (l: Link) => number): number =>
  links.reduce((n, l) => n + (l.peer === peer ? of(l) : 0), 0);

function worstLag(links: Link[]): string {
  return links.some((l) => l.lagMillis < 0) ? "cut off" : lag(Math.max(...links.map((l) => l.lagMillis)));
}

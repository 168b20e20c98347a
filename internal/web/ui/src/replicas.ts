// Whether the replicas are complete and equal, in few words.

import { age, clock } from "./format";
import type { Flock, FlockNode, Replica } from "./types";

export interface Verdict {
  mark: string; // says without colour what the tone says
  text: string;
  tone: "good" | "warn" | "bad";
  title: string;
}

const recent = 5 * 60_000; // a comparison that is older says nothing of now

// equality says whether the nodes that prove it to each other are equal. null when there are none.
export function equality(f: Flock, now: number): Verdict | null {
  let whole = Infinity; // the oldest of the instants at which two nodes were the same
  let settled = Infinity; // the same, but for the hours that are written to
  let late = 0;
  for (const n of f.nodes ?? []) {
    for (const [peer, r] of pairs(f, n)) {
      if (!n.up || (n.lagMillis?.[peer] ?? 0) < 0) {
        const text = n.up ? `${n.name} does not reach ${peer}` : `${n.name} cut off`;
        return { mark: "!", text, tone: "warn", title: "nodes that do not reach each other can not be compared" };
      }
      if (r.hoursDifferent > 0) {
        const title = `${n.name} and ${peer}: ${r.hoursDifferent} hours differ`;
        return { mark: "≠", text: "nodes differ, being repaired", tone: "bad", title };
      }
      late = Math.max(late, n.lagMillis?.[peer] ?? 0);
      whole = Math.min(whole, r.same);
      settled = Math.min(settled, r.proven);
    }
  }
  if (whole === Infinity) return null;
  if (late > 3000) return { mark: "…", text: "catching up", tone: "warn", title: `${age(late)} behind` };
  if (whole > now - recent) {
    const title = "the digests of all hours were the same on all nodes";
    return { mark: "=", text: `nodes equal, checked ${clock(whole)}`, tone: "good", title };
  }
  if (settled > now - recent) {
    const title = "the digests of all hours that are not being written to were the same";
    return { mark: "=", text: `nodes equal but for new points, checked ${clock(settled)}`, tone: "good", title };
  }
  return { mark: "…", text: "being compared", tone: "warn", title: "nodes are compared once a minute" };
}

// pairs are the peers that a node is compared with: both keep logs.
function pairs(f: Flock, n: FlockNode): [string, Replica][] {
  const logs = (name: string) => f.nodes?.find((o) => o.name === name)?.store === "engine";
  return Object.entries(n.replicas ?? {}).filter(([peer]) => logs(n.name) && logs(peer));
}

// complete says up to when this node has all that another took; of itself, all that all others took.
export function complete(f: Flock, n: FlockNode): { at: number; behind: number; text: string } | null {
  const self = f.nodes?.find((o) => o.name === f.self);
  const known = Object.entries(self?.replicas ?? {})
    .filter(([peer, r]) => r.complete > 0 && (n === self || peer === n.name));
  if (!self || !known.length) return null;
  const [, r] = known.reduce((a, b) => (b[1].complete < a[1].complete ? b : a));
  const text = n === self ? `${self.name} has all points of the others up to then, by their clocks`
    : `${self.name} has all points of ${n.name} up to then, by its clock`;
  return { at: r.complete, behind: r.behindMillis, text };
}

// behind is how late a node is: by its links, or by what it hears of a node that it does not reach. -1 = not known.
export function behind(n: FlockNode): number {
  let worst = -1;
  for (const [peer, lag] of Object.entries(n.lagMillis ?? {})) {
    worst = Math.max(worst, lag >= 0 ? lag : (n.replicas?.[peer]?.behindMillis ?? -1));
  }
  return worst;
}

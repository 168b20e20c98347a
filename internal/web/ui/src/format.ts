// Numbers and times as people read them.

const si = ["", "k", "M", "G", "T", "P"];

export function count(n: number): string {
  if (!Number.isFinite(n)) return "–";
  let i = 0;
  let a = Math.abs(n);
  while (a >= 999.5 && i < si.length - 1) {
    a /= 1000;
    n /= 1000;
    i++;
  }
  return short(n) + (si[i] ?? "");
}

export function bytes(n: number): string {
  if (!(n >= 0)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${short(n)} ${units[i]}`;
}

// short gives at least three digits that matter, without an exponent where one can do without.
export function short(n: number): string {
  const a = Math.abs(n);
  if (a === 0) return "0";
  if (a < 0.001) return n.toExponential(1);
  if (a < 1) return String(Number(n.toPrecision(3)));
  if (a < 100) return String(Number(n.toFixed(a < 10 ? 2 : 1)));
  return String(Math.round(n));
}

export function value(n: number): string {
  return Math.abs(n) >= 10_000 ? count(n) : short(n);
}

export function age(ms: number): string {
  if (ms < 0) return "ahead of us";
  const s = ms / 1000;
  if (s < 1) return "now";
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

export function lag(ms: number): string {
  if (ms < 0) return "cut off";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return age(ms);
}

// clock is an instant as a wall clock here shows it.
export function clock(ms: number): string {
  const d = new Date(ms);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

export const ago = (ms: number): string => (ms < 1000 ? "now" : `${age(ms)} ago`);

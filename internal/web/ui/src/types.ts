// What the server sends. Field by field the JSON of package web; times are ms since 1970.

export interface FlockNode {
  name: string;
  site: string;
  url: string;
  page?: string;
  up: boolean;
  error?: string;
  store: string;
  version: string;
  shards: number[] | null;
  series: number;
  points: number; // -1 = not known
  bytes: number;
  pointsPerSecond: number;
  lagMillis: Record<string, number> | null; // -1 = cut off
  floor: string;
  durability: string;
  divergence: number; // how often it differed from a peer though nothing was under way
  replicas: Record<string, Replica> | null; // by peer
}

export interface Replica {
  behindMillis: number; // -1 = not known
  complete: number; // ms, 0 = never; so are the next two
  same: number;
  proven: number;
  hoursDifferent: number;
}

export interface Link {
  shard: number;
  peer: string;
  state: string;
  error?: string;
  lagMillis: number;
  bytes: number;
  points: number;
}

export interface Flock {
  cluster: string;
  self: string;
  nodes: FlockNode[] | null;
  links: Link[] | null;
  warnings: string[] | null;
}

export interface HostRow {
  name: string;
  metrics: number;
  newest: number;
  ts?: number;
  value?: number;
  text?: string;
}

export interface MetricRow {
  name: string;
  hosts: number;
}

export interface SeriesData {
  metric: string;
  t: number[];
  v: (number | null)[];
  text: string;
  newest: number;
  full?: boolean;
}

export interface Snapshot {
  server: string;
  node: string;
  now: number;
  flock: Flock;
  metrics: MetricRow[];
  metric: string;
  hosts: HostRow[];
  sparks: { host: string; t: number[]; v: (number | null)[] }[] | null;
  host?: { name: string; window: number; series: SeriesData[] | null };
}

export interface Update {
  now: number;
  flock: Flock;
  metrics?: MetricRow[];
  hosts: HostRow[];
  series?: SeriesData[];
}

// A chart of one series. It draws when its series or the clock moves, and only while it can be seen.

import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { age, value } from "./format";
import * as s from "./state";
import { css } from "./theme";
import type { SeriesData } from "./types";

const height = 132;

export function Chart({ metric }: { metric: string }) {
  const place = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const rate = useSignal(s.isCounter(metric));
  useEffect(() => mount(place.current!, readout.current!, metric, () => rate.value), []);
  return (
    <figure class="chart" data-metric={metric}>
      <figcaption>
        <span class="name" title={metric}>{metric}</span>
        <button class="quiet tiny" title="show the values, or their change per second" onClick={() => (rate.value = !rate.value)}>
          {rate.value ? "per second" : "value"}
        </button>
        <span class="grow" />
        <span class="muted" ref={readout} />
        <Last metric={metric} rate={rate.value} />
      </figcaption>
      <div ref={place} />
    </figure>
  );
}

function Last({ metric, rate }: { metric: string; rate: boolean }) {
  const d = s.series.value.get(metric)?.value;
  if (!d) return null;
  const old = s.now.value - d.newest > 60_000;
  return (
    <b class={old ? "warn-text last" : "last"} title={`${d.text}  the newest value, as written`}>
      {rate ? lastRate(d) : d.text.length > 9 && d.text.trim() !== "" && Number.isFinite(Number(d.text)) ? value(Number(d.text)) : d.text}
      {old && d.newest > 0 && ` · ${age(s.now.value - d.newest)} ago`}
    </b>
  );
}

function lastRate(d: SeriesData): string {
  const tail = columns({ ...d, t: d.t.slice(-3), v: d.v.slice(-3) }, true)[1]!;
  const y = tail[tail.length - 1];
  return y === null || y === undefined ? "–" : `${value(y)}/s`;
}

// mount draws into an element until the function it gives is called.
function mount(place: HTMLElement, readout: HTMLElement, metric: string, rate: () => boolean): () => void {
  const plot = new uPlot(options(place.clientWidth, readout), [[], []], place);
  let seen = false;
  let dirty = false;
  let data: uPlot.AlignedData = [[], []];
  const show = () => {
    if (!seen || !dirty) return;
    dirty = false;
    plot.setData(data, false);
    plot.setScale("x", { min: s.now.peek() / 1000 - s.view.peek().window, max: s.now.peek() / 1000 });
  };
  const io = new IntersectionObserver((entries) => {
    seen = entries.some((e) => e.isIntersecting);
    show();
  });
  const ro = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
  const repaint = () => plot.redraw(false, true);
  io.observe(place);
  ro.observe(place);
  addEventListener("themechange", repaint);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", repaint);
  const stop = effect(() => {
    s.now.value;
    const d = s.series.value.get(metric)?.value;
    if (d) data = columns(d, rate());
    dirty = true;
    show();
  });
  return () => {
    stop();
    io.disconnect();
    ro.disconnect();
    removeEventListener("themechange", repaint);
    dark.removeEventListener("change", repaint);
    plot.destroy();
  };
}

function options(width: number, readout: HTMLElement): uPlot.Options {
  const axis = { font: "11px system-ui, sans-serif", stroke: () => css("--muted"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { sync: { key: "host" }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_u, low, high) => yRange(low, high) } },
    axes: [
      { ...axis, size: 22, space: 64, values: (_u, at, _i, _space, step) => at.map((t) => clock(t, step)) },
      { ...axis, size: 52, space: 30, values: (_u, at) => at.map(value) },
    ],
    series: [{}, { stroke: () => css("--line"), fill: () => css("--fill"), width: 1.5, points: { show: (u) => u.data[0].length < 30, size: 4 } }],
    hooks: {
      setCursor: [(u) => {
        const i = u.cursor.idx;
        const y = i === null || i === undefined ? null : u.data[1]?.[i];
        readout.textContent = y === null || y === undefined ? ""
          : `${new Date(u.data[0][i!]! * 1000).toLocaleTimeString([], { hour12: false })}  ${value(y)}`;
      }],
    },
  };
}

// clock writes an instant (s) on an axis whose marks are step seconds apart.
function clock(t: number, step: number): string {
  const d = new Date(t * 1000);
  const two = (n: number) => String(n).padStart(2, "0");
  const time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  return step < 60 ? `${time}:${two(d.getSeconds())}` : time;
}

// yRange begins at zero unless the values are far from it and differ by more than a trifle.
function yRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  if (low === high) return low === 0 ? [0, 1] : low > 0 ? [0, low * 1.25] : [low * 1.25, 0];
  const pad = (high - low) * 0.08;
  const far = low > 0 && low > (high - low) * 2 && high - low > high / 100;
  return [low >= 0 && !far ? 0 : low - pad, high <= 0 ? 0 : high + pad];
}

// columns puts a gap where points are missing, and takes differences for a rate.
function columns(d: SeriesData, rate: boolean): uPlot.AlignedData {
  const gap = 3.5 * usual(d.t);
  const x: number[] = [];
  const y: (number | null)[] = [];
  for (let i = 0; i < d.t.length; i++) {
    const t = d.t[i]! / 1000;
    const step = t - (d.t[i - 1] ?? Infinity) / 1000;
    const missing = i > 0 && step * 1000 > gap;
    if (missing) {
      x.push(t - step / 2);
      y.push(null);
    }
    let v = d.v[i] ?? null;
    if (rate) {
      const before = d.v[i - 1] ?? null;
      const grown = v === null || before === null || missing ? -1 : v - before;
      v = grown < 0 || !(step > 0) ? null : grown / step; // a counter that fell was started anew
    }
    x.push(t);
    y.push(v);
  }
  return [x, y];
}

// usual is the median distance of two points, ms.
function usual(t: number[]): number {
  const steps: number[] = [];
  for (let i = Math.max(1, t.length - 200); i < t.length; i++) steps.push(t[i]! - t[i - 1]!);
  steps.sort((a, b) => a - b);
  return Math.max(1000, steps[steps.length >> 1] ?? 1000);
}

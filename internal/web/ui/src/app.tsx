// The page from top to bottom.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { FlockStrip } from "./flock";
import { age } from "./format";
import { HostPanel } from "./host";
import { Hosts } from "./hosts";
import * as s from "./state";

export function App() {
  return (
    <>
      <Header />
      <Warnings />
      <main>
        <FlockStrip />
        {s.view.value.host && <HostPanel key={s.view.value.host} name={s.view.value.host} />}
        <Hosts />
      </main>
    </>
  );
}

function Header() {
  const f = s.flock.value;
  return (
    <header class="top">
      <a class="brand" href="#">
        <img src="/assets/favicon.svg" alt="" width="24" height="24" />
        Dunlin
      </a>
      <span class="muted">
        {f?.cluster} {s.node.value && <>seen from <b>{s.node.value}</b></>}
      </span>
      <span class="grow" />
      <Live />
      <Theme />
    </header>
  );
}

function Live() {
  const c = s.connection.value;
  const tick = useSignal(0);
  useEffect(() => {
    const t = setInterval(() => tick.value++, 1000);
    return () => clearInterval(t);
  }, []);
  tick.value;
  if (c === "live") {
    return <span class="pill good" data-testid="connection">live · {new Date(s.now.value).toLocaleTimeString([], { hour12: false })}</span>;
  }
  const since = s.lostSince.value ? ` for ${age(Date.now() - s.lostSince.value)}` : "";
  return (
    <span class="pill bad" data-testid="connection">
      {c === "lost" ? `cut off from this node${since}, trying again` : "connecting"}
    </span>
  );
}

const themes = ["auto", "light", "dark"] as const;

function Theme() {
  const theme = useSignal(localStorage.getItem("theme") ?? "auto");
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    localStorage.setItem("theme", theme.value);
    dispatchEvent(new Event("themechange"));
  }, [theme.value]);
  const next = themes[(themes.indexOf(theme.value as "auto") + 1) % themes.length]!;
  return (
    <button class="quiet" title="colours: auto, light or dark" onClick={() => (theme.value = next)}>
      {theme.value}
    </button>
  );
}

function Warnings() {
  const f = s.flock.value;
  const all = f?.warnings ?? [];
  const partial = f?.partial ?? [];
  if (all.length + partial.length === 0) return null;
  return (
    <div class="warnings">
      {partial.length > 0 && <p data-testid="partial">! {f?.self} may lack points: {partial.join("; ")}</p>}
      {all.map((w) => <p key={w}>{w}</p>)}
    </div>
  );
}

import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { App } from "./app";
import { run } from "./stream";

render(<App />, document.getElementById("app")!);
run();

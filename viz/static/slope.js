// The slope to be seen: the output over one node, the tangent whose slope is the gradient, and a nudge h.
import { make, on } from "./dom.js";
import { full, number } from "./numbers.js";
import { plot } from "./plot.js";

export class Slope {
  constructor(graph) {
    this.graph = graph;
    this.chosen = graph.leaves[0] ?? null;
    this.log = -1;
    this.h = on(make("input", { type: "range", min: -6, max: 0.5, step: 0.1, value: -1, "aria-label": "Size of the nudge h" }), "input", () => {
      this.log = Number(this.h.value);
      this.render(this.body);
    });
    this.picture = make("div");
    this.lines = make("div", { class: "lines" });
  }

  choose(i) {
    if (this.graph.kinds[i] !== "constant") this.chosen = i; // nothing is differentiated by a constant
  }

  render(body) {
    this.body = body;
    const { graph, chosen: i } = this;
    if (!graph.live) return body.replaceChildren(make("p", { class: "note" }, "Not live: the page cannot compute this graph."));
    if (i === null) return body.replaceChildren(make("p", { class: "note" }, "There are only constants here: nothing to differentiate by."));
    if (graph.staleNow.size) return body.replaceChildren(make("p", { class: "note" }, "The graph is stale: change an input, and the page computes it anew."));
    if (!this.picture.isConnected) body.replaceChildren(this.picture, make("label", { class: "slide" }, "nudge h", this.h), this.lines);
    const name = graph.names[i], y = graph.outputName;
    const value = graph.x[i], gradient = graph.slopeAt(i), h = 10 ** this.log, f = graph.along(i);
    const reach = Math.max(1.5 * h, Math.abs(value), 1), count = graph.size > 1000 ? 17 : 49;
    const points = Array.from({ length: count }, (_, k) => value - reach + (2 * reach * k) / (count - 1)).map((x) => [x, f(x)]);
    const here = graph.output, there = f(value + h);
    const tangent = [value - reach, value + reach].map((x) => [x, here + gradient * (x - value)]);
    const curves = [{ points, role: "curve" }, { points: tangent, role: "tangent", frame: false }, { points: [[value, here], [value + h, there]], role: "secant", frame: false }];
    const label = `${y} over ${name}: at ${number(value)} the output is ${number(here)} and the slope ${number(gradient)}`;
    this.picture.replaceChildren(plot(curves, [{ x: value, y: here, role: "here" }, { x: value + h, y: there, role: "there" }], { label, xLabel: name }));
    const e = 6e-6 * Math.max(1, Math.abs(value)), up = value + e, down = value - e;
    const difference = (f(up) - f(down)) / (up - down);
    const say = (x) => number(x, 6);
    this.lines.replaceChildren(...[
      `h = ${number(h, 2)}`,
      `${y}(${name} + h) − ${y}(${name}) = ${say(there - here)}`,
      `h × gradient = ${say(h * gradient)}`,
      `finite difference ${say(difference)}, gradient ${say(gradient)}`,
    ].map((line, k) => make("div", k === 3 ? { title: `${full(difference)}, ${full(gradient)}` } : {}, line)));
  }
}

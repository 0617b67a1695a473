// The slope to be seen: the output over one node, the tangent whose slope is the gradient, and a nudge h.
import { lines, make, note, slider } from "./dom.js";
import { full, number } from "./numbers.js";
import { plot } from "./plot.js";

export class Slope {
  constructor(graph) {
    this.graph = graph;
    this.chosen = graph.leaves[0] ?? null;
    this.h = slider("Size of the nudge h", -6, 0.5, 0.1, -1, () => this.render(this.body));
    this.picture = make("div");
    this.lines = make("div.lines");
  }

  choose(i) {
    if (this.graph.kinds[i] !== "constant") this.chosen = i; // nothing is differentiated by a constant
  }

  render(body) {
    this.body = body;
    const { graph, chosen: i } = this;
    if (graph.obstacle) return body.replaceChildren(note(graph.obstacle));
    if (!this.picture.isConnected) body.replaceChildren(this.picture, make("label.slide", {}, "nudge h", this.h), this.lines);
    const name = graph.names[i], y = graph.outputName;
    const value = graph.x[i], gradient = graph.slopeAt(i), h = 10 ** this.h.value, f = graph.along(i);
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
    this.lines.replaceChildren(...lines([
      `h = ${number(h, 2)}`,
      `${y}(${name} + h) − ${y}(${name}) = ${say(there - here)}`,
      `h × gradient = ${say(h * gradient)}`,
      `finite difference ${say(difference)}, gradient ${say(gradient)}`,
    ]));
    this.lines.lastChild.title = `${full(difference)}, ${full(gradient)}`;
  }
}

// The slope to be seen: the output over one node, the tangent whose slope is the gradient, and a nudge h.
import { fill, lines, make, note, slider } from "./dom.js";
import { finite, full, number } from "./numbers.js";
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
    if (graph.obstacle) return fill(body, note(graph.obstacle));
    const name = graph.names[i], y = graph.outputName, value = graph.x[i];
    if (!Number.isFinite(value)) return fill(body, note(`${name} is ${number(value)}: there is nothing to plot around it.`));
    if (!this.picture.isConnected) fill(body, this.picture, make("label.slide", {}, "nudge h", this.h), this.lines);
    const large = Math.max(1, Math.abs(value) * 2e-6); // beside a large number a small nudge would be lost
    const gradient = graph.slopeAt(i), next = finite(value + 10 ** this.h.value * large), h = next - value, f = graph.along(i);
    const reach = Math.max(1.5 * h, Math.abs(value), 1), count = graph.size > 1000 ? 17 : 49;
    const ends = [finite(value - reach), finite(value + reach)];
    const points = Array.from({ length: count }, (_, k) => k / (count - 1)).map((t) => ends[0] * (1 - t) + ends[1] * t).map((x) => [x, f(x)]);
    const here = graph.output, there = f(next);
    const tangent = ends.map((x) => [x, here + gradient * (x - value)]);
    const curves = [{ points, role: "curve" }, { points: tangent, role: "tangent", frame: false }, { points: [[value, here], [next, there]], role: "secant", frame: false }];
    const label = `${y} over ${name}: at ${number(value)} the output is ${number(here)} and the slope ${number(gradient)}`;
    fill(this.picture, plot(curves, [{ x: value, y: here, role: "here" }, { x: next, y: there, role: "there" }], { label, xLabel: name }));
    const difference = this.difference(f, value);
    const say = (x) => number(x, 6);
    fill(this.lines, ...lines([
      `h = ${number(h, 2)}`,
      `${y}(${name} + h) − ${y}(${name}) = ${say(there - here)}`,
      `h × gradient = ${say(h * gradient)}`,
      `finite difference ${difference === null ? "not found: it differs from step to step" : say(difference)}, gradient ${say(gradient)}`,
    ]));
    this.lines.lastChild.title = `${full(difference)}, ${full(gradient)}`;
  }

  // The central difference, of the smallest step about as good as the best: good where the step before agrees.
  difference(f, value) {
    let best = Infinity, found = null, before = NaN;
    for (let k = 0; k < 17; k++) {
      const e = 10 ** -k * Math.max(1, Math.abs(value)), up = finite(value + e), down = finite(value - e), high = f(up), low = f(down);
      const slope = (high - low) / (up - down), rounding = (2e-16 * Math.max(Math.abs(high), Math.abs(low))) / (up - down);
      const off = (Math.abs(slope - before) + rounding) / (Math.abs(slope) || 1);
      if (off <= Math.max(1e-7, 2 * best)) found = slope;
      if (off < best) best = off;
      before = slope;
    }
    return best < 0.01 ? found : null;
  }
}

// One step of learning, w <- w - eta dw: what is done with the gradient once back-propagation has computed it.
import { button, make, on } from "./dom.js";
import { number } from "./numbers.js";
import { plot } from "./plot.js";

export class Learning {
  constructor(graph, apply) {
    Object.assign(this, { graph, apply, log: -1 });
    const parameters = graph.leaves.filter((i) => graph.kinds[i] === "parameter");
    this.weights = parameters.length ? parameters : graph.leaves;
    this.what = parameters.length ? "parameters" : "inputs, since none is marked as a parameter";
    this.course = [];
    this.eta = on(make("input", { type: "range", min: -4, max: 1, step: 0.05, value: -1, "aria-label": "Learning rate eta" }), "input", () => {
      this.log = Number(this.eta.value);
      this.render(this.body);
    });
    this.rate = make("output");
    this.picture = make("div");
    this.note = make("p", { class: "note" });
  }

  reset() {
    this.course = [];
  }

  step(times) {
    const { graph } = this;
    const eta = 10 ** this.log;
    if (!this.course.length) this.course.push(graph.output);
    for (let k = 0; k < times; k++) {
      this.apply(this.weights.map((i) => [i, graph.x[i] - eta * graph.slopeAt(i)]));
      this.course.push(graph.output);
    }
  }

  render(body) {
    this.body = body;
    const { graph, weights, course } = this;
    if (!graph.live) return body.replaceChildren(make("p", { class: "note" }, "Not live: the page cannot compute this graph."));
    if (!weights.length) return body.replaceChildren(make("p", { class: "note" }, "There are only constants here: nothing to learn."));
    if (graph.staleNow.size) return body.replaceChildren(make("p", { class: "note" }, "The graph is stale: change an input, and the page computes it anew."));
    if (!this.picture.isConnected)
      body.replaceChildren(
        make("p", { class: "note" }, `w ← w − η ∂L/∂w for ${weights.length} ${this.what}. Back-propagation only computes ∂L/∂w; this is what learning does with it.`),
        make("label", { class: "slide" }, "η", this.eta, this.rate),
        make("div", { class: "buttons" }, button("One step", "One step of learning", () => this.step(1)), button("Ten steps", "Ten steps of learning", () => this.step(10))),
        this.picture,
        this.note,
      );
    this.rate.textContent = number(10 ** this.log, 2);
    const points = course.map((y, x) => [x, y]);
    this.picture.replaceChildren(...(course.length > 1 ? [plot([{ points, role: "curve" }], [{ x: course.length - 1, y: course[course.length - 1], role: "here" }], { label: `The loss over ${course.length - 1} steps`, xLabel: "steps of learning" })] : []));
    this.note.textContent = `L = ${number(graph.output, 6)}${course.length > 1 ? ` after ${course.length - 1} steps, ${number(course[0], 6)} before` : ""}`;
  }
}

// One step of learning, w <- w - eta dw: what is done with the gradient once back-propagation has computed it.
import { button, fill, make, note, put, slider } from "./dom.js";
import { counted, number } from "./numbers.js";
import { plot } from "./plot.js";

export class Learning {
  constructor(graph, apply) {
    Object.assign(this, { graph, apply });
    const parameters = graph.leaves.filter((i) => graph.kinds[i] === "parameter");
    this.weights = parameters.length ? parameters : graph.leaves;
    this.what = parameters.length ? "parameter" : "input";
    this.course = [];
    this.eta = slider("Learning rate eta", -4, 1, 0.05, -1, () => this.render(this.body));
    this.rate = make("output");
    this.picture = make("div");
    this.note = note();
  }

  reset() {
    this.course = [];
  }

  step(times) {
    const { graph } = this;
    const eta = 10 ** this.eta.value;
    if (!this.course.length) this.course.push(graph.output);
    for (let k = 0; k < times; k++) {
      this.apply(this.weights.map((i) => [i, graph.x[i] - eta * graph.slopeAt(i)]));
      this.course.push(graph.output);
      if (!Number.isFinite(graph.output)) break; // it diverged
    }
  }

  render(body) {
    this.body = body;
    const { graph, weights, course } = this;
    if (graph.obstacle) return fill(body, note(graph.obstacle));
    if (!this.picture.isConnected)
      fill(body, 
        note(`w ← w − η ∂L/∂w for ${counted(weights.length, this.what)}. Back-propagation only computes ∂L/∂w; this is what learning does with it.`),
        make("label.slide", {}, "η", this.eta, this.rate),
        make("div.buttons", {}, button("One step", "One step of learning", () => this.step(1)), button("Ten steps", "Ten steps of learning", () => this.step(10))),
        this.picture,
        this.note,
      );
    put(this.rate, number(10 ** this.eta.value, 2));
    const points = course.map((y, x) => [x, y]), steps = course.length - 1;
    fill(this.picture, ...(steps > 0 ? [plot([{ points, role: "curve" }], [{ x: steps, y: course[steps], role: "here" }], { label: `The loss over ${counted(steps, "step")}`, xLabel: "steps of learning" })] : []));
    put(this.note, `L = ${number(graph.output, 6)}${steps > 0 ? ` after ${counted(steps, "step")}, ${number(course[0], 6)} before` : ""}`);
  }
}

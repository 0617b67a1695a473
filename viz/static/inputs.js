// The inputs: a slider and a number for each leaf; the page computes anew as they move.
import { button, fill, make, note, on, put, slider } from "./dom.js";
import { finite, full, number } from "./numbers.js";

const ROWS = 24; // leaves shown at once; a search brings the others

export class Inputs {
  constructor(graph, { onChange, onChoose, onReset }) {
    Object.assign(this, { graph, onChange, onChoose });
    this.rows = new Map();
    this.grads = [];
    this.list = make("div.inputs");
    this.note = note();
    const kids = [this.list, this.note];
    if (graph.leaves.length > ROWS) {
      const search = make("input", { type: "search", placeholder: `find one of ${graph.leaves.length} inputs`, "aria-label": "Find an input" });
      kids.unshift(on(search, "input", () => this.fill(search.value)));
    }
    this.reset = button("Reset", "Reset: bring the recorded numbers back", () => onReset());
    this.element = make("div", {}, ...kids, this.reset);
    if (graph.live) this.fill("");
    else this.note.textContent = graph.obstacle;
    this.reset.hidden = !graph.live;
    this.refresh();
  }

  fill(wanted) {
    const { graph } = this;
    const order = [...graph.leaves].sort((a, b) => (graph.kinds[b] === "input") - (graph.kinds[a] === "input"));
    const fits = (text) => text.toLowerCase().includes(wanted.toLowerCase());
    const found = order.filter((i) => fits(graph.names[i]) || fits(graph.titles[i]));
    this.rows = new Map(found.slice(0, ROWS).map((i) => [i, this.row(i)]));
    fill(this.list, ...[...this.rows.values()].map((row) => row.element));
    put(this.note, found.length > ROWS ? `${found.length - ROWS} more; search for them by name` : found.length ? "" : "none found");
    this.refresh();
  }

  row(i) {
    const { graph } = this;
    const name = graph.names[i], start = graph.recorded.data[i];
    const middle = Number.isFinite(start) ? start : 0, reach = finite(Math.max(1, 2 * Math.abs(middle)));
    const range = slider(`${name}, slider`, finite(middle - reach), finite(middle + reach), "any", middle, () => this.onChange(i, Number(range.value)));
    const box = make("input.exact", { type: "number", step: "any", "aria-label": `${name}, number` });
    const pick = on(make("button.pick", { type: "button", title: `${graph.titles[i]}: plot the output over it` }, ...name.split(/(?<=\.)/).flatMap((part) => [part, make("wbr")])), "click", () => this.onChoose(i));
    on(range, "focus", () => this.onChoose(i));
    on(range, "keydown", (event) => this.nudge(event, i, reach / 50));
    on(box, "change", () => {
      if (box.value.trim() !== "" && Number.isFinite(Number(box.value))) this.onChange(i, Number(box.value));
      else this.write(box, graph.x[i]); // no number: what was typed does not stay there as if it were one
    });
    const grad = make("output.grad");
    return { element: make("div.row", {}, pick, range, box, grad), range, box, grad };
  }

  // A number field holds finite numbers only; the others stand there as its placeholder.
  write(box, value) {
    const there = Number.isFinite(value);
    box.value = there ? full(finite(Number(number(value, 5)))) : "";
    box.placeholder = there ? "" : number(value);
  }

  nudge(event, i, by) {
    const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    event.stopPropagation();
    if (!sign) return;
    event.preventDefault();
    this.onChange(i, finite(this.graph.x[i] + sign * by));
  }

  // The numbers as they are; gradients that are not computed yet are a dash.
  refresh(grads = this.grads) {
    this.grads = grads;
    for (const [i, row] of this.rows) {
      const { range, box, grad } = row;
      const value = this.graph.x[i], now = grads[i] ?? null;
      if (Object.is(row.value, value) && Object.is(row.now, now)) continue;
      Object.assign(row, { value, now });
      if (Number.isFinite(value)) {
        if (value < Number(range.min)) range.min = value;
        if (value > Number(range.max)) range.max = value;
        range.value = value;
      }
      range.setAttribute("aria-valuetext", number(value, this.graph.digits));
      if (box.getRootNode().activeElement !== box) this.write(box, value);
      box.title = full(value);
      put(grad, `grad ${number(now, this.graph.digits)}`);
    }
    this.reset.disabled = !this.graph.changed;
  }
}

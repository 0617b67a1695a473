// Algorithms 6.1 and 6.2 of Goodfellow et al. 2016, with the line that the current step carries out.
import { fill, lines, make, set, toggle } from "./dom.js";
import { number } from "./numbers.js";

const LINES = [
  ["head", "Algorithm 6.1: forward propagation"],
  ["input", "for i = 1, …, nᵢ:  u⁽ⁱ⁾ ← xᵢ"],
  ["", "for i = nᵢ + 1, …, n:"],
  ["forward", "  A⁽ⁱ⁾ ← { u⁽ʲ⁾ | j ∈ Pa(u⁽ⁱ⁾) };  u⁽ⁱ⁾ ← f⁽ⁱ⁾(A⁽ⁱ⁾)"],
  ["head", "Algorithm 6.2: back-propagation"],
  ["seed", "grad_table[u⁽ⁿ⁾] ← "],
  ["", "for j = n − 1 down to 1:"],
  ["backward", "  grad_table[u⁽ʲ⁾] ← Σ grad_table[u⁽ⁱ⁾] ∂u⁽ⁱ⁾/∂u⁽ʲ⁾  over i with j ∈ Pa(u⁽ⁱ⁾)"],
  ["", "return { grad_table[u⁽ⁱ⁾] | i = 1, …, nᵢ }"],
];

export class Algorithm {
  constructor({ seeds, digits }) {
    const seed = [...new Set(seeds)].map((one) => number(one, digits)).join(", ");
    this.rows = LINES.map(([kind, text]) => make(kind === "head" ? "h3.code" : "div.code", {}, text, kind === "seed" ? seed : ""));
    this.now = make("div", { class: "lines now" });
  }

  render(body, { step, told, running }) {
    if (!this.now.isConnected) fill(body, ...this.rows, this.now);
    const current = step ? step.kind : "input";
    this.rows.forEach((row, k) => {
      const lit = LINES[k][0] === current;
      toggle(row, "lit", lit);
      set(row, { "aria-current": lit && "step" });
    });
    fill(this.now, ...lines([...(told ? [told.title, ...(step.kind === "forward" ? told.lines : [])] : []), ...running]));
  }
}

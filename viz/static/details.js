// The details of a node: its numbers, its partials, and its paths to the output with their products and sum.
import { fill, lines, linesOf, make, on, put } from "./dom.js";
import { isGroup } from "./links.js";
import { signed } from "./narration.js";
import { digitsNeeded, full, number, plus, times } from "./numbers.js";

export const PATHS_FOR = 3000; // nodes up to which the paths of a node are listed

export class Details {
  constructor(player) {
    Object.assign(this, { player, title: make("h2"), facts: make("div.facts"), choices: make("div.buttons"), paths: make("ol.paths"), sum: make("div.facts") });
    this.heading = make("h3", {}, "Paths to the output: products of partials");
    player.view.details.append(this.title, this.facts, this.choices, this.heading, this.paths, this.sum);
  }

  show(k) {
    const { graph, boxes, state, narrator } = this.player;
    const box = boxes[k], [i] = box.members;
    put(this.title, box.title);
    for (const one of [this.choices, this.paths, this.sum]) fill(one);
    this.heading.hidden = true;
    if (isGroup(box)) return this.showGroup(box, k);
    const { computed, grads } = state;
    const known = [`data ${full(computed[i] ? graph.x[i] : null)}`, ...(box.kind === "constant" ? [] : [`grad ${full(grads[i])}`])];
    fill(this.facts, ...lines([...known, ...(computed[i] ? narrator.about(i) : []), ...this.player.notesOf(box)]));
    if (box.kind !== "constant" && graph.size <= PATHS_FOR) this.showPaths(i);
  }

  // The paths are known once the last contribution to the node has arrived.
  showPaths(i) {
    const { graph, position } = this.player;
    if (graph.roots.includes(i) && !graph.users[i].length) return;
    this.heading.hidden = false;
    const last = graph.steps.findLastIndex((step) => step.kind === "forward" || (step.kind === "backward" && step.to === i));
    if (position <= last) return void (this.sum.textContent = "Known once the gradient has arrived here.");
    const { count, found, total } = graph.paths(i);
    const text = (value) => number(value, graph.digits);
    const earlier = graph.grads[i];
    const digits = digitsNeeded(plus, [earlier ?? 0, ...found.map((path) => path.product)], total, graph.digits);
    fill(this.paths, ...found.map((path) => this.pathItem(i, path, Number(count) === found.length ? digits : graph.digits)));
    const rest = Number(count) - found.length;
    if (rest > 0) this.paths.append(make("li", {}, `and ${rest.toLocaleString("en")} more paths`));
    put(this.sum, count ? `${earlier === null ? "" : `${number(earlier, digits)} from earlier sweeps + `}sum of all paths = ${text(total)} = grad(${graph.names[i]})` : "No path: the gradient sends nothing here.");
  }

  pathItem(i, path, digits) {
    const { graph } = this.player, { product, seed } = path;
    const MOST = 12, text = (value) => number(value, digits);
    const partials = [...path.steps.map(([j, k]) => graph.p[j][k]), ...(seed === 1 ? [] : [seed])];
    const needed = digitsNeeded(times, partials, product, digits);
    const factors = partials.slice(0, MOST).map((p) => signed(number(p, needed))).join(" × ") + (partials.length > MOST ? " × …" : "");
    let names = [i, ...path.steps.map(([j]) => j)].map((j) => graph.names[j]);
    if (names.length > MOST) names = [...names.slice(0, MOST / 2), "…", ...names.slice(-MOST / 2)];
    const item = make("button.path", { type: "button" }, path.steps.length ? `${text(product)} = ${factors}   along ${names.join(" → ")}` : `${text(product)} at the output itself`);
    const lit = { nodes: [i, ...path.steps.map(([j]) => j)], edges: path.steps };
    for (const name of ["pointerenter", "focus"]) on(item, name, () => this.player.light(lit));
    for (const name of ["pointerleave", "blur"]) on(item, name, () => this.player.light(null));
    return make("li", {}, item);
  }

  showGroup(box, k) {
    const { graph, regrouping, stage } = this.player;
    const scopes = [...new Set(box.members.map((i) => graph.scopes[i]))];
    fill(this.facts, ...lines([`${box.members.length} nodes${scopes.length === 1 && scopes[0] ? ` in ${scopes[0]}` : ""}`, ...(stage.handles[k]?.texts ?? []).map((text) => text.textContent), ...this.player.notesOf(box)]));
    if (regrouping) fill(this.choices, ...regrouping.choices(box));
  }
}

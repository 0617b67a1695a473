// The details of a node: its numbers, its partials, and its paths to the output with their products and sum.
import { make, on } from "./dom.js";
import { full, number, parsed } from "./numbers.js";

export const PATHS_FOR = 3000; // nodes up to which the paths of a node are listed

export class Details {
  constructor(player) {
    this.player = player;
  }

  show(k) {
    const { view, graph, boxes, state, narrator } = this.player;
    const box = boxes[k], [i] = box.members;
    view.detailTitle.textContent = box.title;
    view.choices.replaceChildren();
    view.paths.replaceChildren();
    view.pathsNote.textContent = "";
    view.pathsTitle.hidden = true;
    if (box.members.length > 1) return this.showGroup(box, k);
    const { computed, grads } = state;
    const known = [`data ${full(computed[i] ? graph.x[i] : null)}`, ...(box.kind === "constant" ? [] : [`grad ${full(grads[i])}`])];
    view.facts.replaceChildren(...[...known, ...(computed[i] ? narrator.about(i) : []), ...(box.notes ?? [])].map((line) => make("div", {}, line)));
    if (box.kind !== "constant" && graph.size <= PATHS_FOR) this.showPaths(i);
  }

  // The paths are known once the last contribution to the node has arrived.
  showPaths(i) {
    const { graph, view, position } = this.player;
    if (graph.roots.includes(i) && !graph.users[i].length) return;
    view.pathsTitle.hidden = false;
    const last = graph.steps.findLastIndex((step) => step.kind === "backward" && step.parent === i);
    if (position <= last) return void (view.pathsNote.textContent = "Their products are known once the gradient has arrived here.");
    const { count, found, total } = graph.paths(i);
    const text = (value) => number(value, graph.digits);
    view.paths.replaceChildren(...found.map((path) => this.pathItem(i, path)));
    const earlier = graph.grads[i] === null ? null : parsed(graph.grads[i]);
    const rest = Number(count) - found.length;
    if (rest > 0) view.paths.append(make("li", {}, `${text((total ?? 0) - (earlier ?? 0) - found.reduce((sum, path) => sum + path.product, 0))} from ${rest.toLocaleString("en")} more paths`));
    view.pathsNote.textContent = found.length ? `${earlier === null ? "" : `${text(earlier)} from earlier sweeps + `}sum of all paths = ${text(total)} = grad(${graph.names[i]})` : "No path: the gradient sends nothing here.";
  }

  pathItem(i, path) {
    const { graph } = this.player;
    const text = (value) => number(value, graph.digits), MOST = 12;
    const partials = path.steps.map(([j, k]) => graph.p[j][k]);
    const factors = partials.slice(0, MOST).map((p) => (p < 0 ? `(${text(p)})` : text(p))).join(" × ") + (partials.length > MOST ? " × …" : "");
    let names = [i, ...path.steps.map(([j]) => j)].map((j) => graph.names[j]);
    if (names.length > MOST) names = [...names.slice(0, MOST / 2), "…", ...names.slice(-MOST / 2)];
    const item = make("button", { type: "button", class: "path" }, `${text(path.product)} = ${factors}   along ${names.join(" → ")}`);
    const lit = { nodes: [i, ...path.steps.map(([j]) => j)], edges: path.steps };
    for (const name of ["pointerenter", "focus"]) on(item, name, () => this.player.light(lit));
    for (const name of ["pointerleave", "blur"]) on(item, name, () => this.player.light(null));
    return make("li", {}, item);
  }

  showGroup(box, k) {
    const { view, graph, regrouping } = this.player;
    const written = this.player.written[k] ?? [];
    const scopes = [...new Set(box.members.map((i) => graph.scopes[i]))];
    view.facts.replaceChildren(...[`${box.members.length} nodes${scopes.length === 1 && scopes[0] ? ` in ${scopes[0]}` : ""}`, written[0], written[1], ...box.notes].filter(Boolean).map((line) => make("div", {}, line)));
    if (regrouping) view.choices.replaceChildren(...regrouping.choices(box));
  }
}

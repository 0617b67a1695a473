// The player: steps through a graph, and computes it anew when an input changes.
//
// The payload (viz/payload.py): css, title, caption, description; columns, see graph.js; boxes, what the picture
// `svg` draws: { id, title, kind, members, notes }; live, whether edges carry their numbers.
import { Algorithm } from "./algorithm.js";
import { Details, PATHS_FOR } from "./details.js";
import { all, fill, lines, linesOf, on, put, section, set, toggle } from "./dom.js";
import { Graph } from "./graph.js";
import { Inputs } from "./inputs.js";
import { Keyboard } from "./keyboard.js";
import { Learning } from "./learning.js";
import { isGroup, linksOf } from "./links.js";
import { Narrator } from "./narration.js";
import { noticeOf } from "./notice.js";
import { digitsNeeded, full, number, onEdge, plus, range } from "./numbers.js";
import { copied, download, pngOf, standaloneSvg, textUrl, tikz } from "./save.js";
import { Slope } from "./slope.js";
import { Stage, backArrow, parseSvg } from "./stage.js";
import { buildView, watchTheme } from "./view.js";

const LATE = /reach|swept|grad is/, REMARK = /off|reach|swept/; // findings that wait for the end; what is no fault
const BARE = "drawn anew without frames of scopes and legend";
const UNDIAGNOSED = "The diagnosis of the recorded numbers is not shown.";
const ROLES = ["argument", "into", "result", "from", "along", "to"];

export class Player {
  constructor(root, payload, { onStep = () => {}, onInputs = () => {}, alone = false, position = 0, draw } = {}) {
    Object.assign(this, { root, payload, onStep, onInputs, alone });
    this.graph = new Graph(payload.columns);
    this.narrator = new Narrator(this.graph);
    this.position = 0;
    this.selected = null;
    this.timer = null;
    this.view = buildView(this);
    this.stage = new Stage(this.view.stage, (k) => this.select(k), (k) => this.hover(k));
    this.details = new Details(this);
    this.keyboard = new Keyboard(this);
    this.regrouping = Player.Regrouping ? new Player.Regrouping(this) : null;
    this.buildPanel();
    this.listen();
    const svg = payload.svg ? parseSvg(payload.svg) : null;
    if (svg) this.showPicture(svg, payload.boxes, linksOf(this.graph, payload.boxes));
    else if (draw) this.showPicture(...draw(this.graph, payload.boxes));
    else this.regrouping.redraw();
    this.goto(position, { quiet: true });
  }

  get end() {
    return this.graph.steps.length;
  }

  get step() {
    return this.graph.steps[this.position - 1];
  }

  // --- the picture ---

  showPicture(svg, boxes, links) {
    Object.assign(this, { boxes, links });
    this.marked = [];
    this.framed ??= svg.querySelector(".cluster");
    this.boxOf = new Map(boxes.flatMap((box) => box.members.map((i) => [i, box.id])));
    this.linkOf = new Map(links.flatMap((link) => link.edges.map(([i, k]) => [`${i}/${k}`, link.id])));
    this.stage.show(svg, boxes);
    this.edgeHandles = links.map((link) => (link.edges.length === 1 ? this.stage.edge(link.id) : null));
  }

  // --- what is shown at a position ---

  goto(target, { quiet = false } = {}) {
    this.position = Math.max(0, Math.min(this.end, Math.round(target)));
    this.regrouping?.follow(this.step);
    this.refresh();
    this.mark();
    if (this.alone) this.writeHash();
    if (!quiet) this.onStep(this.position);
  }

  refresh() {
    this.state = this.graph.at(this.position);
    const { computed, grads, diagnosed } = this.state;
    const { x, digits, changed, names, parents } = this.graph;
    const ended = this.position === this.end;
    this.boxes.forEach((box, k) => {
      const handle = this.stage.handles[k];
      if (!handle?.texts.length) return;
      const one = isGroup(box) ? null : box.members[0];
      const now = [computed[one] ? x[one] : null, grads[one], changed, ended, diagnosed];
      if (one !== null && handle.seen?.every((value, j) => Object.is(value, now[j]))) return;
      handle.seen = now;
      const results = box.shown ?? box.members;
      const data = results.filter((i) => computed[i]).map((i) => x[i]);
      const grad = results.map((i) => grads[i]).filter((g) => g !== null);
      this.write(box, handle, data, grad);
    });
    this.links.forEach((link, k) => {
      const handle = this.edgeHandles[k];
      if (!handle) return;
      const [i, slot] = link.edges[0];
      const now = computed[i] ? this.graph.p[i][slot] : null;
      if (handle.changed === changed && Object.is(handle.seen, now)) return;
      Object.assign(handle, { changed, seen: now });
      toggle(handle.group, "trouble", handle.trouble && now !== null && !changed);
      put(handle.title, now === null || link.constant ? "" : `∂${names[i]}/∂${names[parents[i][slot]]} = ${full(now)}`);
      if (handle.text && !link.constant) handle.text.textContent = now === null ? "" : onEdge(now, digits);
    });
    this.describe();
    this.refreshPanel();
    if (this.selected !== null) this.details.show(this.selected);
  }

  write(box, { group, title, remarks, texts: [data, grad] }, dataNumbers, gradNumbers) {
    const { digits } = this.graph;
    put(data, `data ${range(dataNumbers, digits)}`);
    if (grad) put(grad, `grad ${range(gradNumbers, digits)}`); // a constant that is an output has none
    put(title, `${box.title}, ${box.kind}\n${isGroup(box) ? `${box.members.length} nodes` : `data ${full(dataNumbers[0])}\ngrad ${full(gradNumbers[0])}`}`);
    set(group, { "data-status": this.isComputed(box) ? "computed" : "pending" });
    const notes = this.notesOf(box);
    toggle(group, "trouble", notes.some((note) => !REMARK.test(note)));
    remarks.forEach((remark, k) => toggle(remark, "unseen", !notes.includes(box.notes[k])));
    set(group, { "aria-label": linesOf(group).join(" ") });
  }

  isComputed(box) {
    return box.members.every((i) => this.state.computed[i]);
  }

  // What a diagnosis found in the recorded numbers of a box, as far as it is known now.
  notesOf(box) {
    if (this.graph.changed || !this.isComputed(box)) return [];
    return box.notes.filter((note) => this.position === this.end || !(LATE.test(note) || (/dead/.test(note) && !this.state.diagnosed)));
  }

  describe() {
    const { view, step, position, end } = this;
    const told = (this.told = step ? this.narrator.tell(step) : null);
    view.phase.dataset.phase = told ? told.phase : "start";
    put(view.phase, view.phase.dataset.phase);
    put(view.title, told ? told.title : this.payload.title);
    fill(view.lines, ...lines(told ? told.lines : [this.narrator.opening]));
    put(view.say, `Step ${position} of ${end}. ${told ? told.say : this.narrator.opening}`);
    view.slider.max = end;
    view.slider.value = position;
    view.slider.setAttribute("aria-valuetext", `step ${position} of ${end}, ${view.phase.textContent}`);
    put(view.count, `${position} / ${end}`);
    // not `disabled`: that would drop the focus, and with it the keyboard
    const [first, previous, , next, last] = Object.values(view.buttons);
    for (const one of [first, previous]) set(one, { "aria-disabled": position === 0 });
    for (const one of [next, last]) set(one, { "aria-disabled": position === end });
    this.warn();
  }

  warn() {
    const { view } = this;
    put(view.notice, noticeOf(this.graph));
    view.notice.hidden = !view.notice.textContent;
    const { caption, found } = this.payload, hides = caption.replace(/(?<=drawn as )([\d,]+ boxes|one box)/, `${this.boxes.length} boxes`);
    put(view.caption, this.graph.changed ? UNDIAGNOSED : [hides, this.framed?.isConnected === false && BARE, this.position === this.end && found].filter(Boolean).join("; "));
  }

  mark() {
    for (const element of this.marked ?? []) element.classList.remove(...ROLES);
    this.arrow?.remove();
    const { step } = this;
    const boxOf = (i) => this.boxOf.get(i), edgeOf = (i, k) => this.linkOf.get(`${i}/${k}`);
    const marks = [];
    if (step?.kind === "forward") {
      this.graph.parents[step.node].forEach((parent, k) => marks.push([boxOf(parent), "argument"], [edgeOf(step.node, k), "into"]));
      marks.push([boxOf(step.node), "result"]);
    } else if (step?.kind === "seed") marks.push([boxOf(step.to), "to"]);
    else if (step) marks.push([boxOf(step.node), "from"], [edgeOf(step.node, step.slot), "along"], [boxOf(step.to), "to"]);
    const found = marks.map(([id, role]) => [id && this.stage.find(id), role]).filter(([element]) => element);
    found.forEach(([element, role]) => (toggle(element, role, true), role === "along" && (this.arrow = backArrow(element))));
    this.marked = found.map(([element]) => element);
    this.stage.follow(this.marked);
  }

  // --- the panel ---

  buildPanel() {
    const { graph } = this;
    this.inputs = new Inputs(graph, {
      onChange: (i, value) => this.change([[i, value]]),
      onChoose: (i) => this.choose(i),
      onReset: () => this.reset(),
    });
    this.slope = new Slope(graph);
    this.learning = new Learning(graph, (changes) => this.change(changes, { keepCourse: true }));
    this.algorithm = new Algorithm(graph);
    this.sections = {
      inputs: section("Inputs: drag to change", (body) => body.firstChild ?? body.append(this.inputs.element), true),
      slope: section("The slope", (body) => this.slope.render(body)),
      learning: section("One step of learning", (body) => this.learning.render(body)),
      algorithm: section("The algorithm", (body) => this.algorithm.render(body, this.algorithmState()), true),
    };
    this.sections.inputs.body.append(this.inputs.element);
    this.view.panel.append(...Object.values(this.sections).map((one) => one.element));
  }

  algorithmState() {
    const { step, told, graph, position } = this;
    if (step?.kind !== "backward") return { step, told, running: [] };
    const here = graph.steps.slice(0, position).filter((one) => one.to === step.to);
    const terms = [here[0].before ?? [], ...here.map((one) => one.term)].flat(), { digits, names } = graph;
    const needed = terms.length > 8 ? digits : digitsNeeded(plus, terms, step.after, digits);
    const sum = [...(terms.length > 8 ? ["…"] : []), ...terms.slice(-8).map((term) => number(term, needed))].join(" + ").replaceAll("+ -", "− ");
    return { step, told, running: [`grad(${names[step.to]}) = ${sum}${terms.length > 1 ? ` = ${number(step.after, digits)}` : ""}`] };
  }

  refreshPanel() {
    this.inputs.refresh(this.state.grads);
    Object.values(this.sections).slice(1).forEach((one) => one.refresh());
  }

  choose(i) {
    this.slope.choose(i);
    this.sections.slope.refresh();
  }

  // New numbers for some leaves; everything follows from them, in one frame.
  change(changes, { keepCourse = false } = {}) {
    if (!this.graph.live) return;
    if (changes.length === 1) this.slope.choose(changes[0][0]);
    this.settle(() => this.graph.set(changes), keepCourse);
  }

  reset() {
    this.settle(() => this.graph.restore());
  }

  settle(act, keepCourse = false) {
    const before = this.position, atEnd = before === this.end;
    act();
    if (!keepCourse) this.learning.reset();
    this.position = atEnd ? this.end : Math.min(this.position, this.end);
    if (this.position !== before) (this.alone && this.writeHash()), this.onStep(this.position);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => (this.refresh(), this.mark()));
    const { leaves, names, x } = this.graph;
    this.onInputs(Object.fromEntries(leaves.map((i) => [names[i], x[i]])));
  }

  // --- the details of a node ---

  select(k) {
    toggle(this.stage.handles[this.selected]?.group, "selected", false);
    this.selected = k === this.selected ? null : k;
    this.light(null);
    this.view.details.hidden = this.selected === null;
    if (this.selected === null) return;
    toggle(this.stage.handles[k]?.group, "selected", true);
    if (!isGroup(this.boxes[k])) this.choose(this.boxes[k].members[0]);
    this.details.show(k);
  }

  hover(k) {
    if (k === null) return this.light(null);
    const box = this.boxes[k];
    if (!isGroup(box) && this.graph.size <= PATHS_FOR) this.light(this.graph.paths(box.members[0], 0).on);
  }

  light(on) {
    const nodes = new Set(on?.nodes), edges = new Set(on?.edges.map(([i, k]) => `${i}/${k}`));
    this.boxes.forEach(({ id, members }) => toggle(this.stage.find(id), "on-path", members.some((i) => nodes.has(i))));
    this.links.forEach((link) => toggle(this.stage.find(link.id), "on-path", link.edges.some(([i, k]) => edges.has(`${i}/${k}`))));
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return;
    const { names, titles } = this.graph;
    let i = names.findIndex((name) => name.toLowerCase() === wanted);
    if (i < 0) i = titles.findIndex((title, j) => title.toLowerCase().includes(wanted) || names[j].toLowerCase().includes(wanted));
    this.view.search.setAttribute("aria-invalid", i < 0);
    if (i < 0) return;
    const k = this.boxes.findIndex((box) => box.members.includes(i));
    if (isGroup(this.boxes[k])) return this.regrouping?.extract([i]);
    if (this.selected !== k) this.select(k);
    this.stage.follow([this.stage.handles[k].group]);
  }

  // --- playing, keys, links ---

  play() {
    if (this.timer) return this.pause();
    if (this.position === this.end) this.goto(0);
    const { speed } = this.view;
    this.timer = setInterval(() => {
      this.goto(this.position + 1);
      if (this.position === this.end) this.pause();
    }, Number(speed.value));
    this.showPlaying(speed.value < 1000 ? "off" : "polite"); // nobody can listen that fast
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.showPlaying("polite");
  }

  showPlaying(live) {
    const { buttons, say } = this.view;
    put(buttons.play, this.timer ? "❚❚ Pause" : "▶ Play");
    set(buttons.play, { "aria-pressed": this.timer !== null });
    set(say, { "aria-live": live });
  }

  listen() {
    const { player } = this.view, { signal } = (this.listening = new AbortController());
    on(player, "keydown", (event) => this.keyboard.onKey(event));
    on(player, "copy", (event) => this.keyboard.onCopy(event));
    if (!this.alone) return;
    on(document, "keydown", (event) => event.target === document.body && this.keyboard.onKey(event), { signal });
    on(window, "hashchange", () => this.readHash(), { signal });
  }

  readHash() {
    const wanted = stepInHash();
    if (wanted !== null && wanted !== this.position) this.goto(wanted);
  }

  writeHash() {
    try {
      if (this.position || location.hash) history.replaceState(null, "", `#step=${this.position}`);
    } catch {
      // a page that may not name itself still plays
    }
  }

  async save(what) {
    const { stage, view, graph } = this;
    view.save.value = "";
    if (what === "png") return download("graph.png", await pngOf(stage));
    const texts = {
      svg: ["graph.svg", "image/svg+xml", () => standaloneSvg(stage)],
      tikz: ["graph.tex", "text/plain", () => tikz(stage, this.boxes, this.links, graph.direction)],
      link: ["link.txt", "text/plain", () => `${location.href.split("#")[0]}#step=${this.position}`],
      numbers: ["numbers.tsv", "text/plain", () => graph.names.map((name, i) => [name, full(this.state.computed[i] ? graph.x[i] : null), full(this.state.grads[i])].join("\t")).join("\n")],
    };
    if (!texts[what]) return;
    const [name, type, text] = texts[what];
    const content = text();
    if (!(await copied(content))) download(name, textUrl(type, content));
  }

  destroy() {
    this.pause();
    this.listening.abort();
    this.stage.destroy();
    fill(this.root);
  }
}

// Draws into a shadow root of `host`, so no page's style reaches in and none leaks out.
export function mount(host, payload, options = {}) {
  host.dataset.mounted = "true";
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const alone = host.closest("[data-autograd-page]") !== null && all(document, ".autograd-player").length === 1;
  const svg = payload.svg ?? pictureFromImage(host);
  const position = alone ? stepInHash() ?? 0 : 0;
  const player = new Player(root, { ...payload, svg }, { alone, position, ...options });
  watchTheme(host, player.listening.signal);
  return player;
}

function stepInHash() {
  const found = /^#step=(\d+)$/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

function pictureFromImage(host) {
  const source = host.querySelector("img")?.getAttribute("src") ?? "";
  const bytes = Uint8Array.from(atob(source.slice(source.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

// Plain HTML output: the first host of this name and this graph that no player has taken yet.
export function mountNext(name, payload) {
  const host = all(document, `.${name}`).find((element) => !element.dataset.mounted && element.dataset.key === payload.key);
  return host && mount(host, payload);
}

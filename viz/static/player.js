// One player for every place a page can be: an anywidget in Jupyter, plain HTML output, a standalone file.
//
// mount(host, payload) draws into a shadow root of `host`, so no page's style reaches in and none leaks out.
// The payload (built by viz/payload.py) says everything; this file only applies it:
//   css, title, caption, description   text
//   nodes    [{id, name, kind, about: [line], paths: [{text, nodes: [id], edges: [id]}]}]
//   start    [[data, grad, status]] a row a node, before the first step
//   steps    [{phase, title, lines: [text], say, set: [[node, column, before, after]], marks: [[id, role]]}]
//   svg      the picture, or absent: then it is taken from the static <img> inside the host
// Elements are looked up once; a step touches only what it changes.

const STATUS = 2; // the column of a row that is a class, not a text
const READABLE = 0.5; // a picture shrunk to less than this starts at its actual size instead
const SPEEDS = [["slow", 2000], ["normal", 1000], ["fast", 300], ["fastest", 60]];

export function mount(host, payload, { onStep = () => {}, position = 0 } = {}) {
  const svgText = payload.svg ?? pictureFromImage(host);
  host.dataset.mounted = "true";
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = build(root, payload, svgText);
  const picture = indexPicture(view.stage, payload);
  const rows = payload.start.map((row) => [...row]);
  let at = 0;
  let marked = [];
  let selected = null;
  let timer = null;

  rows.forEach((row, i) => [0, 1, STATUS].forEach((column) => write(i, column, row[column])));
  const stopWatchingTheme = watchTheme(host);

  function write(i, column, text) {
    const handle = picture[i];
    if (!handle || text === null) return;
    if (column === STATUS) handle.group.dataset.status = text;
    else if (handle.texts[column]) handle.texts[column].textContent = text;
  }

  // Collect first, write once: a jump over a thousand steps writes each changed text a single time.
  function moveTo(target) {
    const changed = new Map();
    for (; at < target; at++) payload.steps[at].set.forEach((s) => changed.set(s[0] * 3 + s[1], s[3]));
    for (; at > target; at--) payload.steps[at - 1].set.slice().reverse().forEach((s) => changed.set(s[0] * 3 + s[1], s[2]));
    for (const [key, text] of changed) {
      rows[Math.floor(key / 3)][key % 3] = text;
      write(Math.floor(key / 3), key % 3, text);
    }
  }

  function mark(step) {
    marked.forEach(([element, role]) => element.classList.remove(role));
    marked = (step ? step.marks : []).map(([id, role]) => [view.find(id), role]).filter(([element]) => element);
    marked.forEach(([element, role]) => element.classList.add(role));
    follow(view.stage, marked.map(([element]) => element));
  }

  function describe(step) {
    view.phase.textContent = step ? step.phase : "start";
    view.phase.dataset.phase = step ? step.phase : "start";
    view.title.textContent = step ? step.title : payload.title;
    view.lines.replaceChildren(...(step ? step.lines : [payload.opening]).map((line) => make("div", {}, line)));
    view.say.textContent = `Step ${at} of ${payload.steps.length}. ${step ? step.say : payload.opening}`;
    view.slider.value = at;
    view.slider.setAttribute("aria-valuetext", `step ${at} of ${payload.steps.length}, ${view.phase.textContent}`);
    view.count.textContent = `${at} / ${payload.steps.length}`;
    // not `disabled`: that would drop the focus, and with it the keyboard
    const { first, previous, next, last } = view.buttons;
    [first, previous].forEach((button) => button.setAttribute("aria-disabled", at === 0));
    [next, last].forEach((button) => button.setAttribute("aria-disabled", at === payload.steps.length));
  }

  function goto(target, { quiet = false } = {}) {
    const wanted = Math.max(0, Math.min(payload.steps.length, Math.round(target)));
    moveTo(wanted);
    const step = payload.steps[at - 1];
    mark(step);
    describe(step);
    if (selected !== null) showDetails(selected);
    if (!quiet) onStep(at);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    view.buttons.play.textContent = "▶ Play";
    view.buttons.play.setAttribute("aria-pressed", "false");
    view.say.setAttribute("aria-live", "polite");
  }

  function play() {
    if (timer) return stop();
    if (at === payload.steps.length) goto(0);
    view.buttons.play.textContent = "❚❚ Pause";
    view.buttons.play.setAttribute("aria-pressed", "true");
    if (Number(view.speed.value) < 1000) view.say.setAttribute("aria-live", "off"); // nobody can listen that fast
    timer = setInterval(() => {
      goto(at + 1);
      if (at === payload.steps.length) stop();
    }, Number(view.speed.value));
  }

  function phaseStart(direction) {
    const phaseAt = (k) => (k === 0 ? "start" : payload.steps[k - 1].phase);
    let k = at + direction;
    while (k > 0 && k < payload.steps.length && phaseAt(k) === phaseAt(k - direction)) k += direction;
    goto(k);
  }

  function showActualSize(actual) {
    view.stage.classList.toggle("actual", actual);
    view.buttons.fit.textContent = actual ? "Fit" : "Actual size";
    follow(view.stage, marked.map(([element]) => element));
  }

  // "Why is this gradient what it is?": the paths from a node to the output, strongest first.
  function showDetails(i) {
    const node = payload.nodes[i];
    const row = rows[i];
    const facts = [row[0], row[1]].filter(Boolean).concat(node.about);
    view.detailTitle.textContent = node.name;
    view.facts.replaceChildren(...facts.map((line) => make("div", {}, line)));
    view.paths.replaceChildren(...node.paths.map((path) => pathButton(path)));
    view.pathsTitle.hidden = node.paths.length === 0;
    view.details.hidden = false;
  }

  function pathButton(path) {
    const button = make("button", { type: "button", class: "path" }, path.text);
    const light = (on) => [...path.nodes, ...path.edges].forEach((id) => view.find(id)?.classList.toggle("on-path", on));
    button.addEventListener("pointerenter", () => light(true));
    button.addEventListener("pointerleave", () => light(false));
    button.addEventListener("focus", () => light(true));
    button.addEventListener("blur", () => light(false));
    return make("li", {}, button);
  }

  function select(i) {
    clearPath();
    if (selected !== null) picture[selected]?.group.classList.remove("selected");
    selected = i === selected ? null : i;
    view.details.hidden = selected === null;
    if (selected === null) return;
    picture[selected]?.group.classList.add("selected");
    showDetails(selected);
  }

  function clearPath() {
    view.stage.querySelectorAll(".on-path").forEach((element) => element.classList.remove("on-path"));
  }

  function focusNode(i) {
    picture.forEach((handle) => handle?.group.setAttribute("tabindex", "-1"));
    const handle = picture[(i + picture.length) % picture.length];
    handle?.group.setAttribute("tabindex", "0");
    handle?.group.focus();
  }

  const keys = {
    ArrowRight: () => goto(at + 1),
    ArrowLeft: () => goto(at - 1),
    Home: () => goto(0),
    End: () => goto(payload.steps.length),
    PageDown: () => phaseStart(1),
    PageUp: () => phaseStart(-1),
    " ": play,
  };

  function onKey(event) {
    const element = event.composedPath()[0];
    const i = picture.findIndex((handle) => handle?.group === element);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (i >= 0 && (event.key === "Enter" || event.key === " ")) select(i);
    else if (i >= 0 && event.key === "ArrowDown") focusNode(i + 1);
    else if (i >= 0 && event.key === "ArrowUp") focusNode(i - 1);
    else if (event.key === "Escape" && selected !== null) select(selected);
    else if (event.key === " " && element.tagName === "BUTTON") return stopHere(event, false);
    else if (["SELECT", "SUMMARY"].includes(element.tagName)) return stopHere(event, false);
    else if (keys[event.key] && !(element === view.slider && event.key.startsWith("Page"))) keys[event.key]();
    else return;
    stopHere(event, true);
  }

  // The page (Jupyter above all) has keys of its own: what is meant for the player must not reach them.
  function stopHere(event, prevent) {
    event.stopPropagation();
    if (prevent) event.preventDefault();
  }

  view.buttons.first.addEventListener("click", () => goto(0));
  view.buttons.previous.addEventListener("click", () => goto(at - 1));
  view.buttons.play.addEventListener("click", play);
  view.buttons.next.addEventListener("click", () => goto(at + 1));
  view.buttons.last.addEventListener("click", () => goto(payload.steps.length));
  view.buttons.fit.addEventListener("click", () => showActualSize(!view.stage.classList.contains("actual")));
  view.slider.addEventListener("input", () => goto(Number(view.slider.value)));
  view.speed.addEventListener("change", () => timer && (stop(), play()));
  view.player.addEventListener("keydown", onKey);
  picture.forEach((handle, i) => handle?.group.addEventListener("click", () => select(i)));
  goto(position, { quiet: true });
  const stopWatchingSize = whenLaidOut(view.stage, (scale) => scale < READABLE && showActualSize(true));

  return {
    goto,
    play,
    select,
    get position() {
      return at;
    },
    destroy() {
      stop();
      stopWatchingTheme();
      stopWatchingSize();
      root.replaceChildren();
    },
  };
}

// Calls back once with how much the picture is shrunk to fit, as soon as the page gives the stage a width.
function whenLaidOut(stage, act) {
  const observer = new ResizeObserver(() => {
    if (!stage.clientWidth) return;
    observer.disconnect();
    const natural = stage.querySelector("svg")?.width.baseVal.value;
    if (natural) act(stage.clientWidth / natural);
  });
  observer.observe(stage);
  return () => observer.disconnect();
}

// Scrolls the stage, never the page, to what a step lights up.
function follow(stage, elements) {
  if (!elements.length || (stage.scrollHeight <= stage.clientHeight && stage.scrollWidth <= stage.clientWidth)) return;
  const frame = stage.getBoundingClientRect();
  const boxes = elements.map((element) => element.getBoundingClientRect());
  for (const [from, to, size, scroll] of [["left", "right", "clientWidth", "scrollLeft"], ["top", "bottom", "clientHeight", "scrollTop"]]) {
    const low = Math.min(...boxes.map((box) => box[from])) - frame[from];
    const high = Math.max(...boxes.map((box) => box[to])) - frame[from];
    const last = boxes[boxes.length - 1];
    const middle = high - low <= stage[size] ? (low + high) / 2 : (last[from] + last[to]) / 2 - frame[from];
    if (low < 0 || high > stage[size]) stage[scroll] += middle - stage[size] / 2;
  }
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

function build(root, payload, svgText) {
  const button = (text, label) => make("button", { type: "button", "aria-label": label, title: label }, text);
  const buttons = {
    first: button("|◀", "First step (Home)"),
    previous: button("◀", "Previous step (left arrow)"),
    play: make("button", { type: "button", class: "play", "aria-pressed": "false", title: "Play or pause (space)" }, "▶ Play"),
    next: button("▶", "Next step (right arrow)"),
    last: button("▶|", "Last step (End)"),
    fit: make("button", { type: "button", class: "fit" }, "Actual size"),
  };
  const slider = make("input", { type: "range", min: 0, max: payload.steps.length, value: 0, step: 1, "aria-label": "Step" });
  const speed = make("select", { "aria-label": "Speed of play" });
  SPEEDS.forEach(([name, pause]) => speed.append(make("option", pause === 1000 ? { value: pause, selected: "" } : { value: pause }, name)));
  const count = make("span", { class: "count" });
  const bar = make("div", { class: "bar", role: "toolbar", "aria-label": "Steps" },
    buttons.first, buttons.previous, buttons.play, buttons.next, buttons.last, slider, count, speed, buttons.fit);
  const stage = make("div", { class: payload.nodes.length > 150 ? "stage large" : "stage" });
  stage.append(parseSvg(svgText));
  const phase = make("span", { class: "phase" });
  const title = make("span", { class: "title" });
  const lines = make("div", { class: "lines" });
  const event = make("div", { class: "event", "aria-hidden": "true" }, make("div", {}, phase, title), lines);
  const say = make("div", { class: "say", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  const detailTitle = make("h2");
  const facts = make("div", { class: "facts" });
  const pathsTitle = make("h3", {}, "Paths to the output: product of the partials along each");
  const paths = make("ol", { class: "paths" });
  const details = make("section", { class: "details", "aria-live": "polite", hidden: "" }, detailTitle, facts, pathsTitle, paths);
  const caption = make("div", { class: "caption" }, payload.caption);
  const player = make("div", { class: "player", role: "group", "aria-label": payload.description, tabindex: "-1" },
    bar, event, say, stage, details, caption);
  root.replaceChildren(make("style", {}, payload.css), player);
  const cache = new Map();
  const find = (id) => {
    if (!cache.has(id)) cache.set(id, stage.querySelector(`[id="${id}"]`));
    return cache.get(id);
  };
  return { player, buttons, slider, speed, count, stage, phase, title, lines, say, details, detailTitle, facts, pathsTitle, paths, find };
}

function indexPicture(stage, payload) {
  const groups = new Map([...stage.querySelectorAll("g.node")].map((group) => [group.id, group]));
  let first = true;
  return payload.nodes.map((node) => {
    const group = groups.get(node.id);
    if (!group) return null;
    group.setAttribute("role", "button");
    group.setAttribute("aria-description", `${node.kind}; shows its paths to the output`);
    group.querySelector("title")?.remove(); // its numbers are the final ones; the name is what the node shows
    group.setAttribute("tabindex", first ? "0" : "-1");
    first = false;
    const texts = [...group.querySelectorAll("text")];
    return { group, texts: node.live ? texts.slice(-2) : [] };
  });
}

// Parsed as XML and imported: nothing in the picture runs, and an error in it shows as text.
function parseSvg(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (parsed.nodeName !== "svg") return make("p", {}, "The picture could not be read.");
  parsed.querySelectorAll("script, foreignObject").forEach((element) => element.remove());
  parsed.setAttribute("role", "group"); // no longer an image: there are buttons in it
  return document.importNode(parsed, true);
}

function pictureFromImage(host) {
  const source = host.querySelector("img")?.getAttribute("src") ?? "";
  const bytes = Uint8Array.from(atob(source.slice(source.indexOf(",") + 1)), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

// Notebooks say what their theme is on the body; elsewhere the system's wish is followed, by the style sheet.
function watchTheme(host) {
  const body = document.body;
  const apply = () => {
    const light = body.dataset.jpThemeLight ?? (body.dataset.vscodeThemeKind && String(!/dark|high-contrast$/.test(body.dataset.vscodeThemeKind)));
    if (light === undefined || light === "") delete host.dataset.theme;
    else host.dataset.theme = light === "true" ? "light" : "dark";
  };
  const observer = new MutationObserver(apply);
  observer.observe(body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  apply();
  return () => observer.disconnect();
}

// Plain HTML output: the first host of this name that no player has taken yet.
export function mountNext(name, payload) {
  const host = [...document.querySelectorAll(`.${name}`)].find((element) => !element.dataset.mounted);
  return host && mount(host, payload);
}

// anywidget
export default {
  render({ model, el }) {
    const payload = JSON.parse(model.get("payload"));
    const player = mount(el, payload, {
      position: model.get("position"),
      onStep: (at) => {
        model.set("position", at);
        model.save_changes();
      },
    });
    const follow = () => model.get("position") !== player.position && player.goto(model.get("position"), { quiet: true });
    model.on("change:position", follow);
    return () => {
      model.off("change:position", follow);
      player.destroy();
    };
  },
};

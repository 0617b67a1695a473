// What the player is made of: the bar, the sentence, the stage, the panel, and the details of a node.
import { button, choice, fill, make, on, slider } from "./dom.js";

const SPEEDS = [[2000, "slow"], [1000, "normal"], [300, "fast"], [60, "fastest"]];
const COPIES = [["", "Copy…"], ["svg", "copy SVG"], ["png", "save PNG"], ["tikz", "copy TikZ"], ["link", "copy link to this step"], ["numbers", "copy all numbers"]];

export function buildView(player) {
  const { root, payload } = player;
  const step = (text, label, to) => button(text, label, () => player.goto(to()));
  const buttons = {
    first: step("|◀", "First step (Home)", () => 0),
    previous: step("◀", "Previous step (left arrow)", () => player.position - 1),
    play: on(make("button.play", { type: "button", "aria-pressed": "false", title: "Play or pause (space)" }, "▶ Play"), "click", () => player.play()),
    next: step("▶", "Next step (right arrow)", () => player.position + 1),
    last: step("▶|", "Last step (End)", () => player.end),
  };
  const view = {
    buttons,
    slider: slider("Step", 0, 1, 1, 0, () => player.goto(view.slider.value)),
    speed: choice("Speed of play", SPEEDS, () => player.timer && (player.pause(), player.play())),
    count: make("span.count"),
    phase: make("span.phase"),
    title: make("span.title"),
    lines: make("div.lines"),
    say: make("div.say", { role: "status", "aria-live": "polite" }),
    stage: make("div.stage"),
    search: on(make("input.search", { type: "search", placeholder: "find a node", "aria-label": "Find a node by its label" }), "change", () => player.find(view.search.value)),
    save: choice("Copy or save the picture", COPIES, (what) => player.save(what)),
    groups: make("div.groups"),
    notice: make("div.notice", { role: "alert", hidden: "" }),
    details: make("section.details", { "aria-label": "Node", hidden: "" }),
    panel: make("div.panel"),
    caption: make("div.caption", {}, payload.caption),
  };
  view.speed.value = 1000;
  view.tools = make("div.tools", { role: "toolbar", "aria-label": "Picture" }, button("−", "Zoom out (-)", () => player.stage.zoom(0.8)), button("+", "Zoom in (+)", () => player.stage.zoom(1.25)), button("Fit", "Fit the picture (0)", () => player.stage.fit()), view.search, view.save);
  view.player = make(
    "div.player",
    { role: "group", "aria-label": payload.description, tabindex: "-1" },
    make("div.bar", { role: "toolbar", "aria-label": "Steps" }, ...Object.values(buttons), view.slider, view.count, view.speed),
    make("div.event", { "aria-hidden": "true" }, make("div", {}, view.phase, view.title), view.lines),
    view.say,
    view.notice,
    make("div.main", {}, make("div.left", {}, view.tools, view.groups, view.stage, view.caption, view.details), view.panel),
  );
  fill(root, make("style", {}, payload.css), view.player);
  return view;
}

// Notebooks and sites say what their theme is; elsewhere the system's wish is followed, by the style sheet.
export function watchTheme(host, signal) {
  const { body, documentElement } = document;
  const apply = () => {
    const kind = body.dataset.vscodeThemeKind ?? "";
    const named = body.dataset.theme ?? documentElement.dataset.theme ?? documentElement.getAttribute("theme") ?? "";
    const jupyter = { true: "light", false: "dark" }[body.dataset.jpThemeLight];
    const theme = jupyter ?? (kind ? (/dark|high-contrast$/.test(kind) ? "dark" : "light") : ["light", "dark"].find((name) => name === named));
    if (theme) host.dataset.theme = theme;
    else delete host.dataset.theme;
  };
  const observer = new MutationObserver(apply);
  const attributeFilter = ["data-jp-theme-light", "data-vscode-theme-kind", "data-theme", "theme"];
  observer.observe(body, { attributes: true, attributeFilter });
  observer.observe(documentElement, { attributes: true, attributeFilter });
  apply();
  if (signal) on(signal, "abort", () => observer.disconnect());
}

// What the player is made of: the bar, the sentence, the stage, the panel, and the details of a node.
import { button, make } from "./dom.js";

const SPEEDS = [["slow", 2000], ["normal", 1000], ["fast", 300], ["fastest", 60]];

export function buildView(root, payload, actions) {
  const buttons = {
    first: button("|◀", "First step (Home)", actions.first),
    previous: button("◀", "Previous step (left arrow)", actions.previous),
    play: make("button", { type: "button", class: "play", "aria-pressed": "false", title: "Play or pause (space)" }, "▶ Play"),
    next: button("▶", "Next step (right arrow)", actions.next),
    last: button("▶|", "Last step (End)", actions.last),
  };
  buttons.play.addEventListener("click", actions.play);
  const slider = make("input", { type: "range", min: 0, max: 1, value: 0, step: 1, "aria-label": "Step" });
  const speed = make("select", { "aria-label": "Speed of play" });
  SPEEDS.forEach(([name, pause]) => speed.append(make("option", pause === 1000 ? { value: pause, selected: "" } : { value: pause }, name)));
  const count = make("span", { class: "count" });
  const bar = make("div", { class: "bar", role: "toolbar", "aria-label": "Steps" }, ...Object.values(buttons), slider, count, speed);

  const phase = make("span", { class: "phase" });
  const title = make("span", { class: "title" });
  const lines = make("div", { class: "lines" });
  const event = make("div", { class: "event", "aria-hidden": "true" }, make("div", {}, phase, title), lines);
  const say = make("div", { class: "say", role: "status", "aria-live": "polite", "aria-atomic": "true" });

  const stage = make("div", { class: "stage" });
  const search = make("input", { type: "search", placeholder: "find a node", "aria-label": "Find a node by its label", class: "search" });
  const save = make("select", { "aria-label": "Copy or save the picture" });
  for (const [value, name] of [["", "Copy…"], ["svg", "copy SVG"], ["png", "save PNG"], ["tikz", "copy TikZ"], ["link", "copy link to this step"], ["numbers", "copy all numbers"]]) save.append(make("option", { value }, name));
  const tools = make("div", { class: "tools", role: "toolbar", "aria-label": "Picture" }, button("−", "Zoom out (-)", actions.zoomOut), button("+", "Zoom in (+)", actions.zoomIn), button("Fit", "Fit the picture (0)", actions.fit), search, save);
  const groups = make("div", { class: "groups" });
  const notice = make("div", { class: "notice", role: "alert", hidden: "" });

  const detailTitle = make("h2");
  const facts = make("div", { class: "facts" });
  const choices = make("div", { class: "buttons" });
  const pathsTitle = make("h3", {}, "Paths to the output: product of the partials along each");
  const paths = make("ol", { class: "paths" });
  const pathsNote = make("div", { class: "facts" });
  const details = make("section", { class: "details", "aria-label": "Node", hidden: "" }, detailTitle, facts, choices, pathsTitle, paths, pathsNote);

  const panel = make("div", { class: "panel" });
  const caption = make("div", { class: "caption" }, payload.caption);
  const main = make("div", { class: "main" }, make("div", { class: "left" }, tools, groups, stage, caption, details), panel);
  const player = make("div", { class: "player", role: "group", "aria-label": payload.description, tabindex: "-1" }, bar, event, say, notice, main);
  root.replaceChildren(make("style", {}, payload.css), player);
  return { player, buttons, slider, speed, count, stage, phase, title, lines, say, search, save, tools, groups, caption, notice, details, detailTitle, facts, choices, pathsTitle, paths, pathsNote, panel };
}

// Notebooks and sites say what their theme is; elsewhere the system's wish is followed, by the style sheet.
export function watchTheme(host) {
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
  return () => observer.disconnect();
}

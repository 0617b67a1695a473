// Elements by name, attributes and children: text is never parsed as HTML.

export function set(element, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// "div.note" is a div of the class note.
export function make(name, attributes = {}, ...children) {
  const [tag, style] = name.split(".");
  return set(document.createElement(tag), style ? { class: style, ...attributes } : attributes, ...children);
}

export const svgElement = (tag, attributes = {}, ...children) => set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, ...children);
export const on = (element, name, act, options) => (element.addEventListener(name, act, options), element);
export const toggle = (element, name, wanted) => element?.classList.toggle(name, wanted);
export const button = (text, label, act) => on(make("button", { type: "button", "aria-label": label, title: label }, text), "click", act);
export const slider = (label, min, max, step, value, act) => on(make("input", { type: "range", "aria-label": label, min, max, step, value }), "input", act);
export const fill = (element, ...children) => element.replaceChildren(...children);
export const all = (element, selector) => [...element.querySelectorAll(selector)];
// What can be read on a box: no remark of a diagnosis on numbers that are not there yet, or have changed since.
export const linesOf = (group) => all(group, "text:not(.unseen)").map((line) => line.textContent);
export const put = (element, text) => element.textContent === text || (element.textContent = text);
export const lines = (texts) => texts.map((text) => make("div", {}, text));
export const note = (text = "") => make("p.note", {}, text);

// A list to choose from: options are pairs of a value and its name.
export function choice(label, options, act) {
  const list = make("select", { "aria-label": label }, ...options.map(([value, name]) => make("option", { value }, name)));
  return on(list, "change", () => act(list.value));
}

// A section that opens; `render` is called when it is opened and whenever the numbers change while it is open.
export function section(title, render, open = false) {
  const body = make("div.body");
  const element = make("details.section", open ? { open: "" } : {}, make("summary", {}, title), body);
  const refresh = () => element.open && render(body);
  on(element, "toggle", refresh);
  return { element, body, refresh };
}

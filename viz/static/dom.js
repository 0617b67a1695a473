// Elements by name, attributes and children: text is never parsed as HTML.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

export const on = (element, name, act) => (element.addEventListener(name, act), element);
export const button = (text, label, act) => on(make("button", { type: "button", ...(label ? { "aria-label": label, title: label } : {}) }, text), "click", act);

// A section that opens; `render` is called when it is opened and whenever the numbers change while it is open.
export function section(title, render, open = false) {
  const body = make("div", { class: "body" });
  const element = make("details", { class: "section", ...(open ? { open: "" } : {}) }, make("summary", {}, title), body);
  const refresh = () => element.open && render(body);
  on(element, "toggle", refresh);
  return { element, body, refresh };
}

export function svgElement(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

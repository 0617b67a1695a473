// The picture on its stage: found by id, zoomed, panned, fitted, and moved so that a step stays in sight.
import { all, fill, on, put, set, svgElement, toggle } from "./dom.js";

// The tooltip of a node or an edge, emptied: Graphviz wrote the recorded numbers into it.
function titleOf(group) {
  const title = group.querySelector("title") ?? group.insertBefore(svgElement("title"), group.firstChild);
  put(title, "");
  return title;
}

export class Stage {
  readable = 0.7; // px a point (a title has 11) below which a picture starts zoomed in instead of fitted

  constructor(element, onPick, onHover) {
    Object.assign(this, { element, onPick, onHover, pointers: new Map(), watch: new ResizeObserver(() => this.resize()) });
    on(element, "wheel", (event) => this.onWheel(event), { passive: false });
    on(element, "pointerdown", (event) => this.onDown(event));
    on(element, "pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) on(element, name, (event) => this.pointers.delete(event.pointerId));
    this.watch.observe(element);
  }

  // Shows an SVG; boxes are those drawn in it. The part in view stays, where it is the same picture drawn anew.
  show(svg, boxes) {
    this.svg = svg;
    set(svg, { role: "group" });
    this.full = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    for (const name of ["width", "height"]) svg.removeAttribute(name);
    fill(this.element, svg);
    this.cache = new Map();
    this.laidOut = null;
    this.handles = boxes.map((box, k) => this.handle(box, k));
    this.setView(this.full);
    this.width = 0;
    this.resize();
  }

  handle(box, k) {
    const group = this.find(box.id);
    if (!group) return null;
    set(group, { role: "button", tabindex: k ? -1 : 0 });
    const title = titleOf(group);
    on(group, "click", () => this.moved || this.onPick(k));
    on(group, "pointerenter", (event) => event.pointerType === "mouse" && this.onHover(k));
    on(group, "pointerleave", () => this.onHover(null));
    const texts = all(group, "text");
    if (box.kind === "constant") return { group, title, texts: [] };
    const remarks = texts.slice(1, -2); // what a diagnosis found in the recorded numbers
    for (const remark of remarks) set(remark, { class: "remark" });
    return { group, title, remarks, texts: texts.slice(-2) };
  }

  edge(id) {
    const group = this.find(id);
    return group && { group, trouble: group.classList.contains("trouble"), title: titleOf(group), text: group.querySelector("text") };
  }

  find(id) {
    if (!this.cache.has(id)) this.cache.set(id, this.svg.querySelector(`[id="${id}"]`));
    return this.cache.get(id);
  }

  // The stage is as high as the fitted picture, within limits.
  resize() {
    const width = this.element.clientWidth;
    if (!width || width === this.width || !this.svg) return;
    const first = !this.width;
    this.width = width;
    const fitted = Math.min(1.34, width / this.full[2]);
    const natural = fitted < this.readable ? 0.9 : fitted;
    const most = Math.max(260, Math.min(620, window.innerHeight * 0.62));
    this.element.style.height = `${Math.max(150, Math.min(most, this.full[3] * natural + 4))}px`;
    if (!first) return this.setView(this.view);
    const scale = Math.min(fitted, this.element.clientHeight / this.full[3]);
    if (scale >= this.readable) return this.fit();
    const [w, h] = [width / 0.9, this.element.clientHeight / 0.9];
    this.setView([this.full[0], this.full[1] + Math.max(0, (this.full[3] - h) / 2), w, h]);
    this.preferred = this.scale;
  }

  // px a unit of the picture takes
  get scale() {
    return Math.min(this.element.clientWidth / this.view[2], this.element.clientHeight / this.view[3]);
  }

  // A view of the same size only moves the picture: a new view box would have every node laid out anew.
  setView(view) {
    const [x, y, w, h] = (this.view = view);
    if (this.laidOut?.[2] !== w || this.laidOut[3] !== h) {
      this.laidOut = view;
      this.svg.setAttribute("viewBox", view.map((x) => x.toFixed(2)).join(" "));
    }
    this.svg.style.translate = `${(this.laidOut[0] - x) * this.scale}px ${(this.laidOut[1] - y) * this.scale}px`;
    toggle(this.element, "zoomed", view[2] < this.full[2] * 0.99 || view[3] < this.full[3] * 0.99);
  }

  fit() {
    const [x, y, w, h] = this.full;
    const width = Math.max(w, this.element.clientWidth / 1.34); // no larger than one and a third of its size
    this.setView([x - (width - w) / 2, y, width, h]);
    this.preferred = this.scale;
  }

  zoom(factor, at = null, wanted = true) {
    const [x, y, w, h] = this.view;
    const scale = Math.min(8, Math.max(0.05, this.scale * factor)) / this.scale;
    const [cx, cy] = at ?? [x + w / 2, y + h / 2];
    this.setView([cx - (cx - x) / scale, cy - (cy - y) / scale, w / scale, h / scale]);
    if (wanted) this.preferred = this.scale;
  }

  pan(dx, dy) {
    const [x, y, w, h] = this.view;
    this.setView([x - dx / this.scale, y - dy / this.scale, w, h]);
  }

  point(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const [x, y, w, h] = this.view;
    return [x + w / 2 + (event.clientX - left - width / 2) / this.scale, y + h / 2 + (event.clientY - top - height / 2) / this.scale];
  }

  // A wheel with Ctrl or a pinch zooms always; a plain wheel only once the picture was clicked: pages must scroll.
  onWheel(event) {
    if (!(event.ctrlKey || event.metaKey || this.element.classList.contains("active"))) return;
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), this.point(event));
  }

  onDown(event) {
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved = false;
    toggle(this.element, "active", true);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (Math.hypot(now[0] - before[0], now[1] - before[1]) < 4 && !this.moved) return;
    this.moved = true;
    if (other) {
      const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
      this.zoom(apart(now) / Math.max(1, apart(before)), this.point({ clientX: other[0], clientY: other[1] }));
    } else if (event.pointerType === "mouse" || this.element.classList.contains("zoomed")) this.pan(now[0] - before[0], now[1] - before[1]);
    this.pointers.set(event.pointerId, now);
  }

  // Moves the view so that all these elements are in it, and no more than it must.
  follow(elements) {
    const frame = this.element.getBoundingClientRect();
    if (!elements.length || !frame.width) return;
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const least = (side) => Math.min(...boxes.map((box) => box[side])) - frame[side]; // from the frame's own side
    const most = (side) => Math.max(...boxes.map((box) => box[side])) - frame[side];
    const [left, top, right, bottom] = [least("left"), least("top"), most("right"), most("bottom")];
    const inside = left >= 0 && top >= 0 && right <= 0 && bottom <= 0;
    if (inside && this.scale >= this.preferred * 0.99) return;
    const { width, height } = frame, margin = 24;
    const room = Math.min(width / (width + right - left + 2 * margin), height / (height + bottom - top + 2 * margin));
    const before = this.scale;
    this.zoom(Math.min(room, Math.max(1, this.preferred / before)), null, false); // back to the reader's scale where there is room
    const shrink = this.scale / before; // zoom has limits
    this.pan((-(left + right) / 2) * shrink, (-(top + bottom) / 2) * shrink);
  }

  destroy() {
    this.watch.disconnect();
  }
}

// Parsed as XML and imported: nothing in the picture runs. Its style is the player's, which follows the theme.
export function parseSvg(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (parsed.nodeName !== "svg") return null;
  all(parsed, "script, style, foreignObject").forEach((element) => element.remove());
  return document.importNode(parsed, true);
}

// An arrowhead at the near end of an edge: the gradient flows from the result to the argument.
export function backArrow(group) {
  const path = group.querySelector("path");
  if (!path) return null;
  const tip = path.getPointAtLength(0), base = path.getPointAtLength(9);
  const size = Math.hypot(base.x - tip.x, base.y - tip.y) || 1;
  const [dx, dy] = [(base.x - tip.x) / size, (base.y - tip.y) / size];
  const corner = (side) => `${tip.x + 9 * dx - side * 4.5 * dy},${tip.y + 9 * dy + side * 4.5 * dx}`;
  return group.appendChild(svgElement("polygon", { class: "back", points: `${tip.x},${tip.y} ${corner(1)} ${corner(-1)}` }));
}

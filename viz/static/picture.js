// Draws boxes and links as an SVG of the same make as Graphviz's: g.node and g.edge by id, texts inside.
import { svgElement } from "./dom.js";
import { layout } from "./layout.js";
import { isGroup, linksOf } from "./links.js";
import { onEdge } from "./numbers.js";

const FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif";
const LABELLED = 300; // boxes up to which edges carry numbers
const LINE = 14, PAD = 9, MARGIN = 8, ROOM = "data -1.235e-05", RANGE_ROOM = "grad -0.001235 … 0.001235";

let canvas = null;
function textWidth(text) {
  canvas ??= document.createElement("canvas").getContext("2d");
  canvas.font = `11px ${FONT}`;
  return canvas.measureText(text).width;
}

// What Player.showPicture takes: the picture of some boxes, and the links between them.
export function pictureOf(graph, boxes) {
  const text = ({ edges: [[i, k], ...more], constant }) =>
    boxes.length > LABELLED || constant ? "" : more.length ? `×${more.length + 1}` : onEdge(graph.p[i][k], graph.digits);
  const links = linksOf(graph, boxes).map((link) => ({ ...link, text: text(link) }));
  const drawn = boxes.map((box) => ({ ...box, lines: box.kind === "constant" ? [] : ["data", "grad"] }));
  return [drawPicture(drawn, links, graph.direction === "TB"), boxes, links];
}

// boxes: { id, title, kind, notes, lines: [data, grad] or [] }; links: { id, tail, head, text, constant }.
// From top to bottom it is laid out from left to right, and then turned.
function drawPicture(boxes, links, turned) {
  const turn = ([x, y]) => (turned ? [y, x] : [x, y]);
  const sized = boxes.map((box) => {
    const lines = [box.title, ...box.notes.slice(0, 3).map((note) => `! ${note}`), ...box.lines];
    const room = box.lines.length ? [...lines, isGroup(box) ? RANGE_ROOM : ROOM] : lines;
    const [width, height] = turn([Math.max(...room.map(textWidth)) + 2 * PAD + (box.kind === "input" ? 10 : 0), lines.length * LINE + PAD]);
    return { ...box, lines, width, height };
  });
  const found = layout(sized, links.map((link) => ({ ...link, label: link.text ? turn([textWidth(link.text), LINE])[0] : 0 })));
  const beside = (side, { [side]: end }) => links.filter((one) => one[side] === end).length;
  const apart = (link) => beside("tail", link) > beside("head", link); // the labels, at the head
  const [width, height] = turn([found.width, found.height]).map((side) => side + 2 * MARGIN);
  const top = svgElement("g", { class: "graph", transform: `translate(${MARGIN} ${MARGIN})` }, ...links.map((link, k) => edge(link, found.points[k], apart(link), turn)), ...[...found.boxes.values()].map((box) => node(box, turn)));
  return svgElement("svg", { class: "autograd", viewBox: `0 0 ${width} ${height}`, width: `${width}pt`, height: `${height}pt` }, svgElement("rect", { class: "paper", width, height }), top);
}

const write = (text, x, y, size) => svgElement("text", { "text-anchor": "middle", x, y, "font-size": size, "font-family": FONT }, text);

function node({ id, kind, lines, ...place }, turn) {
  const [x, y] = turn([place.x, place.y]), [width, height] = turn([place.width, place.height]);
  const [left, top, right, bottom] = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
  const outlines = (kind === "output" ? [0, -3] : [0]).map((by) => shape(kind, left - by, top - by, right + by, bottom + by, by));
  const texts = lines.map((line, k) => write(line, x, top + PAD / 2 + LINE * (k + 0.78), 11));
  return svgElement("g", { id, class: `node ${kind}` }, ...outlines, ...texts);
}

function shape(kind, left, top, right, bottom, outline) {
  const attributes = outline ? { fill: "none" } : {};
  if (kind === "constant") attributes["stroke-dasharray"] = "5 3";
  if (kind === "input") {
    const middle = (top + bottom) / 2;
    return svgElement("polygon", { ...attributes, points: `${left},${top} ${right - 8},${top} ${right},${middle} ${right - 8},${bottom} ${left},${bottom}` });
  }
  const r = ["operation", "output"].includes(kind) ? 7 : kind === "group" ? 0 : 2;
  const path = `M${left + r} ${top}H${right - r}q${r} 0 ${r} ${r}V${bottom - r}q0 ${r} ${-r} ${r}H${left + r}q${-r} 0 ${-r} ${-r}V${top + r}q0 ${-r} ${r} ${-r}z`;
  const behind = kind === "group" ? `M${left + 4} ${top}v-4H${right + 4}V${bottom - 4}h-4V${top}z` : kind === "parameter" ? `M${left + 6} ${top}v-4h16l4 4z` : "";
  return svgElement("path", { ...attributes, d: path + behind });
}

function edge({ id, text, constant }, points, atHead, turn) {
  const [last, tip] = points.slice(-2);
  const back = 7 * (Math.sign(tip[0] - last[0]) || 1);
  const ends = [...points.slice(0, -1), [tip[0] - back, tip[1]]];
  let d = `M${turn(ends[0])}`;
  for (let k = 1; k < ends.length; k++) {
    const [from, to] = [ends[k - 1], ends[k]], middle = (from[0] + to[0]) / 2;
    d += `C${turn([middle, from[1]])} ${turn([middle, to[1]])} ${turn(to)}`;
  }
  const line = svgElement("path", { d, fill: "none", ...(constant ? { "stroke-dasharray": "5 3" } : {}) });
  const head = svgElement("polygon", { points: [tip, [tip[0] - back, tip[1] - 3], [tip[0] - back, tip[1] + 3]].map(turn).join(" ") });
  const [from, to, right, down] = atHead ? [last, tip, 0.7, 0.84] : [points[0], points[1], 0.5, 0.4];
  const [x, y] = turn([from[0] + right * (to[0] - from[0]), from[1] + down * (to[1] - from[1])]);
  const label = text ? [write(text, x, y - 4, 9)] : [];
  return svgElement("g", { id, class: `edge${constant ? " constant-edge" : ""}` }, line, head, ...label);
}

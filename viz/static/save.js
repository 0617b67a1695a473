// Copies of the present state: the picture as SVG, PNG or TikZ, and a link to the step.
import { all, linesOf, make, set } from "./dom.js";

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-weight", "font-family", "font-size", "display"];

// The picture with its colors written into it, whole, at its natural size.
export function standaloneSvg(stage) {
  const copy = stage.svg.cloneNode(true), [, , width, height] = stage.full;
  const copies = all(copy, "*");
  all(stage.svg, "*").forEach((element, k) => {
    const style = getComputedStyle(element);
    if (element.matches("path, polygon, polyline, ellipse, rect, text, circle")) for (const name of STYLES) copies[k].style.setProperty(name, style.getPropertyValue(name));
  });
  copy.removeAttribute("style");
  set(copy, { viewBox: stage.full.join(" "), width, height });
  return new XMLSerializer().serializeToString(copy);
}

export async function pngOf(stage, scale = 2) {
  const image = new Image();
  image.src = textUrl("image/svg+xml", standaloneSvg(stage));
  await image.decode();
  const canvas = make("canvas"), [width, height] = stage.full.slice(2).map((side) => side * scale);
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  return canvas.toDataURL("image/png");
}

const TEX = { "\\": "\\textbackslash{}", "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "×": "$\\times$", "−": "$-$", "–": "--", "÷": "$\\div$", "∂": "$\\partial$", "…": "\\ldots{}" };
const tex = (text) => text.replace(/[\\^~<>|×−–÷∂…{}$&#_%]/g, (c) => TEX[c] ?? `\\${c}`);

// The picture for a paper: nodes where they stand, 1 cm for 40 units, edges bent as they leave and arrive.
export function tikz(stage, boxes, links, direction) {
  const bends = direction === "TB" ? "out=270, in=90" : "out=0, in=180";
  const place = (element) => {
    const { x, y, width, height } = element.getBBox();
    return `(${((x + width / 2) / 40).toFixed(2)},${(-(y + height / 2) / 40).toFixed(2)})`;
  };
  const lines = ["\\begin{tikzpicture}[every node/.style={font=\\scriptsize, align=center}, >=stealth]"];
  for (const box of boxes) {
    const group = stage.find(box.id);
    if (!group) continue;
    const text = linesOf(group).map(tex).join("\\\\");
    const look = /^o/.test(box.kind) ? ", rounded corners" : box.kind === "constant" ? ", dashed" : ""; // operation, output
    lines.push(`  \\node[draw${look}] (${box.id}) at ${place(group)} {${text}};`);
  }
  for (const link of links) {
    const label = stage.find(link.id)?.querySelector("text")?.textContent;
    lines.push(`  \\draw[->${link.constant ? ", dashed" : ""}] (${link.tail}) to[${bends}]${label ? ` node[above] {${tex(label)}}` : ""} (${link.head});`);
  }
  const text = [...lines, "\\end{tikzpicture}", ""].join("\n");
  return /[^\0-\x7f]/.test(text) ? `% letters beyond ASCII: for LuaLaTeX or XeLaTeX\n${text}` : text;
}

export function download(name, url) {
  make("a", { href: url, download: name }).click();
}

export const textUrl = (type, text) => `data:${type};charset=utf-8,${encodeURIComponent(text)}`;

// Tells whether the text is on the clipboard; where the browser forbids it, the caller saves a file.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

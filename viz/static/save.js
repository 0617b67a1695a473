// Copies of the present state: the picture as SVG, PNG or TikZ, and a link to the step.

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-weight", "font-family", "font-size", "display"];

// The picture with its colours written into it, whole, at its natural size.
export function standaloneSvg(stage) {
  const copy = stage.svg.cloneNode(true);
  const originals = stage.svg.querySelectorAll("*"), copies = copy.querySelectorAll("*");
  originals.forEach((element, k) => {
    const style = getComputedStyle(element);
    if (element.matches("path, polygon, polyline, ellipse, rect, text, circle")) for (const name of STYLES) copies[k].style.setProperty(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll("style").forEach((element) => element.remove());
  copy.removeAttribute("style");
  copy.setAttribute("viewBox", stage.full.join(" "));
  copy.setAttribute("width", stage.full[2]);
  copy.setAttribute("height", stage.full[3]);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return new XMLSerializer().serializeToString(copy);
}

export async function pngOf(stage, scale = 2) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standaloneSvg(stage))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [stage.full[2] * scale, stage.full[3] * scale];
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.drawImage(image, 0, 0, stage.full[2], stage.full[3]);
  return canvas.toDataURL("image/png");
}

const TEX = { "\\": "\\textbackslash{}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "×": "$\\times$", "−": "$-$", "–": "--", "÷": "$\\div$", "∂": "$\\partial$", "…": "\\ldots{}" };
const tex = (text) => text.replace(/[\\^~×−–÷∂…{}$&#_%]/g, (c) => TEX[c] ?? `\\${c}`);

// The picture for a paper: nodes where they stand, 1 cm for 40 units, edges bent as they leave and arrive.
export function tikz(stage, boxes, links) {
  const place = (element) => {
    const { x, y, width, height } = element.getBBox();
    return `(${((x + width / 2) / 40).toFixed(2)},${(-(y + height / 2) / 40).toFixed(2)})`;
  };
  const lines = ["\\begin{tikzpicture}[every node/.style={font=\\scriptsize, align=center}, >=stealth]"];
  for (const box of boxes) {
    const group = stage.find(box.id);
    if (!group) continue;
    const text = [...group.querySelectorAll("text")].map((line) => tex(line.textContent)).join("\\\\");
    lines.push(`  \\node[draw${box.kind === "operation" || box.kind === "output" ? ", rounded corners" : ""}${box.kind === "constant" ? ", dashed" : ""}] (${box.id}) at ${place(group)} {${text}};`);
  }
  for (const link of links) {
    const label = stage.find(link.id)?.querySelector("text")?.textContent;
    lines.push(`  \\draw[->${link.constant ? ", dashed" : ""}] (${link.tail}) to[out=0, in=180]${label ? ` node[above] {${tex(label)}}` : ""} (${link.head});`);
  }
  return [...lines, "\\end{tikzpicture}", ""].join("\n");
}

export function download(name, url) {
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
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

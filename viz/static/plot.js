// A small line plot: curves, straight lines and points over a range of x.
import { finite, number } from "./numbers.js";
import { svgElement } from "./dom.js";

const W = 300, H = 170, LEFT = 44, BOTTOM = 22, TOP = 8, RIGHT = 8;

// curves: [{ points: [[x, y]], role }]; marks: [{ x, y, role }]; roles are classes of the style sheet.
export function plot(curves, marks, { label, xLabel }) {
  const shown = curves.flatMap((curve) => (curve.frame === false ? [] : curve.points)).filter(([, y]) => Number.isFinite(y));
  const xs = curves[0].points.map(([x]) => x);
  const ys = shown.map(([, y]) => y);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = ys.length ? [Math.min(...ys), Math.max(...ys)] : [0, 1];
  const pad = finite((y1 - y0) * 0.08) || Math.abs(y1) * 0.1 || 1;
  [y0, y1] = [finite(y0 - pad), finite(y1 + pad)];
  const share = (x, from, to) => (Number.isFinite(to - from) ? (x - from) / (to - from || 1) : (x / 4 - from / 4) / (to / 4 - from / 4));
  const px = (x) => LEFT + share(x, x0, x1) * (W - LEFT - RIGHT);
  const py = (y) => TOP + (1 - share(y, y0, y1)) * (H - TOP - BOTTOM);
  const write = (text, x, y, anchor) => svgElement("text", { x, y, "text-anchor": anchor }, text);
  const inner = { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM };
  const clip = svgElement("svg", { ...inner, viewBox: Object.values(inner).join(" ") });
  for (const { points, role } of curves) {
    let d = "", pen = false;
    for (const [x, y] of points) {
      const drawn = Math.abs(py(y)) < 1e5; // not where y is NaN or infinite
      if (drawn) d += `${pen ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
      pen = drawn;
    }
    clip.append(svgElement("path", { class: role, d }));
  }
  for (const { x, y, role } of marks) if (Number.isFinite(y)) clip.append(svgElement("circle", { class: role, cx: px(x), cy: py(y), r: 4 }));
  return svgElement(
    "svg",
    { class: "plot", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label },
    svgElement("rect", { class: "frame", ...inner }),
    write(number(y1, 3), LEFT - 4, TOP + 9, "end"),
    write(number(y0, 3), LEFT - 4, H - BOTTOM, "end"),
    write(number(x0, 3), LEFT, H - 7, "start"),
    write(number(x1, 3), W - RIGHT, H - 7, "end"),
    write(xLabel, (LEFT + W - RIGHT) / 2, H - 7, "middle"),
    clip,
  );
}

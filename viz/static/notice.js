// What a reader must be told above the picture: numbers that Python refuses, overflows, a stale graph.
import { number } from "./numbers.js";

// Python's arithmetic overflows to an infinity in silence, these operations too; the others raise.
const OVERFLOWING = new Set(["add", "sub", "mul", "square", "dot", "sum", "mean", "norm", "hypot", "degrees", "leaky_relu", "log_softmax"]);
const DIVIDING = new Set(["div", "reciprocal", "xlogy"]); // these raise where the last operand is 0, and overflow elsewhere
const SILENT = new Set(["div", "mod", "reciprocal", "softmax"]); // these make NaN of infinities, where sin(inf) raises

// Whether Python raises an error where an operation on finite numbers is not finite.
export function raises(op, operands, value) {
  if (Number.isFinite(value) || operands.some(Number.isNaN) || OVERFLOWING.has(op)) return false;
  if (DIVIDING.has(op) && operands.at(-1) === 0) return true;
  return operands.every(Number.isFinite) ? Number.isNaN(value) || !DIVIDING.has(op) : Number.isNaN(value) && !SILENT.has(op) && !(op === "xlogy" && operands.at(-1) > 0);
}

export function noticeOf(graph) {
  const computed = graph.changed || graph.own; // by the page; Python's own numbers have passed Python
  const found = (test) => (computed ? graph.ops.findIndex((op, i) => op && test(op, graph.operands(i), graph.x[i])) : -1);
  const refused = found(raises);
  const bad = refused < 0 ? found((op, operands, value) => !Number.isFinite(value) && operands.every(Number.isFinite)) : refused;
  const lost = graph.changed ? graph.leaves.find((i) => !Number.isFinite(graph.x[i])) : undefined;
  if (bad < 0 && lost !== undefined) return `${graph.names[lost]} is ${number(graph.x[lost])} now: what follows from it tells nothing.`;
  if (bad >= 0) {
    const what = `${graph.names[bad]} = ${graph.ops[bad]} of ${graph.operands(bad).map((x) => number(x)).join(", ")}`;
    return `${what} is ${number(graph.x[bad])} here; ${refused < 0 ? "it overflows, in Python too" : "Python would raise an error"}.`;
  }
  const { size } = graph.staleNow;
  if (!size) return "";
  return `Stale: ${size} of the numbers no longer follow from their operands. Build the graph anew, or change an input.`;
}

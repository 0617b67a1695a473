// An expression as a graph: numbers, names, + - * / % **, signs, brackets, and calls of the operations.
//
// The result has the columns of graph.js, parents first. It is Python's grammar: -x ** 2 is -(x ** 2), 2 ** 3 ** 2
// is 2 ** 9. Numbers are folded, as Python folds them before a Value takes part.
import { isLive, valueOf } from "./calculus.js";
import { signOf } from "./narration.js";
import { raises } from "./notice.js";
import { number } from "./numbers.js";

const CONSTANTS = { pi: Math.PI, e: Math.E, tau: 2 * Math.PI };
const BINARY = { "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow" };
const LEVELS = [["+", "-"], ["*", "/", "%"]];
const MOST = 2000; // characters
const TOKEN = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{Nd}\p{Mn}_]*)|(\*\*|[-+*/%(),]))/uy;

// facts: { arities, defaults, formulas, reductions, selecting }, of every operation; values: a number for each name.
export function graphOf(text, values, facts) {
  const tokens = tokenized(text);
  const nodes = [];
  const leaves = new Map();
  const constant = (value) => ({ value });
  const add = (node) => nodes.push(node) - 1;
  const idOf = (item) => item.id ?? add({ op: "", parents: [], data: item.value, kind: "constant" });
  let at = 0;

  const peek = () => tokens[at]?.text;
  const fail = (message) => {
    throw new SyntaxError(message);
  };
  const expect = (text) => (peek() === text ? at++ : fail(`expected ${text} ${peek() === undefined ? "at the end" : `before ${peek()}`}`));

  function apply(op, items) {
    if (items.every((item) => item.id === undefined)) {
      const numbers = items.map((item) => item.value), value = valueOf(op, numbers);
      if (raises(op, numbers, value)) fail(`${op} of ${numbers.map((x) => number(x)).join(", ")} is ${number(value)}: Python would raise an error`);
      return constant(value);
    }
    const parents = items.map(idOf);
    return { id: add({ op, parents, data: valueOf(op, parents.map((i) => nodes[i].data)), kind: "operation" }) };
  }

  function binary(level) {
    if (level === LEVELS.length) return unary();
    let left = binary(level + 1);
    while (LEVELS[level].includes(peek())) left = apply(BINARY[tokens[at++].text], [left, binary(level + 1)]);
    return left;
  }

  function unary() {
    if (peek() === "+") return at++, unary();
    if (peek() === "-") return at++, apply("neg", [unary()]);
    const base = atom();
    return peek() === "**" ? (at++, apply("pow", [base, unary()])) : base;
  }

  function atom() {
    const token = tokens[at++] ?? fail("the expression ends too early");
    if (token.kind === "number") return constant(Number(token.text));
    if (token.text === "(") {
      const inside = binary(0);
      return expect(")"), inside;
    }
    if (token.kind !== "name") fail(`${token.text} is not expected here`);
    if (peek() === "(") return call(token.text);
    if (Object.hasOwn(facts.arities, token.text) && !Object.hasOwn(values, token.text)) fail(`${token.text} is a function: write ${token.text}(…)`);
    if (Object.hasOwn(CONSTANTS, token.text)) return constant(CONSTANTS[token.text]);
    if (!leaves.has(token.text)) leaves.set(token.text, add({ op: "", parents: [], data: Object.hasOwn(values, token.text) ? values[token.text] : 1, kind: "input", label: token.text }));
    return { id: leaves.get(token.text) };
  }

  function call(name) {
    if (!Object.hasOwn(facts.arities, name) || !isLive(name)) fail(`there is no function ${name}`);
    at++;
    const items = [binary(0)];
    while (peek() === ",") at++, items.push(binary(0));
    expect(")");
    const arity = facts.arities[name];
    if (arity === 2 && items.length === 1 && Object.hasOwn(facts.defaults, name)) items.push(constant(facts.defaults[name]));
    if (arity && items.length !== arity) fail(`${name}() takes ${arity} argument${arity > 1 ? "s" : ""}, not ${items.length}`);
    return apply(name, items);
  }

  const result = binary(0);
  if (at < tokens.length) fail(`${peek()} is not expected here`);
  if (result.id === undefined) fail("there is no name in it, so there is nothing to differentiate by");
  return columns(nodes, result.id, facts);
}

function tokenized(text) {
  if (text.length > MOST) throw new SyntaxError(`at most ${MOST} characters, please`);
  const tokens = [];
  TOKEN.lastIndex = 0;
  for (let end = 0; end < text.trimEnd().length; end = TOKEN.lastIndex) {
    TOKEN.lastIndex = end;
    const found = TOKEN.exec(text);
    if (!found) throw new SyntaxError(`${text.slice(end).trim()[0]} is not understood`);
    tokens.push({ kind: found[1] ? "number" : found[2] ? "name" : "sign", text: found[1] ?? found[2] ?? found[3] });
  }
  if (!tokens.length) throw new SyntaxError("type an expression, such as a * b + tanh(c)");
  return tokens;
}

function columns(nodes, root, facts) {
  const order = reachable(nodes, root); // 0 * x of a forgotten branch is not in the graph
  const place = new Map(order.map((i, k) => [i, k]));
  const kept = order.map((i) => nodes[i]);
  const last = kept[place.get(root)];
  if (last.op) last.label = [..."yzfghpqr"].find((label) => !kept.some((node) => node.label === label));
  const numbered = [...kept.keys()].sort((a, b) => (kept[a].op ? 1 : 0) - (kept[b].op ? 1 : 0) || a - b).filter((k) => kept[k].kind !== "constant");
  const names = kept.map((node) => number(node.data));
  numbered.forEach((k, rank) => (names[k] = kept[k].label && !/^(u\d+|inf|nan)$/i.test(kept[k].label) ? kept[k].label : `u${rank + 1}`));
  const all = (fill) => kept.map(fill);
  return {
    ...facts,
    digits: 4,
    ops: all((node) => node.op),
    parents: all((node) => node.parents.map((i) => place.get(i))),
    data: all((node) => node.data),
    partials: all(() => []),
    index: all(() => 0),
    kinds: all((node) => node.kind),
    names,
    labels: all((node) => node.label ?? ""),
    titles: all((node, k) => (node.kind === "constant" ? names[k] : node.op ? `${names[k]} = ${signOf(node.op)}` : node.label === names[k] ? names[k] : `${names[k]} “${node.label}”`)),
    scopes: all(() => ""),
    sources: all(() => ""),
    grads: all(() => null),
    roots: [place.get(root)],
    seeds: [1],
    forward: true,
    stale: [],
    notes: {},
  };
}

// Depth first, operands from left to right: the order in which Python's graph is swept.
function reachable(nodes, root) {
  const found = [], seen = new Set(), pending = [[root, false]];
  while (pending.length) {
    const [i, ready] = pending.pop();
    if (ready) found.push(i);
    else if (!seen.has(i)) {
      seen.add(i);
      pending.push([i, true], ...nodes[i].parents.map((parent) => [parent, false]).reverse());
    }
  }
  return found;
}

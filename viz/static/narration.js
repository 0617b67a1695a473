// What one step says. The sentences are those of sentences.json; viz/narration.py reads them too.
import { foldsOf, isLive, partialsOf, valueOf } from "./calculus.js";
import { SENTENCES } from "./sentences.js";
import { DASH, constantDigits, digitsNeeded, exact, exactDigits, number, parsed, plus, times } from "./numbers.js";

const FORMULA_LIMIT = 80, TERMS = 4, SHOWN = 8;

// The pattern with its places filled, all at once: a label may look like a place.
const filled = (pattern, words) => pattern.replace(/\{(\w+)\}/g, (place, name) => words[name] ?? place);
export const signed = (text) => (text.startsWith("-") ? `(${text})` : text);
const listed = (items) => (items.length <= SHOWN ? items.join(", ") : `${items.slice(0, SHOWN - 2).join(", ")}, … (${items.length} in all)`);
const ends = (items) => `${items[0]}, ${items[1]}, …, ${items.at(-1)}`;
export const signOf = (op) => SENTENCES.signs[op] ?? op;

export class Narrator {
  constructor(graph) {
    this.graph = graph;
    this.digits = graph.digits;
  }

  get opening() {
    const { openings } = SENTENCES, { forward, grads } = this.graph;
    return openings[forward ? "forward" : "backward"] + openings[grads.every((grad) => grad === null) ? "first" : "later"];
  }

  show(value) {
    return number(value, this.digits);
  }

  tell(step) {
    const words = step.kind === "forward" ? this.forward(step.node) : step.kind === "seed" ? this.seed(step) : this.backward(step);
    const patterns = SENTENCES[words.kind ?? step.kind];
    return {
      phase: step.kind === "forward" ? "forward" : "backward",
      title: filled(patterns.title, words),
      lines: patterns.lines.map((line) => filled(line, words)),
      say: filled(patterns.say, words),
    };
  }

  forward(i) {
    const { graph } = this;
    const op = graph.ops[i], operands = graph.operands(i), value = graph.x[i];
    const compute = isLive(op) && operands.length <= (op === "dot" ? 2 * TERMS + 1 : SHOWN) ? (...x) => valueOf(op, x, graph.index[i]) : null;
    const digits = compute ? digitsNeeded(compute, operands, value, this.digits) : this.digits;
    const names = graph.parents[i].map((parent) => graph.names[parent]), at = op.endsWith("softmax") ? graph.index[i] : null;
    const words = (digits, shown) => ({
      name: graph.names[i],
      expression: expression(op, names, at),
      numbers: expression(op, operands.map((x, k) => number(x, graph.kinds[graph.parents[i][k]] === "constant" ? constantDigits(x, digits) : digits)), at),
      value: number(value, shown),
      place: this.place(i),
      spoken: spoken(op, names, at),
    });
    if (!graph.staleNow.has(i)) return words(digits, this.digits);
    const now = compute ? compute(...operands) : NaN, same = now === value || Object.is(now, value);
    let apart = this.digits;
    while (!same && apart < 17 && number(now, apart) === number(value, apart)) apart++;
    return { ...words(Math.max(digits, apart), apart), kind: same ? "stale_partials" : "stale", now: Number.isFinite(now) ? number(now, apart) : DASH };
  }

  seed(step) {
    const { to, term, after } = step;
    return { kind: term === 1 ? "seed" : "seed_other", name: this.graph.names[to], gradient: this.show(term), sum: this.sum(step), after: this.show(after) };
  }

  backward(step) {
    const { graph } = this, { node, slot, to, upstream, term, before, after } = step;
    const partial = graph.p[node][slot];
    const digits = digitsNeeded(times, [partial, upstream], term, this.digits);
    return {
      node: graph.names[node],
      parent: graph.names[to],
      partial: this.partial(node, slot),
      factor: number(partial, digits),
      stale: graph.staleNow.has(node) ? SENTENCES.stale_partial : "",
      upstream: number(upstream, digits),
      signed_partial: signed(number(partial, digits)),
      signed_upstream: signed(number(upstream, digits)),
      product: this.show(term),
      sum: this.sum(step),
      before: before === null ? SENTENCES.nothing : this.show(before),
      after: this.show(after),
      place: this.place(to),
    };
  }

  sum({ before, term, after }) {
    if (before === null) return this.show(after);
    const digits = digitsNeeded(plus, [before, term], after, this.digits);
    return filled(SENTENCES.sum, { first: number(before, digits), second: signed(number(term, digits)), after: this.show(after) });
  }

  place(i) {
    return this.graph.scopes[i] ? filled(SENTENCES.place, { scope: this.graph.scopes[i] }) : "";
  }

  // The formula of a partial in the names of the nodes, or "" where it says nothing new.
  formula(i, slot) {
    const { graph } = this;
    if (graph.staleNow.has(i)) return ""; // its partials are of numbers that are no longer there
    const op = graph.ops[i], parents = graph.parents[i], names = parents.map((parent) => this.exactName(parent));
    if (op === "dot") {
      const terms = parents.length >> 1;
      return slot < 2 * terms ? names[(slot + terms) % (2 * terms)] : "";
    }
    if (op === "pow" && slot === 0 && graph.kinds[parents[1]] === "constant") {
      const exponent = graph.x[parents[1]], text = (x) => number(x, exactDigits(exponent, this.digits));
      return exponent ? `${text(exponent)} * ${names[0]}${exponent === 2 ? "" : ` ** ${signed(text(exponent - 1))}`}` : "";
    }
    const templates = graph.formulas[op], reduction = graph.reductions.includes(op);
    const template = reduction ? templates[templates.length > 1 && slot === graph.index[i] ? 1 : 0] : templates[Math.min(slot, templates.length - 1)];
    if (this.differs(i, slot)) return "";
    const words = reduction ? this.foldNames(i, slot) : names;
    const text = filled(words.s === "1" ? template.replace("1 / {s}", "1") : template, { ...words, y: this.result(i, template) }); // no tie
    return [...text].length <= FORMULA_LIMIT ? text : "";
  }

  // A number in a formula has all its digits: with fewer, what the formula gives would be another number.
  exactName(i) {
    const { kinds, names, x } = this.graph;
    return kinds[i] === "constant" && names[i] === this.show(x[i]) ? exact(x[i], this.digits) : names[i];
  }

  // Whether a formula gives another number than the rule: 0 / 0 has a value by convention, 1 - y few digits near 1.
  differs(i, slot) {
    const { ops, x, p, index, untold } = this.graph;
    if (!isLive(ops[i])) return untold.includes(`${i}/${slot}`);
    return this.show(partialsOf(ops[i], this.graph.operands(i), x[i], index[i], true)[slot]) !== this.show(p[i][slot]);
  }

  // The name of a result; all its digits where it shows as 1 and the formula takes it from 1.
  result(i, template) {
    const { names, x } = this.graph, off = (y) => 1 - Math.abs(y);
    if (!template.includes("1 - {y}") || off(parsed(this.show(x[i]))) || !off(x[i])) return names[i];
    return exact(x[i], this.digits);
  }

  foldNames(i, slot) {
    const { graph } = this;
    const [m, s] = foldsOf(graph.ops[i], graph.operands(i));
    return { x: graph.names[graph.parents[i][slot]], m: exact(m, this.digits), s: number(s, digitsNeeded((s) => s - 1, [s], s - 1, this.digits + 2)), n: String(graph.parents[i].length) };
  }

  // The partials of a node, a line each, and where the node was made.
  about(i) {
    const { graph } = this;
    const lines = graph.scopes[i] ? [`scope ${graph.scopes[i]}`] : [];
    if (graph.sources[i]) lines.push(`made at ${graph.sources[i]}`);
    return lines.concat((graph.p[i] ?? []).slice(0, 12).flatMap((_, k) => (graph.kinds[graph.parents[i][k]] === "constant" ? [] : this.partialLine(i, k))));
  }

  partialLine(i, k) {
    const { names, parents } = this.graph;
    return `∂${names[i]}/∂${names[parents[i][k]]} = ${this.partial(i, k)}`;
  }

  // A partial, and its formula before it; where that is a number, all of its digits alone.
  partial(i, k) {
    const text = this.formula(i, k), value = this.graph.p[i][k];
    return text && parsed(text) === value ? text : `${text && `${text} = `}${this.show(value)}`;
  }
}

// `at` is which entry of the result it is, where the result has several.
function expression(op, items, at = null) {
  const operator = SENTENCES.infix[op];
  if (operator && items.length === 2) return `${op === "pow" ? signed(items[0]) : items[0]} ${operator} ${signed(items[1])}`;
  if (op === "neg") return `-${signed(items[0])}`;
  return op === "dot" ? sumOfProducts(items) : `${op}(${listed(items)})${at === null ? "" : `[${at}]`}`;
}

function sumOfProducts(items) {
  const terms = items.length >> 1;
  const weights = items.slice(0, terms), inputs = items.slice(terms, 2 * terms), bias = items.slice(2 * terms);
  if (terms > TERMS) return [`dot([${ends(weights)}], [${ends(inputs)}])`, ...bias].join(" + ");
  return [...weights.map((w, j) => `${w} * ${signed(inputs[j])}`), ...bias.map(signed)].join(" + ");
}

function spoken(op, items, at) {
  const word = SENTENCES.words[op];
  return word && items.length === 2 ? `${items[0]} ${word} ${items[1]}` : `${at === null ? "" : `entry ${at} of `}${op} of ${listed(items)}`;
}

// A graph that computes: values and partials (Algorithm 6.1), gradients (Algorithm 6.2), paths, differences.
//
// The payload (viz/payload.py) holds columns, an entry a node, parents first: ops, parents, data, partials,
// names, kinds, scopes. `recorded` numbers are Python's, to the bit; a change of an input computes anew.
import { valueOf, partialsOf, isLive } from "./calculus.js";
import { number, parsed } from "./numbers.js";

export class Graph {
  constructor(payload) {
    Object.assign(this, payload);
    this.size = this.ops.length;
    this.seeds = this.seeds.map(parsed);
    this.grads = this.grads.map((grad) => (grad === null ? null : parsed(grad)));
    this.recorded = { data: this.data.map(parsed), partials: this.partials.map((row) => row.map(parsed)) };
    this.missing = [...new Set(this.ops.filter((op) => op && !isLive(op)))];
    this.live = this.missing.length === 0;
    this.leaves = [...this.ops.keys()].filter((i) => !this.ops[i] && this.kinds[i] !== "constant");
    this.users = this.ops.map(() => []);
    this.parents.forEach((row, i) => row.forEach((parent, k) => this.users[parent].push([i, k])));
    this.staleNodes = new Set(this.stale);
    this.own = this.live && this.ops.some(Boolean) && this.recorded.partials.every((row) => !row.length); // no Python computed it
    this.restore();
  }

  // The numbers that Python recorded.
  restore() {
    this.x = Float64Array.from(this.recorded.data);
    this.p = this.recorded.partials.map((row) => [...row]);
    this.staleNow = this.staleNodes;
    this.changed = false;
    if (this.own) this.compute();
    this.sweep();
  }

  set(changes) {
    for (const [i, value] of changes) this.x[i] = value;
    this.changed = true;
    this.staleNow = new Set();
    this.compute();
    this.sweep();
  }

  compute() {
    for (let i = 0; i < this.size; i++) {
      if (!this.ops[i]) continue;
      const operands = this.operands(i);
      this.x[i] = valueOf(this.ops[i], operands, this.index[i]);
      this.p[i] = partialsOf(this.ops[i], operands, this.x[i], this.index[i]);
    }
  }

  operands(i, x = this.x) {
    return this.parents[i].map((parent) => x[parent]);
  }

  // Whether the sweep sends anything along an edge; a selecting operation sends nothing where it did not choose.
  sends(i, k) {
    return this.kinds[this.parents[i][k]] !== "constant" && !(this.p[i][k] === 0 && this.selecting[this.ops[i]]);
  }

  // The steps, in the order of autograd_core/steps.py, and the gradients that they end with. A step that is not
  // forward adds its `term` to the gradient of the node `to`.
  sweep() {
    const grads = [...this.grads];
    const steps = [];
    if (this.forward) this.ops.forEach((op, i) => op && steps.push({ kind: "forward", node: i }));
    const add = (kind, to, term, more) => {
      const before = grads[to];
      grads[to] = (before ?? 0) + term;
      steps.push({ kind, to, term, before, after: grads[to], ...more });
    };
    this.roots.forEach((root, k) => add("seed", root, this.seeds[k]));
    for (let i = this.size - 1; i >= 0; i--) {
      if (grads[i] === null || !this.ops[i]) continue;
      for (let k = 0; k < this.parents[i].length; k++) {
        if (!this.sends(i, k)) continue;
        add("backward", this.parents[i][k], this.p[i][k] * grads[i], { node: i, slot: k, upstream: grads[i] });
      }
    }
    this.steps = steps;
    this.gradients = grads;
  }

  // What is known after so many steps: which nodes are computed, and the gradients so far.
  at(position) {
    const computed = this.ops.map((op) => !(op && this.forward));
    const grads = [...this.grads];
    for (let k = 0; k < position; k++) {
      const step = this.steps[k];
      if (step.kind === "forward") computed[step.node] = true;
      else grads[step.to] = step.after;
    }
    const diagnosed = Object.entries(this.notes).every(([i, found]) => !found["dead ReLU"] || computed[i]); // all of each unit
    // what the sweep has not reached by its end has the gradient 0
    return { computed, diagnosed, grads: position < this.steps.length ? grads : grads.map((grad, i) => grad ?? (this.kinds[i] === "constant" ? null : 0)) };
  }

  // The gradient of this sweep alone; a leaf's `gradients` hold what earlier sweeps left there too.
  slopeAt(i) {
    if (this.grads[i] === null) return this.gradients[i] ?? 0;
    return this.steps.reduce((sum, step) => (step.to === i ? sum + step.term : sum), 0);
  }

  // Why no input can be changed here, nor the output plotted over one; "" where nothing stands in the way.
  get obstacle() {
    if (!this.live) return `Not live: the page cannot compute ${this.missing.join(", ")}. The steps show the recorded numbers.`;
    if (!this.leaves.length) return "There are only constants here.";
    return this.staleNow.size ? "The graph is stale: change an input, and the page computes it anew." : "";
  }

  get output() {
    return this.total(this.x);
  }

  // What `output` is called: the gradients are those of the seeds times the outputs, summed.
  get outputName() {
    const { roots: [root], seeds } = this;
    if (this.roots.length === 1) return seeds[0] === 1 ? this.names[root] : `(${number(seeds[0])}·${this.names[root]})`;
    return seeds.every((seed) => seed === 1) ? "Σ outputs" : "Σ seed·output";
  }

  total(x) {
    return this.roots.reduce((sum, root, k) => sum + this.seeds[k] * x[root], 0);
  }

  // Everything computed from a node, in order.
  descendants(i) {
    const found = new Set([i]);
    for (let j = i + 1; j < this.size; j++) if (this.parents[j].some((parent) => found.has(parent))) found.add(j);
    return [...found].slice(1);
  }

  // A node and what it is computed from, but the leaves that others use too: an example without the parameters.
  ancestors(i) {
    const found = new Set([i]);
    for (let j = i; j >= 0; j--) if (found.has(j)) this.parents[j].forEach((parent) => this.ops[parent] && found.add(parent));
    for (let j = 0; j < i; j++) if (!this.ops[j] && this.users[j].every(([user]) => found.has(user))) found.add(j);
    return [...found];
  }

  // The output as a function of one node, all else unchanged.
  along(i) {
    const below = this.descendants(i);
    const x = Float64Array.from(this.x);
    return (value) => {
      x[i] = value;
      for (const j of below) x[j] = valueOf(this.ops[j], this.operands(j, x), this.index[j]);
      return this.total(x);
    };
  }

  // All paths from a node to the outputs: how many, the largest products, and everything that lies on one.
  paths(i, limit = 6) {
    const counts = new Map(), bounds = new Map(), seeds = new Map();
    this.roots.forEach((root, k) => seeds.set(root, (seeds.get(root) ?? 0) + this.seeds[k]));
    const upward = (j) => this.users[j].filter(([user, k]) => this.sends(user, k) && counts.has(user));
    for (let j = this.size - 1; j >= i; j--) {
      const users = upward(j);
      if (!seeds.has(j) && !users.length) continue;
      counts.set(j, users.reduce((sum, [user]) => sum + counts.get(user), seeds.has(j) ? 1n : 0n));
      bounds.set(j, Math.max(Math.abs(seeds.get(j) ?? 0), ...users.map(([user, k]) => Math.abs(this.p[user][k]) * bounds.get(user))));
    }
    const open = counts.has(i) ? [{ node: i, product: 1 }] : [];
    const found = [];
    const score = (start) => Math.abs(start.product) * (start.done ? 1 : bounds.get(start.node));
    const best = (starts) => starts.splice(starts.reduce((a, _, b) => (score(starts[b]) > score(starts[a]) ? b : a), 0), 1)[0];
    while (open.length && found.length < limit) {
      // the best start is followed to the end along the best edges; each edge passed by is another start
      let start = best(open);
      while (!start.done) {
        const { node, product } = start, before = start;
        const choices = upward(node).map(([user, k]) => ({ node: user, product: product * this.p[user][k], edge: [user, k], before }));
        if (seeds.has(node)) choices.push({ node, product: product * seeds.get(node), seed: seeds.get(node), before, done: true });
        start = best(choices);
        open.push(...choices);
      }
      const steps = [];
      for (let at = start; at; at = at.before) if (at.edge) steps.unshift(at.edge);
      found.push({ product: start.product, seed: start.seed, steps });
    }
    const on = { nodes: [...counts.keys()].filter((j) => this.reaches(i, j)), edges: [] };
    const inside = new Set(on.nodes);
    for (const j of on.nodes) for (const [user, k] of upward(j)) if (inside.has(j)) on.edges.push([user, k]);
    return { count: counts.get(i) ?? 0n, found, on, total: this.gradients[i] };
  }

  reaches(i, j) {
    if (this.reachFrom !== i) {
      this.reachFrom = i;
      this.reach = new Set([i, ...this.descendants(i)]);
    }
    return this.reach.has(j);
  }
}

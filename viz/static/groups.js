// Which nodes share a box: groups open into finer ones and close again, and a step takes its nodes out of theirs.
import { isGroup } from "./links.js";
import { signOf } from "./narration.js";
import { counted } from "./numbers.js";

const SINGLES = 60; // members up to which a group opens into single nodes
const KEPT = 300; // nodes of an example that are kept out of their groups
const TAKEN = 9; // nodes that a step takes out of their groups

export class Groups {
  constructor(graph, boxes) {
    this.graph = graph;
    this.boxes = boxes;
    this.opened = []; // { box, parts }: what was opened, the last one last
    this.taken = new Set();
    this.kept = new Set();
  }

  get hasGroups() {
    return this.boxes.some(isGroup) || this.opened.length > 0;
  }

  open(id) {
    const box = this.boxes.find((one) => one.id === id);
    if (!box || !isGroup(box)) return false;
    const parts = this.split(box);
    this.opened.push({ box, parts: new Set(parts.map((part) => part.id)) });
    this.boxes = this.boxes.flatMap((one) => (one === box ? parts : [one]));
    return true;
  }

  // Closing a group closes what was opened inside it.
  close(id) {
    const at = this.opened.findIndex((entry) => entry.box.id === id);
    if (at < 0) return;
    const [{ box }] = this.opened.splice(at, 1);
    const inside = new Set(box.members);
    this.opened = this.opened.filter(({ box: { members } }) => members.length > inside.size || !inside.has(members[0]));
    const first = this.boxes.findIndex((one) => inside.has(one.members[0]));
    this.boxes = this.boxes.filter((one) => !inside.has(one.members[0]));
    this.boxes.splice(first, 0, box);
  }

  // Takes the nodes of a step out of their groups; tells whether anything changed.
  take(nodes) {
    const wanted = new Set(nodes.slice(0, TAKEN));
    const same = wanted.size === this.taken.size && [...wanted].every((i) => this.taken.has(i));
    this.taken = wanted;
    return !same;
  }

  // Keeps these nodes out of their groups, whatever the step takes.
  keep(nodes) {
    this.kept = new Set(nodes.slice(0, KEPT));
    this.left = nodes.length - this.kept.size;
  }

  out(i) {
    return this.taken.has(i) || this.kept.has(i);
  }

  // The boxes to draw, with the taken nodes beside what is left of their groups.
  shown() {
    return this.boxes.flatMap((box) => {
      const out = isGroup(box) ? box.members.filter((i) => this.out(i)) : [];
      if (!out.length) return [box];
      const rest = box.members.filter((i) => !this.out(i));
      return [...out.map((i) => this.single(i)), ...(rest.length > 1 ? [this.rest(box, rest)] : rest.map((i) => this.single(i)))];
    });
  }

  // What is left of a group: `layer1: 75 nodes (others)`, `dot ×7 (others)`.
  rest(box, members) {
    const shown = box.shown?.filter((i) => members.includes(i));
    const [, name, times] = /^(.*?)(: | [\d,]*×)[\d,]+(?: nodes)?$/.exec(box.title) ?? [null, box.title, " ×"];
    const title = `${name}${times === ": " ? `: ${members.length} nodes` : ` ×${(shown ?? members).length}`} (others)`;
    return { ...box, shown, members, title, notes: this.notes(members) };
  }

  // What a diagnosis found in these nodes: for one its words, for several the count of each kind.
  notes(members) {
    const found = members.map((i) => this.graph.notes[i] ?? {});
    if (members.length === 1) return Object.values(found[0]);
    const counts = new Map();
    for (const kind of found.flatMap(Object.keys)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return [...counts].map(([kind, count]) => `${kind}: ${counted(count, "node")}`);
  }

  single(i) {
    const { graph } = this;
    const kind = graph.roots.includes(i) ? "output" : graph.kinds[i];
    return { id: `n${i}`, title: graph.titles[i], kind, members: [i], notes: this.notes([i]) };
  }

  // By the next level of scopes, else node by node, else by operation, else in portions.
  split(box) {
    const { graph } = this;
    const scopes = box.members.map((i) => graph.scopes[i].split("."));
    let level = 0;
    while (scopes.every((scope) => scope[level] && scope[level] === scopes[0][level])) level++;
    for (const key of [(i, j) => scopes[j][level] ?? "", null, (i) => `${signOf(graph.ops[i]) || graph.kinds[i]}`, (i, j) => `part ${1 + Math.floor(j / SINGLES)}`]) {
      if (key === null) {
        if (box.members.length <= SINGLES) return box.members.map((i) => this.single(i));
        continue;
      }
      const parts = new Map();
      box.members.forEach((i, j) => parts.set(key(i, j), [...(parts.get(key(i, j)) ?? []), i]));
      if (parts.size > 1 && parts.size <= SINGLES) return [...parts].map(([name, members]) => this.part(name, members));
    }
    return box.members.map((i) => this.single(i));
  }

  part(name, members) {
    if (members.length === 1) return this.single(members[0]);
    const kinds = new Set(members.map((i) => this.graph.kinds[i]));
    const kind = kinds.size === 1 && !kinds.has("operation") ? [...kinds][0] : "group";
    return { id: `g${members[0]}_${members.length}`, title: `${name || "nodes"} ×${members.length}`, kind, members, notes: this.notes(members) };
  }
}

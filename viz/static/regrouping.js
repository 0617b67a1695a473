// A picture with groups: they open and close, a step or an example is taken out of them, and the page draws
// the picture anew. A page has this module where its picture has groups.
import { button, choice, fill, make, on } from "./dom.js";
import { Groups } from "./groups.js";
import { isGroup } from "./links.js";
import { pictureOf } from "./picture.js";
import { Player } from "./player.js";

const LISTED = 500; // members of a group that can be chosen from a list

export class Regrouping {
  constructor(player) {
    this.player = player;
    this.groups = new Groups(player.graph, player.payload.boxes);
    this.example = null; // a node that is shown with all that it is computed from
    this.inside = on(make("input", { type: "checkbox", checked: "", "aria-label": "Open groups at the step" }), "change", () => (this.follow(player.step), this.settle()));
    if (this.groups.hasGroups) player.view.tools.append(make("label.inside", {}, this.inside, "open groups at the step"));
  }

  redraw() {
    const { player, groups } = this;
    player.selected = null;
    player.view.details.hidden = true;
    player.showPicture(...pictureOf(player.graph, groups.shown()));
    const chip = (title, act) => button(`${title} ✕`, `${title} ✕ (close)`, () => (act(), this.redraw(), this.settle()));
    const chips = groups.opened.map(({ box }) => chip(box.title, () => groups.close(box.id)));
    if (this.example !== null) chips.push(chip(`example of ${player.graph.titles[this.example]}${groups.left ? ` (${groups.left} more in groups)` : ""}`, () => this.choose(null)));
    fill(player.view.groups, ...chips);
  }

  settle() {
    this.player.refresh();
    this.player.mark();
  }

  // The nodes of a step are taken out of their groups.
  follow(step) {
    const wanted = step && this.inside.checked && this.groups.hasGroups;
    const nodes = !wanted ? [] : step.kind === "forward" ? [...new Set([step.node, ...this.player.graph.parents[step.node]])] : [step.node ?? step.to, step.to];
    if (this.groups.take(nodes)) this.redraw();
  }

  extract(nodes) {
    const { player } = this;
    if (this.groups.take(nodes)) this.redraw();
    this.settle();
    const k = player.boxes.findIndex((box) => !isGroup(box) && box.members[0] === nodes[0]);
    if (k >= 0) player.select(k), player.stage.follow([player.stage.handles[k].group]);
  }

  // One example of a batch: a node, and what it alone is computed from, out of their groups until it is closed.
  choose(i) {
    this.example = i;
    this.groups.keep(i === null ? [] : this.player.graph.ancestors(i));
  }

  // What can be done with a group: open it, or take one of its nodes out, alone or with its example.
  choices(box) {
    const { player, groups } = this;
    const members = (box.shown ?? box.members).slice(0, LISTED).map((i, j) => [i, `${j + 1}: ${player.graph.titles[i]}`]);
    const pick = (name, act) => choice(name, [["", `${name}…`], ...members], (value) => value && act(Number(value)));
    const choices = [
      button("Open", "Open this group", () => groups.open(box.id) && (this.redraw(), this.settle())),
      pick("One of the nodes in this box", (i) => this.extract([i])),
    ];
    if (player.graph.parents[box.members[0]].length) choices.push(pick("One with its example", (i) => (this.choose(i), this.redraw(), this.extract([i]))));
    return choices;
  }
}

Player.Regrouping = Regrouping;

// The keys of the player, and what Ctrl-C copies.

export class Keyboard {
  constructor(player) {
    this.player = player;
  }

  phaseStart(direction) {
    const phaseAt = (k) => (k === 0 ? "start" : this.player.graph.steps[k - 1].kind === "forward" ? "forward" : "backward");
    let k = this.player.position + direction;
    while (k > 0 && k < this.player.end && phaseAt(k) === phaseAt(k - direction)) k += direction;
    this.player.goto(k);
  }

  focusNode(k) {
    const { handles } = this.player.stage;
    handles.forEach((handle) => handle?.group.setAttribute("tabindex", "-1"));
    const group = handles[(k + handles.length) % handles.length]?.group;
    group?.setAttribute("tabindex", "0");
    group?.focus({ preventScroll: true });
    if (group) this.player.stage.follow([group]);
  }

  // Copying on a node copies its numbers with every digit.
  onCopy(event) {
    const k = this.player.stage.handles.findIndex((handle) => handle?.group === this.player.root.activeElement);
    if (k < 0 || !event.clipboardData) return;
    event.clipboardData.setData("text/plain", this.player.stage.handles[k].title.textContent);
    event.preventDefault();
  }

  onKey(event) {
    const element = event.composedPath()[0];
    const k = this.player.stage.handles.findIndex((handle) => handle?.group === element);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const typing = element.tagName === "INPUT" && element !== this.player.view.slider && element.type !== "checkbox";
    if (typing || ["SELECT", "SUMMARY"].includes(element.tagName)) return event.stopPropagation();
    const keys = {
      ArrowRight: () => this.player.goto(this.player.position + 1), ArrowLeft: () => this.player.goto(this.player.position - 1),
      Home: () => this.player.goto(0), End: () => this.player.goto(this.player.end),
      PageDown: () => this.phaseStart(1), PageUp: () => this.phaseStart(-1), " ": () => this.player.play(),
      "+": () => this.player.stage.zoom(1.25), "=": () => this.player.stage.zoom(1.25), "-": () => this.player.stage.zoom(0.8), 0: () => this.player.stage.fit(),
    };
    if (k >= 0 && (event.key === "Enter" || event.key === " ")) this.player.select(k);
    else if (k >= 0 && event.key === "ArrowDown") this.focusNode(k + 1);
    else if (k >= 0 && event.key === "ArrowUp") this.focusNode(k - 1);
    else if (event.key === "Escape" && this.player.selected !== null) this.player.select(this.player.selected);
    else if (event.key === " " && element.tagName === "BUTTON") return event.stopPropagation();
    else if (keys[event.key] && !(element === this.player.view.slider && event.key.startsWith("Page"))) keys[event.key]();
    else return;
    event.stopPropagation(); // the page (Jupyter above all) has keys of its own
    event.preventDefault();
  }
}

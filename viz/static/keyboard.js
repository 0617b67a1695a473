// The keys of the player, and what Ctrl-C copies.
import { set } from "./dom.js";

export class Keyboard {
  constructor(player) {
    this.player = player;
  }

  phaseStart(direction) {
    const { player } = this;
    const phaseAt = (k) => (k === 0 ? "start" : player.graph.steps[k - 1].kind === "forward" ? "forward" : "backward");
    let k = player.position + direction;
    while (k > 0 && k < player.end && phaseAt(k) === phaseAt(k - direction)) k += direction;
    player.goto(k);
  }

  focusNode(k) {
    const { handles } = this.player.stage;
    for (const handle of handles) handle && set(handle.group, { tabindex: -1 });
    const group = handles.at(k % handles.length)?.group;
    if (!group) return;
    set(group, { tabindex: 0 }).focus({ preventScroll: true });
    this.player.stage.follow([group]);
  }

  // Copying on a node copies its numbers with every digit.
  onCopy(event) {
    const { stage, root } = this.player;
    const handle = stage.handles.find((one) => one?.group === root.activeElement);
    if (!handle || !event.clipboardData) return;
    event.clipboardData.setData("text/plain", handle.title.textContent);
    event.preventDefault();
  }

  onKey(event) {
    const { player } = this, { stage, view } = player;
    const { key, altKey, ctrlKey, metaKey } = event;
    const element = event.composedPath()[0], onSlider = element === view.slider;
    if (altKey || ctrlKey || metaKey) return;
    const typing = element.tagName === "INPUT" && !onSlider && element.type !== "checkbox";
    if (typing || ["SELECT", "SUMMARY"].includes(element.tagName)) return event.stopPropagation();
    const keys = {
      ArrowRight: () => player.goto(player.position + 1), ArrowLeft: () => player.goto(player.position - 1),
      Home: () => player.goto(0), End: () => player.goto(player.end),
      PageDown: () => this.phaseStart(1), PageUp: () => this.phaseStart(-1), " ": () => player.play(),
      "+": () => stage.zoom(1.25), "=": () => stage.zoom(1.25), "-": () => stage.zoom(0.8), 0: () => stage.fit(),
    };
    const k = stage.handles.findIndex((handle) => handle?.group === element);
    if (k >= 0) {
      keys.Enter = keys[" "] = () => player.select(k);
      keys.ArrowDown = () => this.focusNode(k + 1);
      keys.ArrowUp = () => this.focusNode(k - 1);
    }
    if (player.selected !== null) keys.Escape = () => player.select(player.selected);
    if (key === " " && element.tagName === "BUTTON") return event.stopPropagation();
    if (!keys[key] || (onSlider && key.startsWith("Page"))) return;
    keys[key]();
    event.stopPropagation(); // the page (Jupyter above all) has keys of its own
    event.preventDefault();
  }
}

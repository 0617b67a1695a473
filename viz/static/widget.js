// The player as an anywidget: the kernel and the page follow each other's step and inputs.
import { number } from "./numbers.js";
import { mount } from "./player.js";
import "./regrouping.js";

export default {
  render({ model, el }) {
    const player = mount(el, JSON.parse(model.get("payload")), {
      position: model.get("position"),
      onStep: (at) => {
        model.set("position", at);
        model.save_changes();
      },
      onInputs: (inputs) => {
        const plain = Object.entries(inputs).map(([name, x]) => [name, Number.isFinite(x) ? x : number(x)]); // JSON has no NaN
        model.set("inputs", Object.fromEntries(plain));
        model.save_changes();
      },
    });
    const follow = () => model.get("position") !== player.position && player.goto(model.get("position"), { quiet: true });
    model.on("change:position", follow);
    return () => {
      model.off("change:position", follow);
      player.destroy();
    };
  },
};

// The playground: type an expression, and get its graph, numbers, gradients and steps, with no Python at all.
import { all, button, fill, make, on, put } from "./dom.js";
import { graphOf } from "./parse.js";
import { pictureOf } from "./picture.js";
import { Player } from "./player.js";
import { watchTheme } from "./view.js";

const EXAMPLES = ["tanh(w1*x1 + w2*x2 + b)", "(a*b + c)**2", "relu(a) + a*b", "x * sigmoid(x)", "log(exp(a) + exp(b))", "softplus(-y * (w*x + b))"];
const START = { a: 2, b: 6.5, c: -10, x: 1.5, y: 1, w: 0.5, w1: -3, w2: 1, x1: 2, x2: 0 };

export function playground(host, payload) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  watchTheme(host);
  const field = make("input.expression", { spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Expression", value: payload.expression });
  const equals = make("span");
  const error = make("div", { class: "notice", role: "alert", hidden: "" });
  const examples = make("div", { class: "buttons examples" }, ...EXAMPLES.map((text) => button(text, `Try ${text}`, () => ((field.value = text), show(true)))));
  const place = make("div.autograd-player");
  fill(root, make("style", {}, payload.css), make("div", { class: "player playground" }, make("div.type", {}, equals, field), error, examples), place);
  const values = Object.assign(Object.create(null), START, payload.values); // any name may be typed, __proto__ too
  let player = null, last = "";

  function show(fresh) {
    let graph;
    try {
      graph = graphOf(field.value, values, payload.facts);
    } catch (problem) {
      if (!(problem instanceof SyntaxError)) throw problem;
      put(error, problem.message);
      error.hidden = false;
      return;
    }
    error.hidden = true;
    if (!fresh && field.value === last) return;
    last = field.value;
    const shadow = place.shadowRoot ?? place.attachShadow({ mode: "open" });
    player?.destroy();
    const boxes = graph.ops.map((op, i) => ({ id: `n${i}`, title: graph.titles[i], kind: graph.roots.includes(i) ? "output" : graph.kinds[i], members: [i], notes: [] }));
    const name = graph.labels[graph.roots[0]] || "y";
    put(equals, `${name} =`);
    const description = `Computation graph of ${field.value}`;
    player = new Player(shadow, { css: payload.css, title: `${name} = ${field.value}`, caption: "", description, boxes, columns: graph }, { draw: pictureOf, onInputs: () => player.graph.leaves.forEach((i) => (values[graph.labels[i]] = player.graph.x[i])) });
    Object.assign(player.stage, { readable: 0, width: 0 }); // all of the graph at first, however narrow the page
    player.stage.resize();
    watchTheme(place);
  }

  on(field, "input", () => show(false));
  show(true);
  return { show, field, get player() { return player; } };
}

export function playgroundNext(name, payload) {
  const host = all(document, `.${name}`).find((element) => !element.shadowRoot);
  return host && playground(host, payload);
}

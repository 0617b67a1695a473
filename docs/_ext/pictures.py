"""The pictures of the front page, the how-tos and the reference, drawn with today's code."""

from __future__ import annotations

import math
import random
from pathlib import Path

import autograd_core as ag
import matplotlib
import nn
import numpy as np
import viz
from autograd_core.checking import gradient_report
from viz.playground import save_playground

matplotlib.use("Agg")

# A page in a frame of the site: title, margin and theme are the site's; a frame with data-whole is as high as
# its page. Where a frame may not look at the site (opened as a file), the theme is the system's.
FRAMED = """<style>
main > h1 { display: none } body:has(main) { margin: 0 }
body:has(> table) { margin: 0; padding: 1em }
body > table { display: block; overflow-x: auto; white-space: nowrap }
:root[data-theme=light] { color-scheme: light } :root[data-theme=dark] { color-scheme: dark }
</style><script type="module">
try {
  const own = document.documentElement, site = parent.document.body, frame = frameElement;
  const follow = () => {
    if (["light", "dark"].includes(site.dataset.theme)) own.dataset.theme = site.dataset.theme;
    else delete own.dataset.theme;
  };
  new MutationObserver(follow).observe(site, { attributes: true, attributeFilter: ["data-theme"] });
  follow();
  if ("whole" in frame.dataset)
    new ResizeObserver(([{ target }]) => (frame.style.height = `${target.offsetHeight}px`))
      .observe(document.body);
} catch {}
</script>"""


def make_pictures(folder: Path) -> None:
    """Write all of them: SVGs into pictures/, pages beside it."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    x, w, b = ag.Value(2.0, "x"), ag.Value(-0.5, "w"), ag.Value(0.3, "b")
    y = ag.tanh(w * x + b)
    y.label = "y"
    viz.step(y).save_html(folder / "player.html")
    save_playground(folder / "playground.html")
    y.backward()
    viz.draw(y).save(pictures / "neuron.svg")
    z = (w * x) * ag.sigmoid(w)  # two paths from w
    z.label = "z"
    (folder / "latex.md").write_text(f"$$\n{viz.latex(z, numbers=True)}\n$$\n", encoding="utf-8")
    models(pictures)
    how_tos(pictures)
    boundary(pictures / "boundary.svg")
    report(folder / "report.html")
    for name in ("player.html", "steps.html", "playground.html", "report.html"):
        page = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(page.replace("</head>", f"{FRAMED}</head>", 1), encoding="utf-8")


def models(pictures: Path) -> None:
    """A model at three levels of detail."""
    model = nn.MLP(2, [16, 16, 1], activation="tanh", seed=0)
    viz.draw(model, [0.5, -0.3], depth=1).save(pictures / "model.svg")
    big = viz.draw(nn.MLP(8, [16, 16, 3], activation="tanh", seed=0), [0.1] * 8, depth=0)
    big.save(pictures / "big.svg")
    with ag.scope("encoder"):
        code = [ag.tanh(ag.Value(0.1 * j, f"w{j}") * 2.0) for j in range(3)]
    with ag.scope("decoder"):
        output = ag.sum(code)
    viz.draw(output, depth=0).save(pictures / "scopes.svg")


def how_tos(pictures: Path) -> None:
    """A graph for each how-to that has one."""

    @ag.operation(lambda x, y: (1 - y * y) / 2)
    def half_tanh(x: float) -> float:
        return math.tanh(x / 2)

    loss = half_tanh(ag.Value(0.7, "x")) * ag.Value(2.0, "c")
    loss.label = "loss"
    loss.backward()
    viz.draw(loss).save(pictures / "operation.svg")

    a, b, c = ag.Value(2.0, "a"), ag.Value(-3.0, "b"), ag.Value(6.5, "c")
    loss = ag.tanh(a * b + c) + a**2
    loss.label = "loss"
    viz.step(loss).save_html(pictures.parent / "steps.html")
    loss.backward()
    viz.draw(loss).save(pictures / "steps.svg")

    random.seed(1337)
    neuron = nn.Neuron(2)
    score = neuron([ag.Value(0.5, "x0"), ag.Value(-1.0, "x1")])
    score.backward()
    viz.draw(score).save(pictures / "micrograd.svg")

    energy = ag.record(lambda x: ag.sin(x[0]) * x[1], [0.5, 2.0])
    viz.draw(energy.graph([0.5, 2.0])).save(pictures / "program.svg")


def boundary(path: Path) -> None:
    """What a classifier of `nn.estimators` learned of two moons."""
    from nn.estimators import MLPClassifier
    from nn.plots import plot_decision_boundary
    from sklearn.datasets import make_moons

    X, labels = make_moons(200, noise=0.15, random_state=0)
    classifier = MLPClassifier(
        [16, 16], activation="tanh", learning_rate_init=0.02, max_iter=100, random_state=0
    )
    classifier.fit(X, labels)
    ax = plot_decision_boundary(classifier.model_, X, labels)
    ax.figure.savefig(path, metadata={"Date": None})


def report(path: Path) -> None:
    """The page of a failed gradient check: a factor 2 is missing where x > 0."""

    def half_square(x: np.ndarray) -> float:
        return float(np.sum(np.maximum(x, 0.0) * x))

    def its_gradient(x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0.0)

    page = gradient_report(half_square, np.array([-1.0, 0.5, 2.0]), gradient=its_gradient)
    path.write_text(page.to_html(), encoding="utf-8")

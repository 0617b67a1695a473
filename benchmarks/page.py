"""The player in Chromium: what a step and a drag of an input cost in a graph of 500 nodes.

`python -m benchmarks.page` prints, for one step and for one drag, the milliseconds of script, of style and
layout, as Chromium's own counters give them (the least of several rounds), and apart from them the time from
frame to frame: without a GPU, painting in software is most of it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import autograd_core as ag
import viz

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
]
NODES, ROUNDS, TIMES = 500, 5, 60
BUDGET = 1000 / 60  # ms of one frame

PLAYER = "document.querySelector('.autograd-player').shadowRoot"
DRAG = """slider.value = -0.9 + 1.8 * ((k * 7) % times) / times; slider.dispatchEvent(new Event("input"));"""
STEP = "next.click();"
RUN = f"""async (times) => {{
    const root = {PLAYER};
    const slider = root.querySelector('[aria-label="x0, slider"]');
    const next = root.querySelector('[aria-label^="Next step"]');
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    const begun = performance.now();
    for (let k = 0; k < times; k++) {{ ACTION await frame(); }}
    await frame();
    return (performance.now() - begun) / times;
}}"""
PARTS = {"script": ["ScriptDuration"], "style and layout": ["RecalcStyleDuration", "LayoutDuration"]}


def graph(nodes: int = NODES, width: int = 20) -> ag.Value:
    """Layers of tanh and products, added up: so many nodes, all of which one input reaches or feeds."""
    draw = random.Random(1)
    row = [ag.Value(draw.uniform(-0.9, 0.9), f"x{i}") for i in range(width)]
    made = width
    while made < nodes - width:
        layer = made // width
        row = [row[i].tanh() if layer % 3 == 0 else row[i] * row[(i + 1) % width] for i in range(width)]
        made += width
    total = row[0]
    for value in row[1:]:
        total = total + value
    return total


def main() -> int:
    """Measure, and print what was found."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("the player in Chromium: not measured, playwright is not installed")
        return 0
    if not shutil.which(CHROMIUM):
        print(f"the player in Chromium: not measured, there is no {CHROMIUM} ($CHROMIUM may name one)")
        return 0
    output = graph()
    size = len(viz.draw(output, fold=False).snapshot.nodes)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        path = viz.step(output, fold=False).save_html(Path(folder) / "player.html")
        browser = running.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.goto(path.as_uri())
        page.locator(".player").wait_for()
        counters = page.context.new_cdp_session(page)
        counters.send("Performance.enable")
        print(f"the player in Chromium, {size} nodes; ms each, a frame at 60 a second is {BUDGET:.1f} ms")
        for name, start, action in (
            ("one step", "First step", STEP),
            ("one drag of an input", "Last step", DRAG),
        ):
            page.get_by_label(start).dispatch_event("click")
            print(f"  {name:22}{measured(page, counters, action)}")
        browser.close()
    return 0


def measured(page: Any, counters: Any, action: str) -> str:
    """What one action costs: the least of several rounds."""
    code = RUN.replace("ACTION", action)
    found: dict[str, list[float]] = {name: [] for name in (*PARTS, "frame")}
    for _ in range(ROUNDS):
        before = metrics(counters)
        found["frame"].append(page.evaluate(code, TIMES))
        after = metrics(counters)
        for name, keys in PARTS.items():
            found[name].append(sum(after[key] - before[key] for key in keys) * 1000 / TIMES)
    least = {name: min(values) for name, values in found.items()}
    work = sum(least[name] for name in PARTS)
    parts = ", ".join(f"{name} {least[name]:.1f}" for name in PARTS)
    verdict = "within" if work < BUDGET else "MORE than"
    return f"{work:5.1f} ({parts}), {verdict} a frame; from frame to frame {least['frame']:.1f}"


def metrics(counters: Any) -> dict[str, float]:
    """Chromium's counters, in seconds since the page began."""
    return {one["name"]: one["value"] for one in counters.send("Performance.getMetrics")["metrics"]}


if __name__ == "__main__":
    sys.exit(main())

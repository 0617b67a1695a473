import importlib.metadata
import random
import stat

import pytest

import viz
from autograd_core import Value, maximum, scope
from viz.errors import FormatError, RendererError, RenderTimeout
from viz.renderer import Renderer, find_renderer, render

GRAPH = "digraph { a -> b }"


def executable(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def no_system(monkeypatch, tmp_path):
    """A machine with neither `dot` nor a named renderer."""
    monkeypatch.delenv("AUTOGRAD_DOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def no_wheel(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)


def test_the_named_renderer_comes_first(monkeypatch, tmp_path):
    mine = executable(tmp_path / "mine", "cat >/dev/null; echo '<svg/>'")
    executable(tmp_path / "dot", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("AUTOGRAD_DOT", str(mine))
    assert find_renderer() == Renderer(str(mine), "AUTOGRAD_DOT")
    assert render(GRAPH) == b"<svg/>\n"


def test_a_named_renderer_that_does_not_exist_is_an_error_not_a_fallback(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_DOT", str(tmp_path / "nowhere"))
    with pytest.raises(RendererError, match=r"\$AUTOGRAD_DOT is '.*nowhere', which is not an executable"):
        find_renderer()


def test_the_system_dot_comes_before_the_wheel(monkeypatch, no_system, tmp_path):
    dot = executable(tmp_path / "dot", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_renderer() == Renderer(str(dot), "system")


def test_the_wheel_draws_on_a_machine_without_graphviz(no_system):
    pytest.importorskip("graphviz")
    try:
        importlib.metadata.distribution("graphviz-pure")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("graphviz-pure is not installed")
    assert find_renderer().origin == "graphviz-pure"
    assert b"<svg" in render(GRAPH)
    assert render(GRAPH, "png").startswith(b"\x89PNG")


def test_without_any_renderer_the_error_tells_the_remedy(no_system, no_wheel):
    with pytest.raises(RendererError, match=r'pip install "autograd-core\[draw\]"'):
        render(GRAPH)


def test_the_wheel_says_that_it_writes_no_pdf(no_system):
    with pytest.raises(FormatError, match=r"writes svg, png, jpeg, json \(PDF needs a system Graphviz"):
        render(GRAPH, "pdf")


def test_an_unknown_format_is_refused_with_those_that_exist():
    with pytest.raises(FormatError, match=r"cannot write format 'bmp'; .* writes svg, png"):
        render(GRAPH, "bmp")


def test_a_layout_that_takes_too_long_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRAD_DOT", str(executable(tmp_path / "slow", "exec sleep 30")))
    with pytest.raises(RenderTimeout, match=r"did not lay the graph out in 0\.2 s"):
        render(GRAPH, timeout=0.2)


def test_a_failing_renderer_is_named_with_its_last_word(monkeypatch, tmp_path):
    monkeypatch.setenv(
        "AUTOGRAD_DOT", str(executable(tmp_path / "bad", "echo first; echo 'syntax error' >&2; exit 3"))
    )
    with pytest.raises(RendererError, match="failed with exit code 3: syntax error"):
        render(GRAPH)


def test_a_renderer_that_cannot_be_run_is_reported(monkeypatch, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF not a program")
    broken.chmod(0o755)
    monkeypatch.setenv("AUTOGRAD_DOT", str(broken))
    with pytest.raises(RendererError, match="cannot be run"):
        render(GRAPH)


def test_pixels_are_dense_enough_for_print():
    import struct

    svg, png = render(GRAPH).decode(), render(GRAPH, "png")
    points = float(svg.split('width="')[1].split("pt")[0])
    assert struct.unpack(">I", png[16:20])[0] == pytest.approx(points * 2, rel=0.05)


def test_a_graph_that_comes_back_into_its_scopes_is_drawn_with_every_edge():
    """Graphviz loses edges of it where it ranks each cluster by itself."""
    choose = random.Random(18)
    nodes = [Value(choose.uniform(-2, 2), f"x{i}") for i in range(4)]
    for i in range(50):
        a, b = choose.choice(nodes), choose.choice(nodes[-8:])
        with scope(f"layer{i % 3}"), scope(f"neuron{choose.randint(0, 4)}"):
            nodes.append(choose.choice([a * b, a - b, maximum(a, b)]))
    drawing = viz.draw(nodes[-1], fold=False)
    svg = drawing.svg()
    assert all(f'id="{link.ident}"' in svg for link in drawing.picture.links)

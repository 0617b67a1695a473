"""The player in a real JupyterLab, in a real Chromium."""

import re

import pytest

from tests.browser.conftest import expect, text_is

nbformat = pytest.importorskip("nbformat", reason="the notebook tests need nbformat")
pytestmark = pytest.mark.browser

SETUP = """
from autograd_core import Value
import viz
a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(10.0, "c")
loss = (a * b + c).tanh() + a * a
loss.label = "loss"
player = viz.step(loss, widget=True)
"""
READY = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const widget = app.shell.currentWidget;
    await widget.context.ready;
    await widget.sessionContext.ready;
    await widget.sessionContext.session.kernel.info;
}"""


def write_notebook(lab, name, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.home / name)


def open_notebook(page, lab, name):
    page.goto(f"{lab.url}/lab/tree/{name}?reset")
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.sessionContext", timeout=60_000)
    page.evaluate(READY)


def run_all(page, sentinel):
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".jp-OutputArea-output", has_text=sentinel).first.wait_for(timeout=60_000)


def run_cell(page, index, code, sentinel):
    """Put code in a cell, run it, and return what it prints."""
    page.evaluate(
        """async ([index, code]) => {
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = index;
            content.widgets[index].model.sharedModel.setSource(code);
            content.deselectAll();
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        [index, code],
    )
    output = page.locator(".jp-CodeCell").nth(index).locator(".jp-OutputArea-output", has_text=sentinel)
    output.wait_for(timeout=30_000)
    return output.inner_text()


@pytest.fixture
def lab_page(browser, jupyter):
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    page = context.new_page()
    yield page
    page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
    context.close()


def test_the_widget_steps_plays_slides_and_the_kernel_reads_its_step(lab_page, jupyter):
    page = lab_page
    write_notebook(jupyter, "widget.ipynb", SETUP + "display(player)\nprint('drawn')", "pass")
    open_notebook(page, jupyter, "widget.ipynb")
    run_all(page, "drawn")
    cell = page.locator(".jp-CodeCell >> nth=0")
    player = cell.locator(".player")
    player.wait_for(timeout=30_000)
    assert cell.locator(".jp-RenderedHTML").count() == 0  # the widget, not the HTML for other viewers
    count = player.locator(".count")
    total = int(count.inner_text().split("/")[1])

    player.get_by_label("Next step").click()
    player.get_by_label("Next step").click()
    text_is(count, f"2 / {total}")
    player.get_by_label("Previous step").click()
    text_is(count, f"1 / {total}")

    player.get_by_label("Next step").focus()
    page.keyboard.press("End")
    text_is(count, f"{total} / {total}")
    page.keyboard.press("ArrowLeft")
    text_is(count, f"{total - 1} / {total}")

    player.get_by_label("Step", exact=True).fill("3")
    text_is(count, f"3 / {total}")
    # While the kernel is busy with one message, Jupyter holds the widget's next ones back.
    reading = "print('position', player.position, player.current is player.steps[2])"
    for _ in range(20):
        if "position 3 True" in (seen := run_cell(page, 1, reading, "position")):
            break
        page.wait_for_timeout(200)
    assert "position 3 True" in seen

    run_cell(page, 1, "player.goto(5); print('went', player.position)", "went 5")
    player.locator(".count", has_text=f"5 / {total}").wait_for(timeout=10_000)

    player.get_by_label("Speed of play").select_option("fastest")
    player.get_by_role("button", name="Play").click()
    player.locator(".count", has_text=f"{total} / {total}").wait_for(timeout=20_000)
    run_cell(
        page,
        1,
        "loss.backward(); print('grad', player.steps[-1].after in (a.grad, b.grad, c.grad))",
        "grad True",
    )


def test_keys_for_the_player_do_not_reach_the_notebook(lab_page, jupyter):
    page = lab_page
    write_notebook(jupyter, "keys.ipynb", SETUP + "display(player)\nprint('drawn')", "pass")
    open_notebook(page, jupyter, "keys.ipynb")
    run_all(page, "drawn")
    player = page.locator(".jp-CodeCell >> nth=0").locator(".player")
    player.wait_for(timeout=30_000)
    player.get_by_label("Next step").focus()
    before = page.locator(".jp-CodeCell").count()
    for key in ("ArrowRight", "ArrowLeft", "PageDown", "End", "Home"):
        page.keyboard.press(key)
    expect(page.locator(".jp-CodeCell")).to_have_count(before)
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex") in (0, 1)


def saved_notebook(lab, name, html):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("player")])
    output = nbformat.v4.new_output("display_data", data={"text/html": html, "text/plain": "player"})
    notebook.cells[0].outputs = [output]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.home / name)


def player_html():
    names = {}
    exec(SETUP, names)
    return names["player"].to_html()


def test_an_untrusted_notebook_shows_the_static_picture(lab_page, jupyter):
    page = lab_page
    saved_notebook(jupyter, "untrusted.ipynb", player_html())
    open_notebook(page, jupyter, "untrusted.ipynb")
    picture = page.locator(".jp-OutputArea-output img")
    picture.wait_for(timeout=30_000)
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    assert picture.get_attribute("alt").startswith("Computation graph of loss")
    expect(page.locator(".player")).to_have_count(0)


def test_the_plain_html_output_plays_in_a_trusted_notebook(lab_page, jupyter):
    page = lab_page
    write_notebook(
        jupyter,
        "html.ipynb",
        SETUP + "from IPython.display import HTML\ndisplay(HTML(player.to_html()))\nprint('drawn')",
    )
    open_notebook(page, jupyter, "html.ipynb")
    run_all(page, "drawn")
    player = page.locator(".jp-CodeCell >> nth=0").locator(".player")
    player.wait_for(timeout=30_000)
    player.get_by_label("Next step").click()
    text_is(player.locator(".count"), re.compile("^1 /"))
    assert (
        page.locator(".jp-OutputArea-output img").count() == 0
        or not page.locator(".jp-OutputArea-output img").first.is_visible()
    )


def executed_notebook(path):
    """A notebook that displays a player and a drawing, run and saved, without any widget's model in it."""
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
    code = SETUP.replace(", widget=True", "") + "display(player)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbclient.NotebookClient(notebook, timeout=120).execute()
    nbformat.write(notebook, path)
    return notebook


def test_a_saved_notebook_opened_without_a_kernel_plays(lab_page, jupyter):
    page = lab_page
    notebook = executed_notebook(jupyter.home / "saved.ipynb")
    (jupyter.home / "data").mkdir(exist_ok=True)
    nbformat.sign.NotebookNotary(data_dir=str(jupyter.home / "data")).sign(notebook)  # who ran it trusts it
    page.goto(f"{jupyter.url}/lab/tree/saved.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context", timeout=60_000)
    player = page.locator(".jp-CodeCell >> nth=0").locator(".player")
    player.wait_for(timeout=30_000)
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    player.get_by_label("Last step").click()
    done, total = player.locator(".count").inner_text().split(" / ")
    assert done == total != "0"
    box = player.get_by_label("a, number", exact=True)
    box.fill("1")
    box.press("Enter")
    player.locator("#n0 text", has_text="data 1").wait_for(timeout=5000)


def test_a_page_made_by_nbconvert_plays_without_a_network(new_page, tmp_path):
    nbconvert = pytest.importorskip("nbconvert", reason="needs nbconvert")
    notebook = executed_notebook(tmp_path / "notebook.ipynb")
    html, _resources = nbconvert.HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "notebook.html").write_text(html, encoding="utf-8")
    page = new_page()
    page.goto((tmp_path / "notebook.html").as_uri(), wait_until="commit")
    player = page.locator(".player")
    player.wait_for(timeout=30_000)
    player.get_by_label("Next step").click()
    text_is(player.locator(".count"), re.compile("^1 /"))


def test_the_kernel_reads_an_input_that_was_changed_in_the_widget(lab_page, jupyter):
    page = lab_page
    write_notebook(jupyter, "inputs.ipynb", SETUP + "display(player)\nprint('drawn')", "pass")
    open_notebook(page, jupyter, "inputs.ipynb")
    run_all(page, "drawn")
    player = page.locator(".jp-CodeCell >> nth=0").locator(".player")
    player.wait_for(timeout=30_000)
    box = player.get_by_label("a, number", exact=True)
    box.fill("1.25")
    box.press("Enter")
    for _ in range(20):
        if "inputs 1.25" in (seen := run_cell(page, 1, "print('inputs', player.inputs['a'])", "inputs")):
            break
        page.wait_for_timeout(200)
    assert "inputs 1.25" in seen

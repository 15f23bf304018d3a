# make demo   find and refine people in the example photos, then a short training with
#             its refinement and exports, in minutes
# make demo-train  the training of the demo from nothing and at full length
# make test   lint and run all tests (as .ci/run does)
# make check  lint and run the fast tests, before a commit
# make fuzz   give every reader thousands of damaged files, in minutes
# make recipes  count the steps in which each recipe learns eight people by heart
# make claims DATA=...  repeat the quickest claim of docs/evidence.md, on prepared LSP
# make web    serve the page that runs models in the browser, http://localhost:4173
# make web-test  test that page in Chromium
# make bench  run the benchmarks; each prints a ratio
# make clean  remove the virtual environment and build files (keeps runs/)
#
# The first one you run creates .venv and installs the package into it.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The C++ operators, built if there is a compiler; nothing needs them.
BUILT := $(VENV)/.built
# The first interpreter that the package supports; PYTHON=... overrides it.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
# Two test processes keep two cores busy: TensorFlow's startup is mostly serial.
TEST_PROCESSES ?= 2

.PHONY: demo demo-train test check lint bench claims fuzz recipes clean web web-test
.DEFAULT_GOAL := demo

demo: $(BUILT)
	$(BIN)/tfpose demo --out runs/demo

demo-train: $(BUILT)
	$(BIN)/tfpose demo --train --out runs/demo-train

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

# HCRN with a weak front-end, 500 steps, three seeds.
claims: $(BUILT)
	$(BIN)/python benchmarks/claims/hcrn.py $(DATA) runs/claims 500 3 movenet_local
	$(BIN)/python benchmarks/claims/tables.py runs/claims

fuzz: $(BUILT)
	FUZZ_ROUNDS=$${FUZZ_ROUNDS:-3000} $(BIN)/pytest tests/test_fuzz.py

recipes: $(BUILT)
	$(BIN)/python benchmarks/training/recipes.py

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

# Exports the models again if weights, rules, or the exporting code changed.
web/public/models/models.json: web/export_models.py $(BUILT) \
		tfpose/models/serving_graph.py tfpose/edge/metadata.py \
		$(wildcard tfpose/exporting/*.py tfpose/inference/*.py) \
		$(wildcard tfpose/weights/*.npz tfpose/weights/ssdlite_coco/*.tflite)
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

# Runs after the installation, because pip builds without TensorFlow.
$(BUILT): $(INSTALLED) tfpose/native/diffusion.cc
	@echo "Building tfpose.native ..."
	-@$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

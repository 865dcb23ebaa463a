# `make demo` and `make test` are the two commands; each sets up all it needs under .venv and .lakemint.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
TOOLS := .lakemint/tools
UV := $(TOOLS)/bin/uv
LABEL_STUDIO := .lakemint/label-studio-env
FRAMEWORKS := .lakemint/frameworks
INSTALL := $(UV) pip install --quiet --require-hashes
# Servers and tasks start many times: let Python keep what it compiles.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test frameworks check setup browser bench campaign schemas lock clean

help:  ## What there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo:  ## Set up, start the stack, run the demo datasets through the road
	@began=$$SECONDS; $(MAKE) --no-print-directory setup; .venv/bin/lakemint up; .venv/bin/lakemint demo; \
	 echo "make demo took $$((SECONDS - began)) s"

test: setup browser check  ## Set up and run all the tests
	@.venv/bin/python -m pytest tests/unit -n 2 -q
	@LAKEMINT_KEEP_STACK=1 .venv/bin/python -m pytest tests/model tests/integration -n 4 --dist loadfile --no-loadscope-reorder -q --durations=30 \
	 || { LAKEMINT_HOME=.lakemint/test .venv/bin/lakemint down; exit 1; }
	@.venv/bin/python -m pytest tests/e2e -q

frameworks: $(FRAMEWORKS)/.ready  ## Test the feed under PyTorch, torchrun, Lightning, Hugging Face, JAX and TensorFlow
	@$(FRAMEWORKS)/bin/python -m pytest tests/frameworks -n 2 -q

check: setup  ## Lint and type-check
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

setup: .venv/.ready $(LABEL_STUDIO)/.ready  ## Both environments, from the locks
	@:

$(UV): requirements/tools.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"error: Python 3.11 to 3.13 is needed, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=/path/to/python3.12 …")'
	@echo "setting up: tools"
	@$(PYTHON) -m venv --clear $(TOOLS) || { echo "error: $(PYTHON) has no venv module: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@touch $@

.venv/.ready: requirements/platform.txt pyproject.toml | $(UV)
	@echo "setting up: the platform's environment (.venv)"
	@test -x .venv/bin/python || $(UV) venv --quiet --python $(TOOLS)/bin/python .venv
	@$(INSTALL) --python .venv/bin/python -r requirements/platform.txt
	@$(UV) pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

$(LABEL_STUDIO)/.ready: requirements/label-studio.txt | $(UV)
	@echo "setting up: Label Studio's environment ($(LABEL_STUDIO))"
	@test -x $(LABEL_STUDIO)/bin/python || $(UV) venv --quiet --python $(TOOLS)/bin/python $(LABEL_STUDIO)
	@$(INSTALL) --python $(LABEL_STUDIO)/bin/python -r requirements/label-studio.txt
	@touch $@

$(FRAMEWORKS)/.ready: requirements/frameworks.txt | $(UV)
	@echo "setting up: the frameworks' environment ($(FRAMEWORKS)), of 6 GB"
	@test -x $(FRAMEWORKS)/bin/python || $(UV) venv --quiet --python $(TOOLS)/bin/python $(FRAMEWORKS)
	@$(INSTALL) --no-deps --python $(FRAMEWORKS)/bin/python -r requirements/frameworks.txt
	@$(UV) pip install --quiet --python $(FRAMEWORKS)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

browser:  ## A Chromium for the tests that look at pages
	@test -x /usr/bin/chromium || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || { echo "error: the page tests need Chromium: install your system's chromium package as /usr/bin/chromium"; exit 1; }

bench: setup  ## make bench NAME=<name> [SIZE=small|full]: run benchmarks/<name>
	@.venv/bin/python -m benchmarks "$(NAME)" --size "$(or $(SIZE),small)"

campaign: setup $(if $(filter feed_%,$(NAME)),$(FRAMEWORKS)/.ready)  ## make campaign NAME=<name> [SEEDS=n]: run a long fault campaign
	@$(if $(filter feed_%,$(NAME)),$(FRAMEWORKS),.venv)/bin/python -m tests.campaigns "$(NAME)" --seeds "$(or $(SEEDS),100)"

schemas: setup  ## Write the JSON Schemas of the stored records anew
	@.venv/bin/python -m lakemint.record_schemas schemas/_records

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate
lock: $(UV)  ## Resolve the locks anew
	$(COMPILE) requirements/tools.in -o requirements/tools.txt
	$(COMPILE) --extra platform --group dev pyproject.toml -o requirements/platform.txt
	$(COMPILE) requirements/label-studio.in -o requirements/label-studio.txt
	$(COMPILE) --excludes requirements/frameworks-without.in requirements/frameworks.in -o requirements/frameworks.txt
	@for peer in requirements/peers-*.in; do $(COMPILE) $$peer -o $${peer%.in}.txt; done

clean:  ## Stop the stack and remove everything that setup and the stack made, data included
	@test ! -x .venv/bin/lakemint || .venv/bin/lakemint down
	@rm -rf .venv .lakemint

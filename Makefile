# What people and CI call; `make` alone lists it. Needs Python 3.11 and make, nothing else.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

# Installs the requirements several times faster than pip does, and compiles their pins.
UV_VERSION := 0.13.9

# Options of `rsqa serve` and of pytest, e.g. make app SERVE="--port 9000", make test PYTEST="-k queue".
SERVE ?=
PYTEST ?=
# What `make bench-quality` measures on: an installation and its projects, the main one first.
QUALITY ?= --home var --projects dubai

# Empty files that say what is installed; a change of what they depend on installs again.
UV_READY := $(VENV)/.ready-uv-$(UV_VERSION)
APP_READY := $(VENV)/.ready-app
DEV_READY := $(VENV)/.ready-dev

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make requirements" $(if $(UPGRADE),--upgrade) pyproject.toml

# Threads that wait sleep instead of spin, or two processes on two cores take turns at nothing.
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help app install install-encoders install-dev test lint bench bench-ui bench-speed bench-quality requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

app: $(APP_READY) ## install what is missing, prepare the demo project, open the app
	@$(BIN)/rsqa serve --demo $(SERVE)

install: $(APP_READY) ## create .venv with what the app needs

install-encoders: $(APP_READY) ## add what some downloadable encoders need, pinned
	$(BIN)/uv pip install --python $(BIN)/python --constraint requirements-dev.txt --editable '.[encoders]'

install-dev: $(DEV_READY) ## the same with what tests and checks need

test: $(DEV_READY) lint ## all checks and all tests; looks for Chromium, or gets it
	@.ci/chromium $(BIN)/python
	$(BIN)/python -m pytest -rs $(PYTEST)

lint: $(DEV_READY) ## ruff, mypy and the import contracts, as pre-commit runs them
	@$(BIN)/pre-commit run --all-files

bench: bench-ui ## measure speed; one CSV row a run, in benchmarks/results/
	$(BIN)/python -m benchmarks.speed

bench-ui: $(DEV_READY) ## measure the screens in Chromium: review, 100,000 candidates, 20,000 px a side
	@.ci/chromium $(BIN)/python
	$(BIN)/python -m benchmarks.ui
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.large

bench-speed: $(DEV_READY) ## seconds and memory of retraining, by number of labels
	$(BIN)/python -m benchmarks.costs

bench-quality: $(DEV_READY) ## predicted quality beside every baseline; see QUALITY above
	$(BIN)/python -m benchmarks.quality $(QUALITY)

requirements: $(UV_READY) ## compile the pins from pyproject.toml (UPGRADE=1 renews them all)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --extra encoders --constraint requirements.txt --output-file requirements-dev.txt

clean: ## remove the environment and caches; var/ with its labels stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build rsqa.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV_READY):
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo 'RSQA needs Python 3.11 with its venv module, and "$(PYTHON)" is not that.' >&2; \
	  echo 'Install it (Debian, Ubuntu: python3.11 and python3.11-venv; macOS: brew install python@3.11)' >&2; \
	  echo 'or say where it is: make app PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(APP_READY): $(UV_READY) requirements.txt pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --requirement requirements.txt
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	@touch $@

$(DEV_READY): $(APP_READY) requirements-dev.txt
	$(BIN)/uv pip install --python $(BIN)/python --requirement requirements-dev.txt
	@touch $@

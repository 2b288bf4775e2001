# `make` alone lists the targets. Each works from a fresh clone: it makes .venv first.

PYTHON ?= python3
SUITE ?=
INDEX ?= demo/clean demo/shortcut-patch
ARGS ?=
BUF := @bufbuild/buf@1

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Tests run with one thread a process; real models and images where there are any.
test: export OMP_NUM_THREADS ?= 1
test: export MKL_NUM_THREADS ?= 1
test: export OPENBLAS_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false
export LENS_DATA ?= $(abspath ../shared/data)

.DEFAULT_GOAL := help
.PHONY: help demo test check buf proto bench serve clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

demo: $(INSTALLED) ## Build two small models' indexes, serve them, find the planted shortcut
	$(BIN)/lens demo $(ARGS)

test: $(INSTALLED) ## Run all tests (ARGS='-k name' for some)
	$(BIN)/python -m pytest --durations=15 $(ARGS)

check: $(INSTALLED) ## Lint, format, types, who imports whom, and the protocol's style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npx >/dev/null; then $(MAKE) --no-print-directory buf; else echo 'buf lint skipped: no npx (Node.js) here.'; fi

buf: ## Lint proto/ with buf, which npx keeps outside this folder
	npx --yes $(BUF) lint proto

proto: $(INSTALLED) ## Generate lens_server/v1 from proto/
	$(BIN)/python proto/generate.py

bench: $(INSTALLED) ## Measure (SUITE=name for one suite)
	$(BIN)/python -m benchmarks $(SUITE) $(ARGS)

serve: $(INSTALLED) ## Serve indexes over gRPC (INDEX='folder …'; the demo's by default)
	$(BIN)/lens serve $(INDEX) $(ARGS)

clean: ## Remove what was made here: .venv, the demo's folder, caches
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Lens needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[all,dev]'
	@touch $@

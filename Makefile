# whyrec: `make demo` and `make test` need nothing but Python 3.11 or newer and this Makefile.

VENV := .venv
BIN := $(VENV)/bin
DEMO ?= whyrec-demo
PYTEST ?= -n 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs bench-quick venv dev clean

help: ## say what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s'|' 2>/dev/null \
		|| grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)

demo: $(VENV)/.default ## the whole way, offline: shop, clean, fit, explain, report.html (DEMO=DIR)
	$(BIN)/whyrec demo --out $(DEMO)

test: $(VENV)/.dev ## every test (PYTEST='-n 2 -k …' for some)
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/.dev ## ruff, formatting, the import rule
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(VENV)/.dev ## mypy --strict on src
	$(BIN)/mypy

docs: $(VENV)/.dev ## the site, with the API reference from the docstrings
	$(BIN)/mkdocs build --strict

bench-quick: $(VENV)/.dev ## every benchmark in its short form, as JSON lines
	@for b in benchmarks/[a-z]*.py; do \
		echo "== $$b" >&2; $(BIN)/python "$$b" --quick --json || exit 1; \
	done

venv: $(VENV)/.default ## the virtual environment with the default dependencies

dev: $(VENV)/.dev ## the same with all that tests, linters and benchmarks need

clean: ## remove what can be made again
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp in the environment stands for "installed", so a second run starts at once.
$(VENV)/bin/python:
	@ok=; for p in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then ok=$$p; break; fi; \
	done; \
	if [ -z "$$ok" ]; then \
		echo "whyrec needs Python 3.11 or newer and found $$(python3 --version 2>&1 || echo none);" \
			"install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 2; \
	fi; \
	rm -rf $(VENV); \
	$$ok -m venv $(VENV) || { \
		echo "$$ok cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
		rm -rf $(VENV); exit 2; }

$(VENV)/.default: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $(VENV)/.default $@

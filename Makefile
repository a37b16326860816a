# make first-steps   install, run the first scenario, print the verdict and where the report is
# make test          install with the test extra, run the quick tests: everything registered once
# make test-all      run all tests: whole products, runs that are killed, long studies, pages in a browser
# make check         ruff and mypy
# make test-browser  install what the report's tests in a browser need (chromium itself is the system's), run them
# make docs          build the documentation: docs/_build/html/index.html
# Everything is installed into .venv; it needs Python 3.11 or newer and nothing else.

VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS := 1

FIND_PYTHON = for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done
PYTHON ?= $(shell $(FIND_PYTHON))

.PHONY: first-steps test test-all test-browser check docs clean

first-steps: $(VENV)/.installed
	$(BIN)/devlearn run scenarios/first_steps.yaml --out runs/first-steps

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "not slow and not full" -n auto --maxprocesses 4 --dist worksteal

test-all: $(VENV)/.installed-browser
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test-browser: $(VENV)/.installed-browser
	$(BIN)/python -m pytest tests/browser

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy devlearn envs/devlearn_envs

# Warnings are errors; nothing is fetched.
docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -q -E -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "devlearn needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than pyproject.toml once what it lists is installed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-browser: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,browser]"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

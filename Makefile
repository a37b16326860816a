# Everything is installed into .venv; it needs Python 3.11 or newer and nothing else. `make` says what there is to do.

VENV := .venv
BIN := $(VENV)/bin
LOWER := .venv-lower/bin
LOWER_TESTS := tests/evidence tests/scenario tests/learners tests/report/test_page.py
PIP := --quiet --disable-pip-version-check --no-compile
# pip compiles nothing, so what is imported is compiled once, even where the environment says that it is not to be kept.
export PYTHONDONTWRITEBYTECODE :=
export OMP_NUM_THREADS := 1
.DEFAULT_GOAL := help

FIND_PYTHON = for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done
PYTHON ?= $(shell $(FIND_PYTHON))

.PHONY: help first-steps test test-all test-browser test-zoo gpu chaos bench check check-lower-bounds check-wheel-lowest check-wheel-newest results mutation notebooks docs clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "make %-20s %s\n", $$1, $$2 }'

first-steps: $(VENV)/.installed  ## install, run the first scenario, print the verdict and where the report is
	$(BIN)/devlearn run scenarios/first_steps.yaml --out runs/first-steps

test: $(VENV)/.installed-test  ## install what tests need, run the quick tests: everything registered once
	$(BIN)/python -m pytest -m "not slow and not full" -n auto --maxprocesses 4 --dist worksteal

test-all: $(VENV)/.installed-browser  ## run all tests but the long studies: whole products, runs that are killed, pages in a browser
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 4 --dist worksteal

test-browser: $(VENV)/.installed-browser  ## install what the report's tests in a browser need (chromium is the system's), run them
	$(BIN)/python -m pytest tests/browser

test-zoo: $(VENV)/.installed-zoo  ## install environments of other packages, run each from its id to a verdict (half an hour)
	$(BIN)/python -m pytest tests/zoo

gpu: $(VENV)/.installed-test  ## on a machine with a CUDA device: the tests of it, then absolute times, which docs/how-to/gpu.md shows
	$(BIN)/python -m pytest tests/gpu
	$(BIN)/python benchmarks/gpu.py --out docs/gpu.json

chaos: $(VENV)/.installed-test  ## kill, damage and mutate in large, soak; docs/explanation/trust.md shows what came of it (half an hour)
	$(BIN)/python -m tests.chaos.counted --out docs/chaos.json

bench: $(VENV)/.installed-bench  ## everything side by side with its peers, one core, and commands, about an hour on a quiet machine; its page
	$(BIN)/python benchmarks/bench.py --out docs/bench.json
	$(BIN)/python benchmarks/start_up.py --out docs/start_up.json
	$(BIN)/python docs/devlearn_docs/bench.py

check: $(VENV)/.installed-test  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy devlearn envs/devlearn_envs

check-lower-bounds:  ## in .venv-lower: a run, laws and evidence with the lowest versions that pyproject.toml allows
	$(PYTHON) -m venv .venv-lower
	$(PYTHON) .ci/lower_bounds.py > .venv-lower/lowest.txt
	$(LOWER)/pip install $(PIP) -r .venv-lower/lowest.txt "pytest>=8" "hypothesis>=6.100"
	$(LOWER)/pip install $(PIP) --no-deps --editable .
	$(LOWER)/python -m pytest tests/test_lower_bounds.py
	$(LOWER)/python -m pytest -m "not slow and not full" $(LOWER_TESTS)

check-wheel-lowest check-wheel-newest: check-wheel-%:
	PYTHON="$(PYTHON)" .ci/wheel $*

results: $(VENV)/.installed  ## rewrite the numbers of README and docs from docs/results
	PYTHONPATH=docs $(BIN)/python -m devlearn_docs.results

mutation: $(VENV)/.installed-mutation  ## make lines wrong on purpose and see whether tests fail; rewrite the page that says so (half an hour)
	$(BIN)/python benchmarks/mutation.py
	$(BIN)/python docs/devlearn_docs/mutation.py

notebooks: $(VENV)/.installed-docs  ## run the notebooks of the documentation, keep what they print
	$(BIN)/python docs/devlearn_docs/notebooks.py

# Warnings are errors; nothing is fetched.
docs: $(VENV)/.installed-docs  ## build the documentation: docs/_build/html/index.html
	$(BIN)/sphinx-build -q -E -W --keep-going -j auto -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "docs/_build/html/index.html"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "devlearn needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.pip: | $(BIN)/python
	$(BIN)/python -m pip install $(PIP) --upgrade "pip>=25.1"
	@touch $@

# A stamp is newer than pyproject.toml once what it lists is installed.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable . --group test
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable . --group bench
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable . --group docs
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-mutation: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable . --group mutation
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

$(VENV)/.installed-browser: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable ".[exports,ray,slurm]" --group test --group browser
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

# neurogym runs with the gymnasium that is there, but asks for an older one.
$(VENV)/.installed-zoo: pyproject.toml | $(VENV)/.pip
	$(BIN)/python -m pip install $(PIP) --editable . --group zoo
	$(BIN)/python -m pip install $(PIP) --no-deps "neurogym>=2.3"
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test

clean:  ## remove what was built and installed
	rm -rf $(VENV) .venv-lower build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

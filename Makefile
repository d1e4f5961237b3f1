# make demo | test | proofs | lab | bench | notebooks | lock | stop | clean. Everything lives in .venv and .sandbox; nothing is installed outside.
PYTHON ?= python3
BIN := .venv/bin
# System certificates: company proxies are trusted by the machine, not by a bundle inside a tool.
UV := $(BIN)/python -m uv --system-certs

.PHONY: demo test proofs lab bench notebooks lock lint stop clean

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@echo "==> creating the environment in .venv from requirements.lock (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: .venv/.ready
	@$(BIN)/runbook sandbox start
	@$(BIN)/runbook run health/daily_health_check; status=$$?; \
	 echo "The sandbox is still running. Stop it with: $(BIN)/runbook sandbox stop"; exit $$status

lint: .venv/.ready
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

test: lint
	@$(BIN)/pytest -n 2 --dist loadfile

proofs: .venv/.ready
	@$(BIN)/pytest -n 2 --dist loadfile tests/proofs -m "thorough or not thorough"

lab: .venv/.ready
	@$(BIN)/runbook lab

notebooks: .venv/.ready
	@$(BIN)/runbook sandbox start
	@$(BIN)/python tests/notebooks/refresh.py

bench: .venv/.ready
	@$(BIN)/python benchmarks/run.py

lock: .venv/.ready
	@$(UV) pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-emit-index-url --quiet -o requirements.lock

stop:
	@$(BIN)/runbook sandbox stop

clean: stop
	rm -rf .venv .sandbox

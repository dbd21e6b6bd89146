# The two to know: `make run` starts everything, `make test` proves it. deploy/setup installs what is missing.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON := .venv/bin/python
# Checks read the settings but belong to no installation, so they leave no key behind.
CHECKING := TOLLGATE_SECRET_KEY=checking
# Order and examples of the tests: `make test` says the same twice, `make test SEED=$RANDOM` looks elsewhere.
SEED := 1

.PHONY: run setup test test-spark test-outage coverage check bench fmt vendor demo-reset
.DEFAULT_GOAL := run

run: setup  ## everything on this machine: pages on :8000, charging on :8080, SIP on :5060
	@exec $(PYTHON) -m tollgate.jobs.command_line run

setup: .venv/ready  ## the virtual environment and the Debian packages of the SIP edge
	@deploy/setup packages sip

.venv/ready: requirements.lock deploy/setup
	@deploy/setup python

test: setup  ## every test, with real calls and a real browser
	@deploy/setup packages test
	$(PYTHON) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder --randomly-seed=$(SEED) --hypothesis-seed=$(SEED)

test-spark: setup  ## the lake on a real Spark master with two workers (needs Java 17)
	@deploy/setup spark
	PYTHONPATH=.venv-spark $(PYTHON) -m pytest tests/store/test_lake_on_spark.py

test-outage: setup  ## calls that end while the charging service is away for ten minutes; takes twelve
	@deploy/setup packages test
	$(PYTHON) -m pytest tests/sip/ten_minutes.py

coverage: .venv/ready  ## that tests/core runs every line and branch of the rules in tollgate/core
	.venv/bin/coverage run --branch --source tollgate/core -m pytest -q --timeout 900 tests/core
	.venv/bin/coverage report --show-missing --skip-covered --fail-under 100

check: .venv/ready  ## format, lint, types, layers, migrations, vendored assets, the rules of the house
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	$(CHECKING) .venv/bin/mypy --strict tollgate
	.venv/bin/lint-imports --no-logo
	.venv/bin/djlint --check --lint --quiet tollgate
	$(CHECKING) $(PYTHON) -m django makemigrations --check --dry-run --settings tollgate.config.settings
	$(CHECKING) $(PYTHON) -m tollgate.jobs.vendor --check
	$(PYTHON) -m pytest -q tests/house

bench: setup  ## measures calls, the SIP edge, the close of a month and the lake, writes docs/benchmarks.md
	@deploy/setup packages test
	$(PYTHON) -m tests.bench.run --whole-lake

fmt: .venv/ready  ## formats Python and templates
	.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .
	.venv/bin/djlint --reformat --quiet tollgate || true

vendor: .venv/ready  ## fetches the browser assets named in vendor.toml anew (needs npm)
	$(PYTHON) -m tollgate.jobs.vendor

demo-reset: .venv/ready  ## throws the data of this installation away and loads the demo data again
	$(PYTHON) -m tollgate.jobs.command_line demo-reset

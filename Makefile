# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Others: make check (lint, types, import contract), make bench, make lock, make dist.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
WORKERS ?= auto

.PHONY: demo test check bench lock dist clean

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: $(STAMP)  ## A governed agent on a scripted model, then the explorer on what it did.
	$(BIN)/handrail demo

test: $(STAMP)  ## The whole suite; browser tests need a Chromium and skip without one.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

check: $(STAMP)  ## Lint, types and the import contract.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(STAMP)  ## Every benchmark; writes the table and the plot in docs/.
	$(BIN)/python -m benchmarks

lock:  ## Pin every dependency, hashes included (needs uv).
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --extra all --extra otlp-grpc --group dev pyproject.toml -o requirements.lock

dist: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps -w dist .

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache

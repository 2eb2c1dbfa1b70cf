# Every target sets itself up from nothing but Python 3.11+ and make.
PYTHON ?= python3
VENV   := .venv
UV     := .tools/bin/uv
RUN    := $(VENV)/bin
UVENV  := VIRTUAL_ENV=$(VENV)
PYTEST := $(RUN)/pytest -n auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint docs bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## Start the sandbox EHR and the app, ready to click (ARGS="--load FOLDER" for more patients)
	$(RUN)/ketamine-pathway demo $(ARGS)

test: $(VENV)/.dev ## Run the tests (the browser journeys too where Chromium is installed)
	$(PYTEST)

check: $(VENV)/.dev ## What CI runs: format, lint, types, import contracts, docs, tests with coverage
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python -m docs.generate --check
	$(PYTEST) --cov --cov-report=term

format: $(VENV)/.dev ## Format the code
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: $(VENV)/.dev ## Write the generated pages of docs/
	$(RUN)/python -m docs.generate

bench: $(VENV)/.dev ## Measure launch to screen, launches at once, reading and rules, a very long chart, signing
	$(RUN)/python -m benchmarks.launch
	$(RUN)/python -m benchmarks.launches
	$(RUN)/python -m benchmarks.screening
	$(RUN)/python -m benchmarks.signing

lock: $(UV) ## Resolve the dependencies again and write locks/
	./locks/update $(UV)

clean: ## Remove what the other targets made
	rm -rf $(VENV) .tools .pytest_cache .mypy_cache .ruff_cache .coverage

$(UV): locks/uv.txt
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $(UV)

$(VENV)/bin/python: $(UV)
	$(UV) venv --quiet --no-python-downloads --python $(PYTHON) $(VENV)

# The demo needs the product and the sandbox; the developers' set holds both and the tools beside them.
$(VENV)/.demo: locks/demo.txt $(VENV)/bin/python pyproject.toml
	@test -e $(VENV)/.dev || $(UVENV) $(UV) pip install --quiet --require-hashes -r locks/demo.txt
	$(UVENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/bin/python pyproject.toml
	$(UVENV) $(UV) pip install --quiet --require-hashes -r locks/dev.txt
	$(UVENV) $(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

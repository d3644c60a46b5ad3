# What a newcomer types.  Every target does its own set-up; nothing here needs more than Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := -e . -e conformance -e adapters/near -e adapters/polkadot
MANIFESTS := pyproject.toml conformance/pyproject.toml adapters/near/pyproject.toml adapters/polkadot/pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help demo test vms bench costs fuzz robust corpus ready format lint types docs clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.use: $(MANIFESTS)
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "installing sshi and its adapters …" >&2
	@$(PIP) install $(MEMBERS)
	@touch $@

$(VENV)/.dev: $(VENV)/.use
	@echo "installing what tests need …" >&2
	@$(PIP) install "pip==26.3"
	@$(PIP) install --group dev
	@touch $@

demo: $(VENV)/.use ## check, link and run the examples and the whole suite on every host; reports in out/
	@$(BIN)/python examples/demo.py

vms: $(VENV)/.use ## the chains' own VMs, where cargo is present
	@if command -v cargo >/dev/null; then $(BIN)/sshi vm build >&2; else echo "no cargo: the chains' real VMs are skipped" >&2; fi

test: $(VENV)/.dev vms ## everything that must hold
	@$(BIN)/python -m pytest -n auto

bench: $(VENV)/.dev ## each figure beside its bar
	@missed=0; for part in run meter fuel costs; do $(BIN)/python benchmarks/$$part.py || missed=1; done; exit $$missed

costs: $(VENV)/.use vms ## docs/costs.md: what the examples cost on the chains' own VMs
	@$(BIN)/python benchmarks/costs.py

FUZZ_CASES ?= 20000
FUZZ_SEED ?= 0
FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.use vms ## generated contracts, emulated against real; FUZZ_CASES, FUZZ_SEED, FUZZ_SECONDS
	@$(BIN)/python -m sshi_conformance.fuzz --jobs 2 --cases $(FUZZ_CASES) --seed $(FUZZ_SEED) --seconds $(FUZZ_SECONDS) --out out/fuzz \
		--pair near:emulated,near:real --pair polkadot:emulated,polkadot:real \
		--pair reference:interpreter,near:emulated --pair reference:interpreter,polkadot:emulated

ROBUST_INPUTS ?= 100000
ROBUST_SEED ?= 0
robust: $(VENV)/.dev ## hostile modules through every pass, with wasmtime's verdict beside ours; ROBUST_INPUTS, ROBUST_SEED
	@$(BIN)/python -m robustness --inputs $(ROBUST_INPUTS) --seed $(ROBUST_SEED)

ROBUST_SECONDS ?= 1200
corpus: $(VENV)/.dev ## a coverage-guided fuzzer over the passes, which grows out/robust/corpus; ROBUST_SECONDS
	@$(PIP) install --group fuzz
	@$(BIN)/python -m robustness.fuzz --seconds $(ROBUST_SECONDS)

format: $(VENV)/.dev ## ruff
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports

types: $(VENV)/.dev ## pyright, strict on core
	@$(BIN)/pyright

docs: $(VENV)/.use ## regenerate everything derived
	@$(BIN)/python docs/regenerate.py

ready: format lint types test ## the whole recipe before a commit

clean:
	rm -rf $(VENV) out build dist

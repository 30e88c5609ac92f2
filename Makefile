# Wayside: every target sets up what it needs. `make help` explains them.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
BASE_PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PACKAGES_RUN := libgl1 libglib2.0-0 mosquitto
PACKAGES_RTSP := gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-tools gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
PACKAGES_TEST := $(PACKAGES_RUN) faketime ffmpeg gpsd influxdb postgresql $(PACKAGES_RTSP)

.PHONY: help venv demo demo-ota test test-deep chaos soak soak-edge conformance check lint proto lock bench fuzz clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.base ## make .venv with the pinned packages and Wayside itself

$(VENV)/.base: requirements.lock pyproject.toml
	@[ -n "$(BASE_PYTHON)" ] || { echo "wayside: Python 3.11 or newer is needed"; exit 1; }
	@$(BASE_PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/debian-packages.sh python3-venv
	@echo "wayside: installing $$(grep -c == requirements.lock) pinned packages into $(VENV)"
	@[ -x $(BIN)/python ] || $(BASE_PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

demo: venv ## one camera through the whole line: SOURCE=rtsp://... | 0 | file
	@deploy/debian-packages.sh $(PACKAGES_RUN)
	@$(BIN)/python -m deploy.demo

demo-ota: venv ## a camera gets a better model under signature, and sends a worse one back
	@deploy/debian-packages.sh $(PACKAGES_RUN)
	@$(BIN)/python -m deploy.demo.ota

test: lint ## lint, types, layers, and all tests but the long ones
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	$(BIN)/pytest -n 2 --dist loadfile -m "not system and not deep and not chaos and not soak"
	$(BIN)/pytest -m "system and not deep and not chaos and not soak"

test-deep: venv ## the long tests: 200 kills
	@deploy/debian-packages.sh $(PACKAGES_TEST) strace iproute2
	$(BIN)/pytest -m deep --timeout 3600

chaos: venv ## ten minutes of kills before a simulated fleet: WAYSIDE_SEED=1234 repeats one
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	$(BIN)/pytest -s -m chaos

SOAK_S ?= 600
soak: venv ## 2,000 simulated devices for SOAK_S=600 seconds; SOAK_DEVICES, SOAK_BATCHES a second
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	SOAK_S=$(SOAK_S) $(BIN)/pytest -s -m soak --timeout 0 tests/system/test_scale.py

soak-edge: SOAK_S = 1800
soak-edge: venv ## one agent, 8 cameras, twice the load it can carry, for SOAK_S=1800 seconds
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	SOAK_S=$(SOAK_S) $(BIN)/pytest -s -m soak --timeout 0 tests/system/test_edge_soak.py

# The newest commit that a file of the suite was of when it was last run; not all were of that one.
CONFORMANCE_COMMIT := a1a558018f5806bc49169150de6b2b835e1bf840
conformance: venv ## TUF's own suite against our verifier: CONFORMANCE=PATH of its checkout
	@[ -f "$(CONFORMANCE)/tuf_conformance/conftest.py" ] || { \
	  echo "wayside: CONFORMANCE=PATH must name a checkout of theupdateframework/tuf-conformance, which is on"; \
	  echo "         no package index: git clone https://github.com/theupdateframework/tuf-conformance PATH"; \
	  echo "         (last run with files of up to commit $(CONFORMANCE_COMMIT))"; exit 1; }
	@deploy/debian-packages.sh faketime
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH="$(CURDIR)" $(BIN)/pytest -c /dev/null --rootdir "$(CONFORMANCE)" \
	  -p no:randomly -p no:cacheprovider --entrypoint "$(CURDIR)/tests/conformance/shim.py" "$(CONFORMANCE)/tuf_conformance"

check: lint ## what `make test` does, and coverage
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	$(BIN)/pytest -n 2 --dist loadfile -m "not system and not deep and not chaos and not soak" --cov --cov-report=
	$(BIN)/pytest -m "system and not deep and not chaos and not soak" --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90

lint: venv ## the checks that run nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

proto: venv ## generate the wire's code from protos/v1/*.proto
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. protos/v1/*.proto

lock: venv ## pin every package anew, for 3.10 on Jetson and 3.11 or newer elsewhere
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra edge --extra cloud --extra models --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --override <(grep == requirements.lock | tr -d '\\') benchmarks/requirements.in \
	  -o benchmarks/requirements.lock

bench: .venv-bench/.installed ## measure against references; writes docs/benchmarks.md
	@deploy/debian-packages.sh $(PACKAGES_TEST)
	.venv-bench/bin/python -m benchmarks

.venv-bench/.installed: requirements.lock benchmarks/requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/.base
	@VIRTUAL_ENV=.venv-bench .venv-bench/bin/uv pip install --quiet --no-deps --require-hashes -r benchmarks/requirements.lock
	@touch $@

FUZZ_S ?= 60
fuzz: venv .venv-fuzz/.installed ## what comes from outside, under a fuzzer: FUZZ_S=600 seconds a target
	@for target in batch topic push; do \
	  PYTHONPATH=.venv-fuzz $(BIN)/python -m tests.fuzz.fuzz_wire $$target .venv-fuzz/$$target \
	    -max_total_time=$(FUZZ_S) -print_final_stats=1 || exit 1; \
	done

.venv-fuzz/.installed: tests/fuzz/requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .venv-fuzz --only-binary :all: \
	  --require-hashes -r $< || { echo "wayside: no wheel of atheris for this Python or machine"; exit 1; }
	@touch $@

clean: ## remove what was built
	rm -rf $(VENV) .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

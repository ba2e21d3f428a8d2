# Every step of the pipeline and every command of the README is a target here; CI and laptops run the same ones.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# Python's programs run as modules: a script in .venv/bin names the directory that it was made in, and CodeBuild checks
# out into another one for each build that restores the cache.
BIN := .venv/bin
export PYTHONPATH := lambda_src:.
# jsii wants the major versions whose warning it shall keep to itself.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export CDK_DISABLE_CLI_TELEMETRY := 1

# A cached .venv may name an interpreter that a newer build image no longer has: it counts as not there.
$(shell test ! -e .venv || $(BIN)/python -c '' 2>/dev/null || rm -f .venv/.lock-*)

# A stamp is named after its lock file's checksum: modification times mean nothing in a fresh clone or a restored cache.
checksum = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
VENV_STAMP := .venv/.lock-$(call checksum,requirements.txt)
NODE_STAMP := node_modules/.lock-$(call checksum,package-lock.json)
LAYER_STAMP := build/layer/.lock-$(call checksum,lambda_src/requirements.txt)

SOURCES := app.py pipeline stages lambda_src release branches local bench integ_tests tests

.PHONY: help setup demo up down status test bench compliance engine-audit check lint types arrows unit functions acceptance synth docs lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV_STAMP) $(NODE_STAMP) $(LAYER_STAMP) ## prepare .venv, node_modules and the functions' layer (what the other targets call first)
	@:

$(VENV_STAMP): | requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 setup")'
	@echo "setup: Python packages"
	@rm -f .venv/.lock-*
	@$(BIN)/python -c '' 2>/dev/null || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	@$(BIN)/python -m compileall -q -j 0 $$($(BIN)/python -c 'import sysconfig; p = sysconfig.get_path("purelib"); print(*(f"{p}/{n}" for n in ("aws_cdk", "jsii", "constructs", "cdk_nag", "boto3", "botocore", "ministack")))')
	@touch $@

$(NODE_STAMP): | package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "Node.js 20 or newer is needed, found: $$(node --version 2>/dev/null || echo none)"; exit 1; }
	@echo "setup: CDK CLI"
	@rm -f node_modules/.lock-*
	@npm ci --ignore-scripts --silent
	@touch $@

# The functions' packages for Lambda's own platform (ARM, Python 3.13): wheels only, so that no compiler and no Docker is needed.
$(LAYER_STAMP): $(VENV_STAMP) | lambda_src/requirements.txt
	@echo "setup: the functions' layer"
	@rm -rf build/layer && mkdir -p build/layer/python
	@$(BIN)/uv pip install --quiet --target build/layer/python --python-platform aarch64-manylinux_2_28 --python-version 3.13 \
		--only-binary :all: --require-hashes -r lambda_src/requirements.txt
	@rm -rf build/layer/python/.lock build/layer/python/bin
	@cp lambda_src/requirements.txt build/layer/requirements.txt
	@touch $@

demo: setup ## the whole way, from git push to live payments, on this machine; about ten minutes the first time
	@$(BIN)/python -m local demo

up: setup ## start the embedded AWS with the pipeline and keep it running until Ctrl-C
	@$(BIN)/python -m local up

down: ## end whatever a crashed demo or up left behind
	@test ! -x $(BIN)/python || $(BIN)/python -m local down

status: setup ## what runs locally: executions, environments, colours
	@$(BIN)/python -m local status

destroy: setup ## remove a branch's environment and all that belongs to it: make destroy SUFFIX=pr-12
	@$(BIN)/python -m branches destroy --suffix "$(SUFFIX)" $(if $(PERMANENT),--permanent)

cost: setup ## what a branch's environment costs while nobody uses it: make cost SUFFIX=pr-12
	@rm -rf build/cost && node_modules/.bin/cdk synth --quiet '**' -c environmentSuffix="$(SUFFIX)" -o build/cost
	@$(BIN)/python -m branches cost --assembly build/cost

synth: setup ## synthesize the pipeline and all environments into cdk.out, cdk-nag included
	@rm -rf cdk.out
	@# Of many stacks the CLI always says that one could be named; with thirty of them that line hides what matters.
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/cdk synth --quiet '**' 2>&1 | sed '/^Supply a stack id/d; /^$$/d'

bench: synth ## a payment against an empty function on the same road: requests/s, p50, p99 and their ratios
	@$(BIN)/python -m bench

compliance: synth ## write the table of PCI DSS controls and their proofs into build/compliance
	@$(BIN)/python -m pipeline.compliance cdk.out build/compliance

engine-audit: synth ## list what of the synthesized templates has no effect in the embedded AWS, and why
	@$(BIN)/python -m local.engine.audit cdk.out

check: setup lint types arrows unit ## lint, types, import arrows and the fast tests

lint: setup
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check --quiet $(SOURCES) || { echo "ruff format: run '.venv/bin/ruff format .'"; exit 1; }

types: setup
	@$(BIN)/python -m mypy

arrows: setup
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

unit: setup
	@CDK_VALIDATION=false $(BIN)/python -m pytest -q tests --ignore=tests/engine --ignore=tests/e2e -n 2 --dist loadgroup

# What the pipeline runs before it synthesizes: the code that handles money. All of `check` has run on the pull request.
functions: setup
	@$(BIN)/python -m pytest -q tests/functions -n 2 --dist load

test: check ## all tests: check, the engine's contracts, and the way from push to payment
	@$(BIN)/python -m pytest -q tests/engine -n 2 --dist loadfile
	@$(BIN)/python -m pytest -q tests/e2e

acceptance: synth ## the long runs: random walks, kills, load
	@$(BIN)/python -m pytest -q tests -m acceptance

docs: setup ## write docs/api.md anew from the API's contract
	@$(BIN)/python -m stages.reference

lock: $(VENV_STAMP) ## write the lock files anew from requirements.in
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header lambda_src/requirements.in -o lambda_src/requirements.txt
	@grep -A 100 '^uv==' requirements.txt | sed -n '1,/[^\\]$$/p' > requirements-uv.txt

clean: down ## remove everything that was made here
	@rm -rf .venv node_modules build cdk.out cfn-outputs .local reports .mypy_cache .ruff_cache .pytest_cache

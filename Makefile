# Every target does its whole set-up; it takes Python 3.11 or newer with venv, and make.
PYTHON ?= python3
WORKERS ?= 2

SHELL := /bin/sh
VENV := .venv
RUN := $(VENV)/bin/python
MANAGERS := .work/managers
fingerprint = $(shell cat $(1) 2>/dev/null | cksum | cut -d' ' -f1)
DEPENDENCIES := $(VENV)/dependencies-$(call fingerprint,requirements/dev.txt)
READY := $(VENV)/ready-$(call fingerprint,pyproject.toml)
MANAGERS_READY := $(MANAGERS)/ready-$(call fingerprint,requirements/managers.txt)
PIP := -m pip --quiet --quiet --disable-pip-version-check install
LOCKED := --no-deps --require-hashes --requirement

# the managers' programs come last, so that the project's own tools are found first
TOOLS := PATH="$(CURDIR)/$(VENV)/bin:$$PATH:$(CURDIR)/$(MANAGERS)/bin"

.PHONY: help demo test lint managers bench requirements clean
.DEFAULT_GOAL := help

help: ## show this help
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

demo: $(READY) ## build the example, edit it, build it again, run it, and show the times
	@$(RUN) -m scripts.demo

test: lint $(MANAGERS_READY) ## check style and types, and run the tests; engines that are missing are skipped
	$(TOOLS) $(RUN) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: $(READY) ## check style and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

managers: $(MANAGERS_READY) ## install the package managers that tests compare with

bench: $(READY) ## measure what an edit costs, against hand-written Dockerfiles (root on Debian; takes an hour)
	variables="$$($(RUN) -m scripts.engines up)" && eval "$$variables" && $(RUN) -m bench.edit_loop $(BENCH)
	$(RUN) -m bench.startup
	$(RUN) -m bench.why
	$(RUN) -m bench.check

requirements: $(READY) ## pin the newest versions anew
	$(RUN) -m scripts.pin

clean: ## stop the engines and remove all that was made
	@if [ -d .work/engines ]; then $(PYTHON) -m scripts.engines down; fi
	rm -rf $(VENV) .work .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov dist examples/*/.*_cache

# dependencies first, code second: an edited setting in pyproject.toml installs the project alone again
$(DEPENDENCIES):
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer with venv is needed; choose one: make PYTHON=python3.12' >&2; exit 1; }
	@echo 'setting up $(VENV)'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) $(PIP) $(LOCKED) requirements/dev.txt
	@touch $@

$(READY): $(DEPENDENCIES)
	@$(RUN) $(PIP) --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/ready-*
	@touch $@

$(MANAGERS_READY):
	@echo 'setting up $(MANAGERS)'
	@rm -rf $(MANAGERS)
	@$(PYTHON) -m venv $(MANAGERS)
	@$(MANAGERS)/bin/python $(PIP) $(LOCKED) requirements/managers.txt
	@touch $@

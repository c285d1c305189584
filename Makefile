# The commands of this repository; `make` alone explains them. Needs Python 3.10 to 3.13, git and make.
# Works with GNU make 3.81 and newer, from any path (blanks in it too). Paths here are relative for that reason.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
DBT := .venv/bin/dbt

export DBT_PROFILES_DIR := $(CURDIR)
export DBT_SEND_ANONYMOUS_USAGE_STATS := False
export DO_NOT_TRACK := 1

.PHONY: help build test test-long lint docs plots bench fit evaluate clean venv venv-dev venv-lint venv-lab venv-metrics

##@ To use it
help: ## explain the commands
	@awk -F ':.*## ' '/^##@ /{ print substr($$0, 5) } /^[a-z-]+:.*## /{ printf "  make %-13s%s\n", $$1, $$2 }' Makefile
	@echo
	@echo "With a variable before the command"
	@echo "  OPE_DATA_DIR=DIR    where the data is (default: data/)"
	@echo "  BASE_PYTHON=PYTHON  which Python 3.10 to 3.13 makes .venv (default: the first one found)"
	@echo
	@echo "Your own sessions, after make build"
	@echo "  .venv/bin/ope discover              what is on this machine, and what is about to be deleted"
	@echo "  .venv/bin/ope add-project --repo P  register a repository; then make build again"
	@echo "  .venv/bin/ope --help                everything else (docs/commands.md)"

build: venv ## set up .venv, then archive, land, build and show what came out (a sample if no project is registered)
	@tools/build.sh

docs: venv ## make target/static_index.html: every table and column, with lineage
	@OPE_DATA_DIR="$$(tools/data_dir.sh)" && export OPE_DATA_DIR && $(DBT) --log-level warn docs generate --static
	@echo "Open target/static_index.html in a browser."

clean: ## remove .venv and its like, target, logs and the sample; never data/
	rm -rf .venv .venv-lint .venv-lab .venv-metrics target logs .sample

venv-metrics: ## set up .venv-metrics with `mf query`, to ask for metrics by name (docs/metrics.md)
	@tools/venv.sh .venv-metrics requirements.txt requirements-metrics.txt

##@ To change it
test: ## the five minutes after a change: style, the sample built and tested, pytest (STEPS=all: everything)
	@$(MAKE) --no-print-directory -j2 venv-dev venv-lint
	@$(PYTHON) -m tools.check $(STEPS)

test-long: venv-dev ## the tests that take minutes: many nights of the sample, and of OPE_CORPUS_DIR
	@$(PYTHON) -m pytest --long -m long

lint: ## only the style: ruff, sqlfluff, dbt-bouncer
	@$(MAKE) --no-print-directory -j2 venv-dev venv-lint
	@$(PYTHON) -m tools.check ruff format bouncer sqlfluff

plots: venv venv-lab ## draw the pictures of docs/ from your data (or from the sample, into docs/images)
	@data="$$(tools/data_dir.sh)" && .venv-lab/bin/python -m tools.plots --data "$$data"

bench: venv-dev ## measure time, memory and size on a corpus (not a test)
	@$(PYTHON) -m tests.bench

fit: venv venv-lab ## fit the weights of reactions and of links to labels of OPE_CORPUS_DIR; writes their seeds
	@$(PYTHON) -m tools.corpus_build train more checkpoints
	@.venv-lab/bin/python tools/fit_reactions.py target/corpus/ope.db --fitted-on "entire-cli/train entire-cli/more"
	@$(PYTHON) -m tools.hidden_sessions target/corpus
	@.venv-lab/bin/python -m tools.fit_correlations weights target/corpus/ope.db --fitted-on entire-cli/checkpoints
	@$(PYTHON) -m tools.corpus_build train more checkpoints
	@.venv-lab/bin/python -m tools.fit_correlations confidence target/corpus/ope.db

evaluate: venv venv-lab ## measure reactions and links against labels of OPE_CORPUS_DIR; figures of docs/correlation.md
	@$(PYTHON) -m tools.corpus_build train more evaluate checkpoints
	@$(PYTHON) -m tools.hidden_sessions target/corpus
	@echo "Reactions"
	@$(PYTHON) -m tools.evaluate_reactions
	@echo && echo "Correlations"
	@.venv-lab/bin/python -m tools.evaluate_correlations --figures

venv:
	@tools/venv.sh .venv requirements.txt

venv-dev:
	@tools/venv.sh .venv requirements.txt requirements-dev.txt

venv-lint:
	@tools/venv.sh .venv-lint requirements-lint.txt

venv-lab:
	@tools/venv.sh .venv-lab requirements-lab.txt

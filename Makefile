# Entry points. Everything is installed into .venv in this folder, nothing outside it.
# Paths are relative: a space or `&` in this folder's absolute path would end a word for make and the shell.
PYTHON ?= python3
READY := .venv/.ready
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH :=

ifeq ($(wildcard src/ganflow/pipeline/place.py),)
$(error run make in the folder of its Makefile)
endif

# A profile is a list of parameter overrides, one per line: profiles/NAME.
overrides = $(if $(wildcard profiles/$(1)),,$(error there is no profiles/$(1): $(notdir $(wildcard profiles/*))))$(foreach setting,$(shell grep -v '^\#' profiles/$(1)),-S $(setting))
# A DVC that was killed at the end of a stage can leave its lock file empty, and no later DVC can read it.
repair_lock = python -m ganflow.pipeline.rwlock

.DEFAULT_GOAL := help
.PHONY: help setup demo repro seeds exps test exact torture lint ui bench clean
.PHONY: place

##@ Begin
help: ## this list
	@sed -nE 's/^##@ (.*)/\n\1/p; s/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16
	@echo
	@echo 'With the environment on (source .venv/bin/activate)'
	@echo '  ganflow --help                        your own photos, what changed between runs, problems'
	@echo '  dvc repro                             run what is out of date, nothing else'
	@echo '  dvc exp run -S pix2pix.lambda_l1=50   one parameter changed; dvc exp show; ganflow diff'
	@echo
	@echo 'All parameters: params.yaml. A page per question: docs/.'

setup: $(READY) ## the environment in .venv (7 GB; every other target does this by itself)

$(READY): requirements.lock pyproject.toml | place
	@echo 'The environment goes into .venv: 7 GB, about 4 minutes. What is installed:'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Errors that would come after the installation are reported before it: an unusable path, git not set up.
place:
	@$(PYTHON) src/ganflow/pipeline/place.py $(MAKECMDGOALS) $(if $(PROFILE),exps)

demo: $(READY) ## the whole workflow on built-in data: minutes, no download, `git status` stays clean
	@$(repair_lock)
	dvc exp run --temp --force --name demo $(call overrides,demo)
	dvc get --force --quiet . reports --rev demo -o demo
	dvc get --force --quiet . models --rev demo -o demo/models
	@echo
	@echo "The report:  $$PWD/demo/index.html"
	@echo "The runs:    make ui   (MLflow: an experiment per model)"
	@echo "The curves:  dvc plots diff demo"
	@echo "The real thing: make repro"
	@echo "The models, at work on a photo (docs/using-a-model.md):"
	@echo ".venv/bin/ganflow translate docs/pictures/town.jpg -o demo/map.png --fit --side-by-side"

##@ The real thing
repro: $(READY) ## `dvc repro`: real data, all models; PROFILE=paper: with the parameters of profiles/paper
	@$(repair_lock)
ifdef PROFILE
	dvc exp run $(call overrides,$(PROFILE))
else
	dvc repro
endif

seeds: $(READY) ## the same with three seeds: mean and deviation (PROFILE=name as for repro)
	@$(repair_lock)
	dvc exp run --queue $(if $(PROFILE),$(call overrides,$(PROFILE))) $(call overrides,seeds)
	dvc exp run --run-all
	ganflow seeds

# `dvc exp show` has a column for every parameter and dependency too. Shown are those named here, if they differ.
columns := Experiment$$|rev$$|seed$$|(data|mnist|maps|pairs|classifier|gan|cgan|pix2pix|cvae|cyclegan|evaluate)\.[a-z0-9_]+$$|metrics/headline/.*
exps: $(READY) ## experiments in one table: the parameters that differ, and the main measures
	@dvc exp show --csv --only-changed --precision 3 --drop '(?!$(columns))' \
		| sed -E '1s#metrics/headline/([a-z0-9]+)\.json:#\1 #g' | column -s, -t
	@echo 'Lines that differ under "judged" are not comparable, whatever their numbers: ganflow diff A B says why.'

##@ Work on the code
test: $(READY) ## the tests
	python -m pytest

exact: $(READY) ## proof that results are exact: two clones compared, trainings and dvc killed often
	python tests/exact.py

torture: $(READY) ## faults on purpose for ten minutes and more: what was tried, what was lost (nothing)
	python tests/torture/campaign.py

lint: $(READY) ## ruff (lint and format) and pyright (types)
	ruff check .
	ruff format --check .
	pyright

##@ Look
ui: $(READY) ## MLflow's pages on http://127.0.0.1:5000, with an address for each model
	ganflow ui

##@ Measure
bench: $(READY) ## speed, as ratios measured in one run
	python benchmarks/run.py

##@ Tidy up
clean: ## remove what stages made and the environment; keep runs and DVC's cache
	rm -rf .venv data/raw data/prepared data/checked data/start data/.partial models metrics reports demo checkpoints dvc_plots .pytest_cache .ruff_cache

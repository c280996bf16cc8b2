# make help lists the targets. Everything happens in .venv; nothing is installed outside this folder.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
.DEFAULT_GOAL := help

# Images: BUILDER is docker, podman or buildah, or any command that takes `TAG DOCKERFILE CONTEXT [OPTIONS]` (BUILD_IMAGE).
VERSION    := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION   := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
IMAGE_TAG  ?= $(VERSION)-$(REVISION)
REGISTRY   ?= localhost
BUILDER    ?= $(firstword $(foreach tool,docker podman buildah,$(if $(shell command -v $(tool)),$(tool))))
BUILD_ARGS ?=
IMAGE_ARGS := --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) $(BUILD_ARGS)
build_image = $(if $(BUILD_IMAGE),$(BUILD_IMAGE) $(1) $(2) .,$(BUILDER) build -t $(1) -f $(2)) $(IMAGE_ARGS) $(3) $(if $(BUILD_IMAGE),,.)

# Cluster: helm and kubectl work on the present context of KUBECONFIG.
NAMESPACE ?= mempipe
RELEASE   ?= mempipe
VALUES    ?= helm/values/trial.yaml
HELM_ARGS ?=
.PHONY: help setup demo ui test test-cluster lint bench lock images push deploy undeploy clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: $(STAMP) ## make .venv with everything, at the locked versions

$(STAMP): requirements/all.txt requirements/build.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: setup ## scores of the digits data set, through Airflow, with 500 trials
	$(BIN)/python -m mempipe.orchestration.embedded demo

ui: setup ## leave the Airflow UI open, with the DAGs ready to trigger
	$(BIN)/python -m mempipe.orchestration.embedded ui

test: setup ## the tests; those that need a server or a browser skip without one
	$(BIN)/python -m pytest -m "not demo and not cluster"

test-cluster: setup ## the pipeline on the cluster of KUBECONFIG; see docs/deploy.md for the images it needs
	$(BIN)/python -m pytest -m cluster tests/cluster $(PYTEST_OPTIONS)

lint: setup ## ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## training and scoring beside plain baselines, as ratios of one run
	$(BIN)/python -m benchmarks

lock: setup ## resolve requirements/*.txt again from pyproject.toml
	$(BIN)/python requirements/lock.py

images: ## build REGISTRY/mempipe-{airflow,trainer}:IMAGE_TAG with BUILDER; GPU=1 also …-trainer-cuda, OWN=1 …-own-trainer
	$(if $(BUILDER)$(BUILD_IMAGE),,$(error no builder of images found: install docker, podman or buildah, or set BUILDER))
	$(call build_image,$(REGISTRY)/mempipe-airflow:$(IMAGE_TAG),images/airflow/Dockerfile,)
	$(call build_image,$(REGISTRY)/mempipe-trainer:$(IMAGE_TAG),images/trainer/Dockerfile,)
	$(if $(GPU),$(call build_image,$(REGISTRY)/mempipe-trainer-cuda:$(IMAGE_TAG),images/trainer/Dockerfile,--build-arg REQUIREMENTS=trainer-cuda))
	$(if $(OWN),$(call build_image,$(REGISTRY)/mempipe-own-trainer:$(IMAGE_TAG),images/own-trainer/Dockerfile,))

push: ## push what `make images` built to REGISTRY
	$(BUILDER) push $(REGISTRY)/mempipe-airflow:$(IMAGE_TAG)
	$(BUILDER) push $(REGISTRY)/mempipe-trainer:$(IMAGE_TAG)
	$(if $(GPU),$(BUILDER) push $(REGISTRY)/mempipe-trainer-cuda:$(IMAGE_TAG))
	$(if $(OWN),$(BUILDER) push $(REGISTRY)/mempipe-own-trainer:$(IMAGE_TAG))

deploy: ## install or upgrade the chart in NAMESPACE with VALUES and the images of IMAGE_TAG
	helm upgrade --install $(RELEASE) helm/mempipe --namespace $(NAMESPACE) --create-namespace \
	  $(foreach file,$(VALUES),--values $(file)) \
	  --set images.airflow.repository=$(REGISTRY)/mempipe-airflow \
	  --set images.trainer.repository=$(REGISTRY)/mempipe-trainer$(if $(GPU),-cuda) \
	  $(if $(GPU),--set images.steps.repository=$(REGISTRY)/mempipe-trainer) \
	  $(if $(OWN),--set images.own.digits-network=$(REGISTRY)/mempipe-own-trainer:$(IMAGE_TAG)) \
	  --set-string images.tag=$(IMAGE_TAG) --wait --wait-for-jobs --timeout 15m $(HELM_ARGS)

undeploy: ## remove what `make deploy` installed; runs, releases, logs and the database's volume are kept
	helm uninstall $(RELEASE) --namespace $(NAMESPACE) --wait

clean: ## remove the environment and the demo's results
	rm -rf $(VENV) .airflow mempipe-store

# The project's commands. `make` alone explains them.

.PHONY: help run demo watch test lint fmt chaos mutants fuzz deny bench screenshots setup
.DEFAULT_GOAL := help

help: ## Explain the commands
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: ## Build what changed, start the demo services and the dashboard, print the address
	@.ci/setup run
	@.ci/build
	@exec .ci/start

demo: ## The same, and three minutes of load with two faults that explain themselves, step by step
	@.ci/setup run
	@.ci/build
	@exec .ci/start demo

watch: ## Develop: build for development with cargo-leptos, rebuild and reload on save
	@.ci/setup watch
	@exec .ci/watch

test: ## Every check: format, lints, tests, and the whole thing in a browser
	@.ci/setup
	@.ci/test

lint: ## Format check and lints only
	@.ci/setup lint
	@.ci/lint

fmt: ## Format everything
	@.ci/setup lint
	@.ci/with cargo fmt
	@.ci/with npm run --silent --prefix end2end fmt

chaos: ## What the dashboard promises to survive, for long: fifty kills, Prometheus that hangs, 2,000 viewers
	@.ci/setup
	@.ci/docker start
	@.ci/images grafana/k6
	@DOCKER_HOST=$$(.ci/docker address) .ci/chaos

mutants: ## Measure how many mutants of the domain its unit tests catch
	@.ci/setup mutants
	@.ci/mutants

fuzz: ## Try every parser of what comes from outside, and the REST API, FUZZ_SECONDS each (an hour)
	@.ci/setup
	@.ci/fuzz
	@.ci/build
	@ABUSE_SECONDS=$${FUZZ_SECONDS:-3600} ABUSE_EXAMPLES=1000 .ci/abuse

deny: ## Check the licences and sources of everything the program is built from
	@.ci/setup deny
	@.ci/deny

bench: ## Measure what the README promises: click to chart, click to stop, sample to pixel, memory, thousands of viewers, containers against docker run
	@.ci/setup
	@.ci/build
	@.ci/docker start
	@.ci/images grafana/k6
	@DOCKER_HOST=$$(.ci/docker address) .ci/with npm run --silent --prefix end2end bench

screenshots: ## Take the README's picture again
	@.ci/setup screenshots
	@.ci/build
	@.ci/with npm run --silent --prefix end2end screenshots

setup: ## Install what is missing, skip what is there
	@.ci/setup

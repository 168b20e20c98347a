# Targets with two hashes are listed by `make help`; keep them few.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DEMO_FLAGS ?=

.PHONY: help deps web build run run-redis test test-more check bench bench-seed bench-redis bench-disk bench-flock lint long clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build all and start a flock of three nodes with a live page (Ctrl-C ends it)
	bin/dunlin demo $(DEMO_FLAGS)

run-redis: build ## the same over 3 x 8 real Redis processes (REDIS_SERVER=valkey-server: Valkey)
	bin/dunlin demo --store redis --redis-server "$${REDIS_SERVER:-redis-server}" $(DEMO_FLAGS)

test: build ## every test, both stores, about 5 minutes on 2 cores
	script/test.sh quick

test-more: build ## race detector, fuzzing, longer random tests, about 15 minutes
	script/test.sh more

check: ## what CI runs: test, then test-more
	.ci/run

lint: deps ## go vet, staticcheck, gofumpt
	script/lint.sh

bench: build ## Dunlin beside redis-server into docs/benchmarks.md (QUICK=1); also bench-seed, -redis, -disk, -flock
	script/bench.sh standard

# The flock of 2012 on both stores: CPU, lag, memory, bytes between nodes (DURATION=5m WARMUP=1m).
bench-seed: build
	script/bench.sh seed

# The whole way over Redis processes, memory by period, dropping a day (QUICK=1).
bench-redis: build
	script/bench.sh redis

# The log's cost, bytes on disk, restarts (QUICK=1).
bench-disk: build
	script/bench.sh disk

# What it costs to keep nodes equal: CPU, bytes, lag, coming back, joining (QUICK=1).
bench-flock: build
	script/bench.sh flock

long: build ## a long tier into LEDGER.md: ROW=kill|power|full|… MINUTES=20
	script/long.sh "$(ROW)" "$(or $(MINUTES),20)"

build: web ## bin/dunlin with the page inside
	go build -trimpath -buildvcs=auto -o bin/dunlin ./cmd/dunlin

# The page is built again only when its sources are newer than what was built.
web: deps ## the page alone (TypeScript into internal/web/dist)
	script/web.sh

deps: ## install what is missing: Debian packages, npm and Go modules
	@script/deps.sh

clean: ## remove what was built
	rm -rf bin tmp
	find internal/web/dist -mindepth 1 ! -name README -delete 2>/dev/null || true

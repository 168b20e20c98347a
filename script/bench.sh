#!/usr/bin/env bash
# Measures what Dunlin costs on this machine and writes it into docs/benchmarks.md, each kind into a section of its own:
#   standard  Dunlin beside redis-server, and redis-benchmark on both   (QUICK=1, ROWS=day,fresh,…)
#   seed      1,000 hosts into three nodes in two sites, on both stores (DURATION=5m WARMUP=1m STORE=engine|redis)
#   redis     the whole way over Redis processes, memory, dropping      (QUICK=1)
#   disk      a node with its log beside one without and Redis with one (QUICK=1)
#   flock     what replication costs, by dunlin bench flock             (QUICK=1)
# REDIS_SERVER names the other server; DOCS= (empty) prints only. What is started ends with it, also on Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

go build -o bin/measure ./test/measure
exec bin/measure "${1:-standard}"

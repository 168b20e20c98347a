#!/usr/bin/env bash
# The tests in steps, with the time each takes. `quick` is what everyone runs; `more` has the larger counts.
set -uo pipefail
cd "$(dirname "$0")/.."
. script/lib.sh

mode=${1:-quick}
export REDIS_SERVER=${REDIS_SERVER:-redis-server}
export DUNLIN_BIN=$PWD/bin/dunlin
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

if [ "${CI:-}" = true ]; then
	for program in "$REDIS_SERVER" redis-cli redis-benchmark chromium; do
		command -v "$program" >/dev/null || { echo "CI=true and $program is missing" >&2; exit 1; }
	done
fi

names=() commands=()
step() { names+=("$1"); shift; commands+=("$(printf '%q ' "$@")"); }

# gotest runs go test, shows a line per package and whatever failed or was skipped, and keeps the rest for counting.
gotest() {
	local status
	log=$(mktemp -p "$logs")
	# The reason of a skip is the line before it.
	go test -v "$@" 2>&1 | tee "$log" |
		awk '/^ *--- SKIP/ { print $0 "\t" last } /^(ok|FAIL|panic:)|^ *--- FAIL/; { last = $0 } { fflush() }'
	status=${PIPESTATUS[0]}
	if [ "$status" != 0 ]; then
		echo "--- output of what failed:"
		grep -vE '^\s*(=== |--- (PASS|SKIP)|ok  )|no test files' "$log" | tail -n 400
	fi
	return "$status"
}

with() { local -x "$1"; shift; "$@"; }
in_dir() { local dir=$1; shift; (cd "$dir" && "$@"); }

# fuzz gives every fuzz target a few seconds on top of its committed corpus. The end of -fuzztime is sometimes taken
# for a failure (go.dev/issue/75804, mended in Go 1.27): what failed so, with no failing input, is run again.
fuzz() {
	local time=$1 file target log try failed=0 out=$logs/.out
	while IFS=: read -r file target; do
		for try in 1 2 3; do
			gotest -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" >"$out" && break
			if [ $try = 3 ] || ! grep -q '^ *context deadline exceeded' "$log" || grep -q 'Failing input' "$log"; then
				failed=1
				break
			fi
			rm "$log"
		done
		cat "$out"
	done < <(git ls-files -co --exclude-standard '*_test.go' |
		xargs grep -oE '^func Fuzz\w+' /dev/null | sed 's/:func /:/')
	return $failed
}

# ioredis drives a node of its own with the Node client, which has no test in Go.
ioredis() {
	local port pid status
	port=$(free_port)
	"$DUNLIN_BIN" node --resp.listen-address "127.0.0.1:$port" --web.listen-address "" --storage.path "" \
		--log.level error &
	pid=$!
	await "$port" && DUNLIN_ADDR=127.0.0.1:$port npm --prefix test/interop/ioredis test --silent
	status=$?
	kill "$pid"
	wait "$pid"
	return "$status"
}

# dirs gives those of the named packages that exist.
dirs() { local d; for d in "$@"; do [ -z "$(ls "$d"/*_test.go 2>/dev/null)" ] || echo "./$d"; done; }

# reading gives the packages whose tests read an environment variable.
reading() {
	git ls-files -co --exclude-standard '*_test.go' | xargs grep -l "\"$1\"" /dev/null | xargs -r -n 1 dirname |
		sed 's#^#./#' | sort -u
}

quick() {
	step "vet, staticcheck, gofumpt" script/lint.sh
	[ ! -f internal/web/ui/package.json ] || step "page: types" npm --prefix internal/web/ui run --if-present check
	step "packages" gotest -timeout 240s $(go list ./... | grep -v /test/)
	if [ -d test/scenario ]; then
		for store in engine redis mixed; do
			step "scenarios: $store" gotest -count=1 -timeout 240s -run "^TestScenarios\$/^$store\$" ./test/scenario
		done
		step "scenarios: the rest" gotest -count=1 -timeout 120s -skip '^TestScenarios$|^TestPage' $(go list ./test/... | grep -vE 'durable|client|flock')
	fi
	# Both mostly wait, so they run side by side.
	[ ! -d test/flock ] || step "client and flocks, while nodes are cut off, slowed, stopped and killed" \
		gotest -count=1 -timeout 900s ./test/client ./test/flock
	[ ! -d test/durable ] || step "durability, on real processes and disks" gotest -count=1 -timeout 300s ./test/durable
	[ ! -f test/interop/go.mod ] || step "client libraries: Go" in_dir test/interop gotest -count=1 -timeout 120s ./...
	[ ! -f test/interop/ioredis/package.json ] || step "client libraries: ioredis" ioredis
}

more() {
	step "race detector" with DUNLIN_DIFF_OPS=20000 gotest -race -short -timeout 400s \
		$(dirs . internal/{resp,server,keycmd,shard,store,wal,storage,syncer,query,web,agent,node,peering,exchange,sock})
	local ops=${DUNLIN_DIFF_OPS:-500000} seeds=${DUNLIN_SIM_SEEDS:-3000}
	[ -z "$(reading DUNLIN_DIFF_OPS)" ] || step "$ops commands, compared with redis-server" \
		with "DUNLIN_DIFF_OPS=$ops" gotest -count=1 -timeout 400s -run "sameAsRedis" $(reading DUNLIN_DIFF_OPS)
	[ -z "$(reading DUNLIN_SIM_SEEDS)" ] || step "$seeds simulated flocks" \
		with "DUNLIN_SIM_SEEDS=$seeds" gotest -count=1 -timeout 400s $(reading DUNLIN_SIM_SEEDS)
	step "8 of the rules of the log protocol, broken on purpose" gotest -count=1 -timeout 600s -tags mutants \
		-run '^TestMutants$' ./internal/simtest
	[ ! -d test/scenario ] || step "the page, while a node is cut off and healed" gotest -count=1 -timeout 200s \
		-run '^TestPage' ./test/scenario
	step "fuzzing, 5 s a target" fuzz 5s
}

"$mode"
failed=() began=$SECONDS
for i in "${!names[@]}"; do
	head="[$((i + 1))/${#names[@]}] ${names[i]}"
	echo "$head …"
	start=$SECONDS
	if eval "${commands[i]}"; then
		echo "$head: $((SECONDS - start)) s"
	else
		echo "$head: FAILED after $((SECONDS - start)) s"
		failed+=("${names[i]}")
	fi
done

echo
cat "$logs"/* 2>/dev/null | grep -E '^(ok|FAIL)\s+\S' | sort -u
count() { cat "$logs"/* 2>/dev/null | grep -cE "^\s*--- $1"; }
printf '\n%s: %d steps, %d s; tests: %d passed, %d skipped, %d failed\n' \
	"$mode" "${#names[@]}" $((SECONDS - began)) "$(count PASS)" "$(count SKIP)" "$(count FAIL)"
if [ ${#failed[@]} -gt 0 ]; then
	printf 'FAIL: %s\n' "${failed[@]}"
	exit 1
fi

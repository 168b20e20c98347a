#!/usr/bin/env bash
# A long tier: repeats one row with fresh seeds for some minutes and appends the outcome to LEDGER.md.
set -uo pipefail
cd "$(dirname "$0")/.."

row=${1:-} minutes=${2:-20}
case $row in
differential) run() { DUNLIN_DIFF_OPS=1000000 DUNLIN_DIFF_SEED=0 go test -count=1 -timeout 30m -run sameAsRedis ./internal/keycmd ./internal/server; } ;;
histories) run() { simulated DUNLIN_SIM_SEEDS=10000 -run histories; } ;;
mutants) run() { simulated DUNLIN_MUTANTS=0 -tags mutants -run '^TestMutants$'; } ;;
scenario) run() { go test -count=1 -timeout 10m ./test/scenario; } ;;
fuzz) run() {
	local file target
	while IFS=: read -r file target; do
		go test -run '^$' -fuzz "^$target\$" -fuzztime 60s "./$(dirname "$file")" || return 1
	done < <(git ls-files '*_test.go' | xargs grep -oE '^func Fuzz\w+' /dev/null | sed 's/:func /:/')
} ;;
mariadb) run() { script/mariadb.sh; } ;;
kill) run() { durable '^TestKill$'; } ;;
power) run() { durable '^TestPower$'; } ;;
inject) run() { durable '^TestInject$'; } ;;
full) run() { durable '^Test(Full|Deleted|ReadOnly|Stall)$'; } ;;
cgroup) run() { durable '^TestCgroup$'; } ;;
drain) run() { durable '^TestDrain$'; } ;;
incidents) run() { durable '^TestIncident'; } ;;
crash) run() { storage DUNLIN_CRASH_RUNS=24 '^TestDir_(crash|damage)$'; } ;;
client) run() { DUNLIN_CLIENT_LONG=1 DUNLIN_COUNTS=$counts go test -count=1 -timeout 60m -v -run '^TestKill$' ./test/client; } ;;
graphs) run() {
	DUNLIN_FLOCK_LONG=1 DUNLIN_FLOCK_GRAPHS=64 DUNLIN_COUNTS=$counts go test -count=1 -timeout 60m ./test/flock
} ;;
damage) run() { storage DUNLIN_DAMAGE_PAIRS=500000 '^TestWalker_damage$'; } ;;
*)
	echo "make long ROW=differential|histories|mutants|fuzz|scenario|mariadb|kill|power|inject|full|cgroup|drain|incidents|crash|damage|client|graphs MINUTES=20" >&2
	exit 2
	;;
esac

# durable runs tests of package durable with the counts of the long tier. Its rounds are the cases that they count.
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
durable() {
	DUNLIN_DURABLE_LONG=1 DUNLIN_COUNTS=$counts go test -count=1 -timeout 120m -v -run "$1" ./test/durable |
		grep -vE '^(=== | *--- PASS|PASS$)'
	return "${PIPESTATUS[0]}"
}

# simulated runs tests on virtual time with a larger count.
simulated() {
	local count=$1
	shift
	env DUNLIN_COUNTS="$counts" "$count" go test -count=1 -timeout 120m "$@" ./internal/simtest
}

# storage runs a test of what is on disk with a larger count and a fresh seed.
storage() {
	env DUNLIN_COUNTS="$counts" DUNLIN_CRASH_SEED=0 "$1" go test -count=1 -timeout 120m -run "$2" ./internal/storage
}

export DUNLIN_BIN=$PWD/bin/dunlin DUNLIN_MINUTES=$minutes
began=$SECONDS rounds=0 failures=0
[ "$row" != mariadb ] || minutes=0 # it has rounds of its own, and one table to write
while [ "$rounds" = 0 ] || [ $((SECONDS - began)) -lt $((minutes * 60)) ]; do
	run || failures=$((failures + 1))
	rounds=$((rounds + 1))
	[ ! -s "$counts" ] || rounds=$(awk "{ n += \$1 } END { print n }" "$counts")
	echo "$row: $rounds rounds, $failures failed, $(((SECONDS - began) / 60)) of $minutes minutes"
done
[ -f LEDGER.md ] || printf '# Ledger of the long tiers\n\n| date | row | commit | minutes | rounds | failed |\n|---|---|---|---|---|---|\n' >LEDGER.md
printf '| %s | %s | %s | %d | %d | %d |\n' "$(date -u +%F)" "$row" "$(git describe --always --dirty)" \
	$(((SECONDS - began) / 60)) "$rounds" "$failures" >>LEDGER.md
[ "$failures" = 0 ]

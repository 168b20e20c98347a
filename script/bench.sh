#!/usr/bin/env bash
# Dunlin and redis-server under the same load on this machine, one after the other in the same run.
# DURATION (60s) is how long each pipelined load runs; REDIS_SERVER names the other server.
set -euo pipefail
cd "$(dirname "$0")/.."
. script/lib.sh

redis=${REDIS_SERVER:-redis-server}
duration=${DURATION:-60s}
requests=${REQUESTS:-500000}
dir=$(mktemp -d)
pids=()
finish() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	wait
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

ours=$(free_port)
web=$(free_port)
theirs=$(free_port)
bin/dunlin node --resp.listen-address "127.0.0.1:$ours" --web.listen-address "127.0.0.1:$web" --storage.path "" \
	>"$dir/dunlin.log" 2>&1 &
pids+=($!)
dunlin_pid=$!
"$redis" --port "$theirs" --bind 127.0.0.1 --save "" --appendonly no --dir "$dir" >"$dir/redis.log" 2>&1 &
pids+=($!)
redis_pid=$!
await "$ours" && await "$theirs" || { cat "$dir"/*.log >&2; exit 1; }

echo "machine: $(nproc) cores, $(uname -sr); $(bin/dunlin version | head -n 1); $("$redis" --version)"
for at in "dunlin $ours" "redis $theirs"; do
	read -r name port <<<"$at"
	printf '\n%s: redis-benchmark -t ping,set,get,incr,sadd,zadd -P 16 -n %s\n' "$name" "$requests"
	redis-benchmark -p "$port" -t ping,set,get,incr,sadd,zadd -P 16 -n "$requests" -q | tr '\r' '\n' |
		grep 'per second'
done

printf '\n20,000 series, pipelined ZADD, %s each\n' "$duration"
bin/dunlin bench --url "redis://127.0.0.1:$ours" --against "redis://127.0.0.1:$theirs" \
	--pid "$dunlin_pid" --against-pid "$redis_pid" --hosts 1000 --metrics 20 --duration "$duration"

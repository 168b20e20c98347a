# Shared by the scripts that start servers.

free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
}

# await PORT waits until something there answers PING, for ten seconds.
await() {
	for _ in {1..100}; do
		[ "$(redis-cli -p "$1" ping 2>/dev/null)" != PONG ] || return 0
		sleep 0.1
	done
	echo "nothing answers on port $1" >&2
	return 1
}

#!/usr/bin/env bash
# MariaDB under the writes of 2012, on a server of its own in a temporary directory, without network. Installs Debian's
# mariadb-server where it is missing, as root. ROUNDS (5) and TIME (3s) are those of each way to write.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "$(PATH=$PATH:/usr/sbin command -v mariadbd)" ]; then
	[ "$(id -u)" = 0 ] || { echo "mariadb-server is missing: apt-get install mariadb-server, as root" >&2; exit 1; }
	# RUNLEVEL=1: the package's own service is not wanted, only the program.
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null
fi
PATH=$PATH:/usr/sbin

mkdir -p bin
go build -o bin/measure ./test/measure
(cd test/mariadb && go build -o ../../bin/mariadb-load .)

dir=$(mktemp -d)
pid=
finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal --user="$(id -un)" \
	--skip-test-db >"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; exit 1; }
flags=(--innodb-buffer-pool-size=4G --innodb-log-file-size=1G --skip-log-bin)
taskset -c 0 mariadbd --no-defaults --datadir="$dir/data" --socket="$dir/socket" --pid-file="$dir/pid" \
	--skip-networking --user="$(id -un)" "${flags[@]}" >"$dir/mariadbd.log" 2>&1 &
pid=$!
for _ in {1..300}; do
	! mariadb-admin --no-defaults --socket="$dir/socket" ping >/dev/null 2>&1 || break
	kill -0 "$pid" 2>/dev/null || { cat "$dir/mariadbd.log" >&2; exit 1; }
	sleep 0.1
done

{
	printf '## MariaDB\n\n`make long ROW=mariadb`: %s · %s × %s · %s · %s\n\n' "$(date -u +%F)" "$(nproc)" \
		"$(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo)" "$(uname -sr)" "$(mariadbd --version | sed 's/^[^V]*Ver/mariadbd/')"
	cat <<-TEXT
		What the writes of 2012 cost the kind of server that was too slow then: \`PRIMARY KEY (host, metric, ts)\`, one
		partition a day, 1,000 hosts with 20 metrics each, every INSERT a transaction of its own. The server is pinned to one
		processor, the generator to another; medians of ${ROUNDS:-5} rounds of ${TIME:-3s} each.
		\`${flags[*]}\`

	TEXT
	taskset -c 1 bin/mariadb-load -socket "$dir/socket" -pid "$pid" -rounds "${ROUNDS:-5}" -time "${TIME:-3s}"
} >"$dir/section.md"
cat "$dir/section.md"
bin/measure section mariadb <"$dir/section.md"

#!/usr/bin/env bash
# Installs what is missing to build, run and test; quick and offline when nothing is.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'deps: %s\n' "$*" >&2; }

need_go=1.26
command -v go >/dev/null || { say "Go $need_go or newer is needed (https://go.dev/dl)"; exit 1; }
command -v npm >/dev/null || { say "Node.js 20 or newer with npm is needed, for the page"; exit 1; }

# Debian packages, by the command each one brings.
redis=${REDIS_SERVER:-redis-server}
missing=()
want() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] || missing+=("$2"); }
want "$redis" "$(basename "$redis")"
want redis-cli redis-tools
want redis-benchmark redis-tools
perl -MAnyEvent::Redis -e 1 2>/dev/null || missing+=(libanyevent-redis-perl)
want chromium chromium
want ip iproute2
want gcc gcc
want git git
want curl curl
want ps procps
want mkfs.ext4 e2fsprogs
want mount mount
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)

install_packages() {
	local as_root=()
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || return 1
		# Without a terminal nobody can type a password.
		if [ -t 0 ]; then as_root=(sudo); else as_root=(sudo -n); fi
	fi
	command -v apt-get >/dev/null || return 1
	# RUNLEVEL=1: the package's own Redis service is not wanted, only the program.
	"${as_root[@]}" apt-get update -qq &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
			apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ ${#missing[@]} -gt 0 ]; then
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	say "installing ${missing[*]}"
	if ! install_packages "${missing[@]}"; then
		say "could not install them; type:"
		printf '\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' "${missing[*]}" >&2
		[ "${CI:-}" != true ] || exit 1
		say "going on without: tests that need them are skipped, and say so"
	fi
fi

# npm modules: npm writes node_modules/.package-lock.json last, so it is the stamp.
for dir in internal/web/ui test/browser test/interop/ioredis; do
	[ -f "$dir/package.json" ] || continue
	lock=$dir/package-lock.json
	stamp=$dir/node_modules/.package-lock.json
	if [ ! -f "$stamp" ] || [ "$dir/package.json" -nt "$stamp" ] || [ "$lock" -nt "$stamp" ]; then
		how=ci
		[ -f "$lock" ] || how="install --no-package-lock"
		say "npm $how in $dir"
		# shellcheck disable=SC2086 # two words on purpose
		npm $how --prefix "$dir" --no-audit --no-fund --loglevel=error >&2
		touch "$stamp"
	fi
done

# Go modules: again when a go.sum changes.
sums=$(find . -name node_modules -prune -o -name go.sum -print | sort | xargs cat | cksum)
stamp=bin/.deps-go
if [ "$(cat "$stamp" 2>/dev/null)" != "$sums" ]; then
	say "go mod download"
	find . -name node_modules -prune -o -name go.mod -print | while read -r mod; do
		(cd "$(dirname "$mod")" && go mod download)
	done
	mkdir -p bin
	printf '%s\n' "$sums" >"$stamp"
fi

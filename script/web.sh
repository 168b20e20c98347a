#!/usr/bin/env bash
# Builds the page into internal/web/dist, when its sources are newer than what was built.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -d internal/web/build ] || exit 0
stamp=internal/web/dist/.built
sources=(internal/web/ui internal/web/build)
if [ -f "$stamp" ] && [ -z "$(find "${sources[@]}" -name node_modules -prune -o -type f -newer "$stamp" -print -quit)" ]; then
	exit 0
fi
go run ./internal/web/build
touch "$stamp"

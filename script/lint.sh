#!/usr/bin/env bash
# go vet, staticcheck and gofumpt over every module; the linters are built once, from tools/go.mod. With --fix the
# files are formatted instead of named.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=bin/.lint
if [ ! -x bin/staticcheck ] || [ ! -x bin/gofumpt ] || [ tools/go.sum -nt "$stamp" ]; then
	mkdir -p bin
	(cd tools && go build -o ../bin/ tool)
	touch "$stamp"
fi

if [ "${1:-}" = --fix ]; then
	git ls-files -co --exclude-standard '*.go' | xargs bin/gofumpt -w
	exit
fi

failed=0
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs bin/gofumpt -l)
if [ -n "$unformatted" ]; then
	printf 'gofumpt would change (script/lint.sh --fix):\n%s\n' "$unformatted"
	failed=1
fi
lint=$PWD/bin/staticcheck
for mod in $(git ls-files -co --exclude-standard 'go.mod' '**/go.mod'); do
	dir=$(dirname "$mod")
	[ "$dir" != tools ] || continue
	(cd "$dir" && go vet ./... && "$lint" ./...) || failed=1
done
exit $failed

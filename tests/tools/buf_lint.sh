#!/usr/bin/env bash
# buf_lint.sh REPO: `buf lint` with the rules STANDARD over proto/. install-deps puts the npm package into the cache directory.
set -euo pipefail
repo=$1
# shellcheck source=../../scripts/lib.sh
. "$repo/scripts/lib.sh"

buf=$CACHE_DIR/buf-$BUF_VERSION/node_modules/.bin/buf
[ -x "$buf" ] || { echo "buf_lint: buf is not installed; run scripts/install-deps"; exit 1; }
ls "$repo"/proto/crmpulse/v1/*.proto >/dev/null 2>&1 || { echo "buf_lint: no proto file"; exit 1; }

cd "$repo"
[ -e buf.yaml ] || { echo "buf_lint: no buf.yaml"; exit 1; }
"$buf" lint
echo "buf_lint: clean"

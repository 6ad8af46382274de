#!/bin/sh
# Usage: tests/tools/shellcheck.sh REPO. Every shell script of the repository, found by its first line, must pass.
set -eu
cd "$1"

set --
for file in .ci/* scripts/* tests/tools/* tests/integration/* bench/* packaging/deb/*; do
    if [ -f "$file" ] && { head -n 1 "$file" | grep -Eq '^#!.*[/ ](ba|da)?sh( |$)' || [ "${file%.sh}" != "$file" ]; }; then
        set -- "$@" "$file"
    fi
done
[ $# -gt 0 ] || { echo "shellcheck: found no script"; exit 1; }
# SC2317: a function that only a trap calls is not unreachable.
shellcheck --shell=bash --severity=style --exclude=SC2317 --external-sources --source-path=SCRIPTDIR "$@"
echo "shellcheck: $# scripts"

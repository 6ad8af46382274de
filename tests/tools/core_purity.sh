#!/bin/sh
# core_purity.sh ARCHIVE ALLOWLIST [SANITIZERS]: fails if the core calls anything outside itself and the allow list, or keeps a
# variable of its own. Sanitizer symbols count as allowed only where SANITIZERS is not empty.
set -eu
archive=$1
allowlist=$2
sanitizers=${3:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -Ev '^[[:space:]]*(#|$)' "$allowlist" >"$work/allowed"
[ -z "$sanitizers" ] || echo '__(asan|ubsan|tsan|sanitizer|lsan)_.*' >>"$work/allowed"

nm --format=sysv "$archive" | tr -d ' ' >"$work/symbols"
# Columns: name, value, class, type, size, line, section.
awk -F'|' 'NF == 7 && $3 ~ /^[A-Zuvw]$/ && $7 != "*UND*" { print $1 }' "$work/symbols" | sort -u >"$work/defined"
awk -F'|' 'NF == 7 && $7 == "*UND*" { print $1 }' "$work/symbols" | sort -u >"$work/undefined"
[ -s "$work/defined" ] || { echo "core_purity: $archive defines nothing"; exit 1; }

failed=0
comm -23 "$work/undefined" "$work/defined" | grep -vxE -f "$work/allowed" >"$work/foreign" || true
if [ -s "$work/foreign" ]; then
    failed=1
    echo "core_purity: the core may not call:"
    while read -r symbol; do
        nm -A "$archive" 2>/dev/null | grep -E " [Uw] $symbol\$" | sed 's/^[^:]*:\([^:]*\):.* [Uw] /  \1: /'
    done <"$work/foreign"
fi

# Mutable file-scope state. Sanitizers add data of their own, so only plain builds are judged.
if [ -z "$sanitizers" ]; then
    awk -F'|' 'NF == 7 && $7 ~ /^(\.t?data|\.t?bss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ { print "  " $1 }' "$work/symbols" >"$work/state"
    if [ -s "$work/state" ]; then
        failed=1
        echo "core_purity: the core may keep no variable of its own:"
        cat "$work/state"
    fi
fi
[ "$failed" -eq 0 ] && echo "core_purity: $(wc -l <"$work/defined") symbols defined, $(wc -l <"$work/undefined") called, all allowed"
exit "$failed"

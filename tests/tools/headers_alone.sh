#!/bin/sh
# headers_alone.sh INCLUDE_DIR COMPILER [FLAGS...]: each header of include/crmpulse must compile alone, and twice in one unit.
set -eu
include=$1
shift

failed=0
count=0
for header in "$include"/crmpulse/*.h; do
    [ -e "$header" ] || { echo "headers_alone: no header in $include/crmpulse"; exit 1; }
    name=crmpulse/$(basename "$header")
    # The declaration keeps the unit from being empty where a header has macros only.
    if ! printf '#include "%s"\n#include "%s"\nextern int headers_alone;\n' "$name" "$name" | "$@" -x c -fsyntax-only -; then
        echo "headers_alone: $name does not stand alone"
        failed=1
    fi
    count=$((count + 1))
done
echo "headers_alone: $count headers"
exit "$failed"

# Shared by the scripts; sourced, never run. Sets REPO and CACHE_DIR and a few functions. Bash.
# shellcheck shell=bash

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE_DIR=${CRMPULSE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/crmpulse}
KAFKA_VERSION_DEFAULT=3.9.1
BUF_VERSION=1.75.0
PROMETHEUS_CLIENT_VERSION=0.21.1
OPENAPI_VERSION=0.7.1
PLAYWRIGHT_VERSION=1.64.1
AXE_VERSION=4.10.3
export REPO CACHE_DIR KAFKA_VERSION_DEFAULT BUF_VERSION PROMETHEUS_CLIENT_VERSION OPENAPI_VERSION PLAYWRIGHT_VERSION AXE_VERSION

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# alive PID: the process exists and is no zombie.
alive() {
    [ -n "${1:-}" ] && kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# gone_within PID SECONDS: waits until the process is gone.
gone_within() {
    local ticks=$(($2 * 20))
    while alive "$1"; do
        [ "$ticks" -gt 0 ] || return 1
        ticks=$((ticks - 1))
        sleep 0.05
    done
}

# stop_pid PID SECONDS: TERM, wait at most SECONDS, then KILL. Succeeds also when there is nothing to stop.
stop_pid() {
    alive "$1" || return 0
    kill -TERM "$1" 2>/dev/null || return 0
    gone_within "$1" "$2" && return 0
    say "process $1 did not end on TERM within $2 s: KILL" >&2
    kill -KILL "$1" 2>/dev/null || return 0
    gone_within "$1" 5
}

# stop_pid_file FILE SECONDS: the same for the pid in FILE; removes the file.
stop_pid_file() {
    [ -s "$1" ] || return 0
    stop_pid "$(cat "$1")" "$2"
    rm -f "$1"
}

# kill_pid_file FILE: KILL for the pid in FILE, waits for its end, removes the file.
kill_pid_file() {
    local pid
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    if alive "$pid"; then
        kill -KILL "$pid" 2>/dev/null || true
        gone_within "$pid" 5
    fi
    rm -f "$1"
}

# free_ports N: N free TCP ports of the loopback address, one a line, all different.
free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
for s in held:
    print(s.getsockname()[1])
PY
}

# wait_for SECONDS PID COMMAND...: until COMMAND succeeds. Fails when the time is over or process PID (or "-") is gone.
wait_for() {
    local ticks=$(($1 * 10)) pid=$2
    shift 2
    while ! "$@" >/dev/null 2>&1; do
        [ "$pid" = - ] || alive "$pid" || return 1
        ticks=$((ticks - 1))
        [ "$ticks" -gt 0 ] || return 1
        sleep 0.1
    done
}

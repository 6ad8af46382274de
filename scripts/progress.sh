# A line that says how far a step is, and commands whose output moves it; sourced after lib.sh, never run. Bash, no other tool than coreutils.
# On a terminal one line is redrawn; elsewhere a line comes at most every PROGRESS_EVERY seconds (5) and one at the end of each step.
# shellcheck shell=bash

PROGRESS_EVERY=${PROGRESS_EVERY:-5}
progress_step=0    # which one
progress_steps=    # of how many; set by who sources this
progress_name=     # what the step is called
progress_text=     # how far it is
progress_began=0   # SECONDS when it began
progress_told=0    # SECONDS of the last plain line
progress_child=    # the command whose output is read
progress_lets_end= # it must not be broken off: what to say of it
interrupted=

# Of the terminal that is descriptor 3: `columns`, 80 if it does not know.
find_columns() {
    local size
    size=$(stty size <&3 2>/dev/null) || size=
    columns=${size#* }
    [ "${columns:-0}" -gt 0 ] || columns=80
}

progress_line() {
    local line="[$progress_step/$progress_steps] $progress_name  $progress_text  $((SECONDS - progress_began)) s"
    if [ -t 1 ]; then
        local columns
        find_columns 3>&1
        printf '\r\033[K%s' "${line:0:columns-1}"
    elif [ "${1:-}" = now ] || [ $((SECONDS - progress_told)) -ge "$PROGRESS_EVERY" ]; then
        progress_told=$SECONDS
        printf '%s\n' "$line"
    fi
}

progress_begin() { # NAME
    progress_step=$((progress_step + 1))
    progress_name=$1
    progress_text=
    progress_began=$SECONDS
    progress_told=$SECONDS
    [ ! -t 1 ] || progress_line
}

progress_end() { # TEXT
    progress_text=$1
    progress_line now
    [ ! -t 1 ] || printf '\n'
}

# Failure: the line, the end of the log, and where it is.
progress_fail() { # LOG WHAT
    progress_end failed
    tail -n 20 "$1" >&2
    die "$2; the log is $1"
}

# INT, TERM and HUP end the command at once, unless that would leave it half done.
progress_interrupt() {
    interrupted=1
    if [ -n "$progress_lets_end" ]; then
        printf '\n%s\n' "$progress_lets_end"
    elif [ -n "$progress_child" ]; then
        kill -TERM "$progress_child" 2>/dev/null || true
    fi
}

# followed LINE_FUNCTION FUNCTION ARGUMENTS...: runs the second, which ends in an `exec`, so that the process can be told to end; hands each line of its output to LINE_FUNCTION, which sets progress_text. Returns its status, 130 if interrupted.
followed() {
    local each=$1 line part='' from rc status=0
    shift
    exec {from}< <("$@" </dev/null)
    progress_child=$!
    while :; do
        rc=0
        IFS= read -r -t 1 -u "$from" line || rc=$?
        part+=$line
        if [ "$rc" -eq 0 ]; then
            "$each" "$part"
            part=
        elif [ "$rc" -le 128 ]; then
            break
        fi
        progress_line
    done
    exec {from}<&-
    wait "$progress_child" || status=$?
    progress_child=
    [ -z "$interrupted" ] || status=130
    return "$status"
}

# ---- packages of Debian

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        exec "$@"
    else
        exec sudo "$@"
    fi
}

# apt's own lines: dlstatus:N:PERCENT:Retrieving file 3 of 40 (..), pmstatus:PACKAGE:PERCENT:Installed PACKAGE (amd64).
# shellcheck disable=SC2034,SC2317 # used by progress_interrupt; called by name
apt_line() {
    case $1 in
        dlstatus:*"file "*" of "*)
            local done=${1#*file }
            progress_text="fetched ${done%% *}/$apt_total"
            ;;
        pmstatus:*)
            progress_lets_end="Packages are being set up: this ends when they are."
            local name=${1#pmstatus:}
            case $1 in
                *:Unpacking\ *)
                    apt_unpacked=$((apt_unpacked + 1))
                    progress_text="unpacked $apt_unpacked/$apt_total ${name%%:*}"
                    ;;
                *:Installed\ *)
                    apt_done=$((apt_done + 1))
                    progress_text="set up $apt_done/$apt_total ${name%%:*}"
                    ;;
            esac
            ;;
    esac
}

# It is left alone by the terminal's Ctrl-C, for a dpkg that is broken off has to be mended by hand.
apt_run() { # LOG ARGUMENTS...
    local log=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    as_root setsid sh -c 'exec env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y -o APT::Status-Fd=3 "$@" 3>&1 >&2' apt "$@" 2>>"$log"
}

may_install() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null || return 1
    # With a terminal it may ask for the password, before the line that is redrawn.
    sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }
}

# apt_install LOG PACKAGES...: as one step.
apt_install() {
    local log=$1
    shift
    may_install || die "packages are missing, and there is neither root nor a sudo that lets us. As root:
  apt-get update && apt-get install --no-install-recommends $*"
    progress_begin packages
    progress_text="reading lists"
    apt_unpacked=0
    apt_done=0
    apt_total=$#
    followed apt_line apt_run "$log" update || { [ -z "$interrupted" ] || exit 130; progress_fail "$log" "apt-get update failed"; }
    apt_total=$(LC_ALL=C apt-get -s install --no-install-recommends "$@" 2>>"$log" | grep -c '^Inst ') || progress_fail "$log" "apt does not know all of: $*"
    followed apt_line apt_run "$log" install --no-install-recommends "$@" || { [ -z "$interrupted" ] || exit 130; progress_fail "$log" "apt-get install failed"; }
    progress_lets_end=
    progress_end "$apt_done/$apt_total installed"
}

# ---- the program

# shellcheck disable=SC2317 # called by name
ninja_line() {
    printf '%s\n' "$1" >>"$build_log"
    case $1 in
        \[0/*) ;; # it looks what there is to do
        \[*/*\]\ *)
            local count=${1#[}
            progress_text="${count%%]*} files"
            ;;
    esac
}

# shellcheck disable=SC2317 # called by name
log_line() {
    printf '%s\n' "$1" >>"$build_log"
}

both() {
    exec "$@" 2>&1
}

# build_program DIRECTORY LOG CMAKE_OPTIONS...: configures and builds the target crmpulse, as two steps.
build_program() {
    local dir=$1
    build_log=$2
    shift 2
    progress_begin configure
    followed log_line both cmake -S . -B "$dir" "$@" || { [ -z "$interrupted" ] || exit 130; progress_fail "$build_log" "cmake failed"; }
    progress_end "done"
    progress_begin compile
    NINJA_STATUS='[%f/%t] ' followed ninja_line both ninja -C "$dir" crmpulse || { [ -z "$interrupted" ] || exit 130; progress_fail "$build_log" "the build failed"; }
    progress_end "${progress_text:-nothing to do}"
}

# prepare STEPS: all that the demo needs: packages, the program as $dir/crmpulse, redis-server in PATH. STEPS more will follow. Its logs are in $logs.
# Quick to compile rather than quick to run: the demo has nothing to do.
prepare() {
    local missing
    missing=$(scripts/install-deps --build --list)
    dir=$REPO/build/start
    logs=$dir/log
    progress_steps=$((2 + $1 + (${#missing} > 0)))
    mkdir -p "$logs"
    # shellcheck disable=SC2086 # names of packages
    [ -z "$missing" ] || apt_install "$logs/packages.log" $missing
    build_program "$dir" "$logs/build.log" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DBUILD_TESTING=OFF
    # The server's program without Debian's service of the same name, which would be started and enabled.
    if ! command -v redis-server >/dev/null; then
        mkdir -p "$dir/bin"
        ln -sf "$(command -v redis-check-rdb)" "$dir/bin/redis-server"
        PATH=$dir/bin:$PATH
    fi
}

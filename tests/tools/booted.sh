#!/bin/bash
# booted.sh check            can this machine boot a systemd of its own below a directory? Says why not
# booted.sh start ROOT PID   boots the systemd of ROOT as process 1 of namespaces of its own (processes, mounts, IPC, host name, cgroups; not the network: what
#                            listens on loopback is reached), in a cgroup of its own; writes its pid to the file PID
# booted.sh in PID COMMAND.. runs a command there
# booted.sh stop PID         ends it and all that runs in it; removes its cgroup
# The kernel's settings and the clock are out of its reach: /proc/sys and /sys are read-only, the capabilities for time, modules and reboot are gone.
set -eu

# Where cgroup v2 is mounted.
cgroups() {
    awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts
}

# Runs as the first process of the new namespaces.
# shellcheck disable=SC2016 # for the inner shell
boot='
set -eu
root=$1
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
while read -r name major minor; do mknod -m 666 "$root/dev/$name" c "$major" "$minor"; done <<NODES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
NODES
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
hostname crmpulse-test
mkdir -p "$root/run/old"
cd "$root"
pivot_root . run/old
exec chroot . sh -c "umount -l /run/old && rmdir /run/old && mount --make-rshared / && exec env -i container=crmpulse-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set -sys_time,-sys_module,-sys_boot /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=journal"
'
all="--mount --pid --ipc --uts --cgroup"

inside() { # PIDFILE COMMAND...
    local pid
    pid=$(cut -d ' ' -f 1 "$1")
    shift
    nsenter -t "$pid" -m -p -i -u -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

case ${1:-} in
    check)
        [ -n "$(cgroups)" ] || { echo "cgroup v2 is not mounted"; exit 1; }
        probe=$(cgroups)/cp-probe-$$
        mkdir "$probe" 2>/dev/null || { echo "no cgroup can be made below $(cgroups)"; exit 1; }
        rmdir "$probe"
        # shellcheck disable=SC2086 # options
        why=$(unshare $all --fork sh -c "mount -t proc proc /proc && mount -t sysfs -o ro sysfs /mnt" 2>&1) || { echo "$why"; exit 1; }
        ;;
    start)
        group=$(cgroups)/cp-systemd-$$
        mkdir "$group"
        # In it before its view of the cgroups begins.
        # shellcheck disable=SC2086 # options
        sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" unshare $all --fork --propagation private bash -c "$boot" boot "$2" </dev/null >"$3.log" 2>&1 &
        for ((i = 0; i < 200; i++)); do
            pid=$(pgrep -P $! 2>/dev/null | head -n 1) || true
            if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd ]; then
                echo "$pid $group" >"$3"
                for ((; i < 600; i++)); do
                    state=$(inside "$3" systemctl is-system-running 2>/dev/null) || true
                    [ "$state" != running ] || exit 0
                    [ "$state" != degraded ] || break
                    sleep 0.1
                done
                inside "$3" systemctl list-units --failed --no-legend || true
                echo "systemd is ${state:-silent}"
                exit 1
            fi
            sleep 0.1
        done
        cat "$3.log"
        exit 1
        ;;
    in)
        shift
        inside "$@"
        ;;
    stop)
        [ -s "$2" ] || exit 0
        read -r pid group <"$2"
        kill -KILL "$pid" 2>/dev/null || true # the kernel ends all others of its namespace
        for ((i = 0; i < 100; i++)); do
            find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            [ -d "$group" ] || break
            sleep 0.1
        done
        rm -f "$2"
        ;;
    *) exit 64 ;;
esac

# A fresh Debian 12 below a directory, for tests that need a system of their own. Sourced after lib.sh, never run. Bash.
# shellcheck shell=bash

# Says why not, if this machine cannot have one.
debian_refused() {
    [ "$(id -u)" -eq 0 ] || { say "needs root: it makes a system of its own below a directory"; return; }
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork sh -c 'mount -t tmpfs tmpfs /mnt && mknod /mnt/null c 1 3 && mount -t proc proc /proc' 2>/dev/null ||
        say "no mounts, devices and processes of one's own here"
}

# The mirror of MIRROR, or the one that apt uses here.
debian_mirror() {
    # shellcheck disable=SC2016 # apt's own
    printf '%s' "${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' 'Component: main' | sort -u | head -n 1)}"
}

# debian_new ROOT: debootstrap's minbase, fetched once into the cache. Fails, with the end of the log on standard error, if it cannot be fetched.
debian_new() {
    local base=$CACHE_DIR/bookworm-minbase.tar mirror
    command -v debootstrap >/dev/null || die "debootstrap is missing (apt-get install debootstrap)"
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt knows no mirror of bookworm: set MIRROR"
    if [ ! -s "$base" ]; then
        say "fetching a base system (once)"
        if ! debootstrap --variant=minbase bookworm "$1.base" "$mirror" >"$1.log" 2>&1; then
            tail -n 5 "$1.log" >&2
            return 1
        fi
        mkdir -p "$CACHE_DIR"
        tar -C "$1.base" --exclude=./var/cache/apt/archives/* -cf "$base.new" . && mv "$base.new" "$base"
        rm -rf --one-file-system "$1.base"
    fi
    mkdir -p "$1"
    tar -C "$1" -xf "$base"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    printf 'deb %s bookworm main\n' "$mirror" >"$1/etc/apt/sources.list"
}

# debian_in ROOT COMMAND...: processes, devices and mounts of its own, the network is ours.
# shellcheck disable=SC2016 # for the inner shell
debian_in() {
    unshare --mount --pid --fork --kill-child sh -c 'root=$1
        shift
        mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/dev" || exit
        while read -r name minor; do mknod -m 666 "$root/dev/$name" c 1 "$minor"; done <<NODES
null 3
zero 5
full 7
random 8
urandom 9
NODES
        ln -s /proc/self/fd "$root/dev/fd"
        mkdir -m 1777 "$root/dev/shm"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' debian_in "$@"
}

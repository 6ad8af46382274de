#!/usr/bin/env python3
"""under_unit.py UNIT COMMAND...: runs a command under what this machine can do of a unit's sandbox without systemd as process 1.

Done: NoNewPrivileges, CapabilityBoundingSet (empty only), SystemCallFilter (expanded by systemd-analyze), MemoryDenyWriteExecute, RestrictAddressFamilies,
SystemCallErrorNumber=EPERM, UMask, and ProtectSystem=strict as a read-only file system in a mount namespace of its own. The filters are those of the kernel
(libseccomp). Not done: namespaces of users, devices, /tmp and IPC, ProtectProc and the other Protect*. Needs root."""
import ctypes
import os
import subprocess
import sys

ALLOW, KILL_NOTHING = 0x7FFF0000, 0x00050000
EPERM, EAFNOSUPPORT = 1, 97
LT, EQ, GT, MASKED_EQ = 2, 4, 6, 7
PROT_WRITE, PROT_EXEC = 2, 4
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}


class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


libc = ctypes.CDLL(None, use_errno=True)
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_init.argtypes = [ctypes.c_uint32]
seccomp.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]


def must(condition, what):
    if not condition:
        sys.exit(f"under_unit: {what}: {os.strerror(ctypes.get_errno())}")


def settings(path):
    """{key: [values]} of the [Service] section; a value may stand on several lines of the same key."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, equals, value = line.strip().partition("=")
            if equals and not key.startswith("#"):
                found.setdefault(key, []).append(value)
    return found


def calls(group):
    """The names in one of systemd's groups, groups inside groups too."""
    if not group.startswith("@"):
        return {group}
    out = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in out.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return set().union(*(calls(name) for name in names))


def allowed(lines):
    names = set()
    for line in lines:
        for word in line.lstrip("~").split():
            names = names - calls(word) if line.startswith("~") else names | calls(word)
    return names


def number(name):
    return seccomp.seccomp_syscall_resolve_name(name.encode())


def rule(context, action, name, *compare):
    array = (Compare * max(1, len(compare)))(*compare)
    nr = number(name)
    if nr >= 0:  # else this machine does not have it
        must(seccomp.seccomp_rule_add_array(context, action, nr, len(compare), array) == 0, name)


def filters(unit):
    only = seccomp.seccomp_init(KILL_NOTHING | EPERM)
    for name in allowed(unit["SystemCallFilter"]) | {"execve"}:
        rule(only, ALLOW, name)
    memory = seccomp.seccomp_init(ALLOW)
    if unit.get("MemoryDenyWriteExecute") == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        rule(memory, KILL_NOTHING | EPERM, "mmap", Compare(2, MASKED_EQ, both, both))
        rule(memory, KILL_NOTHING | EPERM, "mprotect", Compare(2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
        rule(memory, KILL_NOTHING | EPERM, "pkey_mprotect", Compare(2, MASKED_EQ, PROT_EXEC, PROT_EXEC))
    families = seccomp.seccomp_init(ALLOW)
    may = sorted(FAMILIES[word] for word in unit["RestrictAddressFamilies"][0].split())
    rule(families, KILL_NOTHING | EAFNOSUPPORT, "socket", Compare(0, GT, may[-1], 0))
    for family in range(may[-1]):
        if family not in may:
            rule(families, KILL_NOTHING | EAFNOSUPPORT, "socket", Compare(0, EQ, family, 0))
    return families, memory, only


def read_only():
    must(libc.unshare(CLONE_NEWNS) == 0, "a mount namespace")
    must(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0, "private mounts")
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = [line.split()[1] for line in mounts]
    for point in points:
        if not point.startswith(("/proc", "/dev", "/sys")):
            libc.mount(b"none", point.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)
    must(not os.access("/", os.W_OK), "the file system is still writable")


def main():
    unit = settings(sys.argv[1])
    loaded = filters(unit)
    if unit.get("ProtectSystem") == ["strict"]:
        read_only()
    os.umask(int(unit["UMask"][0], 8))
    if unit.get("CapabilityBoundingSet") == [""]:
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges")
    for context in loaded:
        must(seccomp.seccomp_load(context) == 0, "a filter")
    os.execv(sys.argv[2], sys.argv[2:])


main()

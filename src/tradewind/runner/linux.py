"""The Linux process controls that the standard library lacks; elsewhere they do nothing."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

_call = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def _prctl(option: int, value: int) -> None:
    if _call is not None:
        _call(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Orphaned descendants become this process's children, so that it can wait for them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(on: bool) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if on else 0)


def forbid_tracing() -> None:
    """Other processes of the same user may not read this one's memory; it leaves no core dump."""
    _prctl(_PR_SET_DUMPABLE, 0)


def private_bytes(pid: int) -> int:
    """Memory that the process shares with nobody. What cannot be known counts as very much."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            private = [int(line.split()[1]) for line in file if line.startswith("Private_")]
    except OSError:
        return 1 << 40
    return sum(private) << 10


def memory_limit() -> int:
    """Bytes that this process and others may have together: of this cgroup, else of the machine."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            limit = file.read().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdecimal() else machine


def oom_kills() -> int:
    """How many processes the kernel has killed for memory: in this cgroup, else on this machine."""
    for path in ("/sys/fs/cgroup/memory.events", "/proc/vmstat"):
        try:
            with open(path, encoding="ascii") as file:
                counters = dict(line.split() for line in file)
        except (OSError, ValueError):
            continue
        if "oom_kill" in counters:
            return int(counters["oom_kill"])
    return 0

"""All descendants of a process, counted and ended, whatever they did to get away.

The caller must be a subreaper, so that orphans stay below it. `RLIMIT_NPROC` would be simpler, but
does not bind root, and counts the user's other processes too.
"""

import os
import signal
import time
from contextlib import suppress

_PROC = "/proc"


def descendants(of: int) -> list[int]:
    """Every living process below `of`, nearest first. Without /proc: none."""
    found: list[int] = []
    nearest = [of]
    while nearest:
        nearest = [child for parent in nearest for child in _children(parent)]
        found += nearest
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"{_PROC}/{pid}/task"):
            with open(f"{_PROC}/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += map(int, file.read().split())
    return children


def reap_orphans(but: int) -> None:
    """Wait for ended descendants that nobody else waits for; `but` keeps its status for later."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)


def stop_others(than: int) -> None:
    """Halt every descendant but one, so that they do not multiply while that one is looked at."""
    for pid in descendants(os.getpid()):
        if pid != than:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)


def end_all(group: int, *, within_seconds: float = 10.0) -> None:
    """Kill the process group and then every descendant of this process, and wait for them all.

    A signal to a group cannot be outrun: the kernel starts no fork of a process that has one
    pending. What left the group is hunted down round by round.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    until = time.monotonic() + within_seconds
    while True:
        _reap()
        remaining = descendants(os.getpid())
        if not remaining or time.monotonic() > until:
            return
        for pid in remaining:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass

"""What a process and all its descendants use, from /proc."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Tree:
    """The processes below and including `root`. What ends between two looks is still counted, as
    its parent's waited-for children."""

    def __init__(self, root: int) -> None:
        self._root = root

    def pids(self) -> list[int]:
        found = [self._root]
        for pid in found:
            for thread in _threads(pid):
                found += map(int, _read(Path(f"/proc/{pid}/task/{thread}/children")).split())
        return found

    def begun(self) -> dict[int, str]:
        """Pids with the moment when each began: a pid that is used again has another one."""
        return {pid: _begun(pid) for pid in self.pids()}

    def cpu_seconds(self) -> float:
        ticks = 0
        for pid in self.pids():
            ticks += sum(map(int, _stat(pid)[11:15]))  # utime, stime, cutime, cstime
        return ticks / _TICKS

    def pss_mb(self) -> float:
        kilobytes = 0
        for pid in self.pids():
            for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        return kilobytes / 1024


def still_there(pid: int, begun: str) -> bool:
    return bool(begun) and _begun(pid) == begun


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _begun(pid: int) -> str:
    return "".join(_stat(pid)[19:20])


def _stat(pid: int) -> list[str]:
    """The fields from the state on."""
    return _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()


def _read(path: Path) -> str:
    """Nothing of a process that has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""

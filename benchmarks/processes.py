"""Starting programs so that nothing of them is left, whatever happens; free ports; time limits."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.tree import Tree, still_there


class BenchmarkError(Exception):
    """A contestant could not be measured; the others go on."""


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
    patience_seconds: float = 15.0,
    **more: Any,
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program, in a session of its own, with all its descendants gone at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **more,
        )
    try:
        yield process
    finally:
        _end(process, stop_with, patience_seconds)


def _end(process: "subprocess.Popen[bytes]", stop_with: signal.Signals, patience: float) -> None:
    """Ask the program to end, then kill what is left of it; it may have left children behind."""
    known = Tree(process.pid).begun() if process.poll() is None else {}
    if process.poll() is None:
        process.send_signal(stop_with)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        known |= Tree(process.pid).begun()
    for pid, begun in known.items():
        if still_there(pid, begun):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def wait_until(
    condition: Callable[[], bool],
    seconds: float,
    *,
    process: "subprocess.Popen[bytes] | None" = None,
    log: Path | None = None,
    pause_seconds: float = 0.1,
) -> bool:
    """Whether the condition came true in time. Raises, with the end of its log, when `process` ends
    meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None:
            said = tail(log) if log is not None else ""
            raise BenchmarkError(f"It has ended with exit code {process.returncode}. {said}")
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

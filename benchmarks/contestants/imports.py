"""What it costs to import something, in processes that do nothing else."""

import os
import subprocess
from pathlib import Path

from benchmarks.measure import Measured
from benchmarks.processes import BenchmarkError

_TIMES = 5


def measure_imports(python: Path, statement: str, environment: dict[str, str]) -> Measured:
    """CPU seconds and peak memory of an interpreter that executes it, beyond one that does not."""
    bare = [_child(python, "pass", environment) for _ in range(_TIMES)]
    full = [_child(python, statement, environment) for _ in range(_TIMES)]
    return Measured(
        seconds=min(cpu for cpu, _ in full) - min(cpu for cpu, _ in bare),
        memory_mb=min(memory for _, memory in full) - min(memory for _, memory in bare),
    )


def _child(python: Path, code: str, environment: dict[str, str]) -> tuple[float, float]:
    """CPU seconds, and peak memory in MB."""
    code += "; import sys; sys.stdout.write(open('/proc/self/status').read())"
    process = subprocess.Popen(
        [python, "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        lines = output.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"{python} cannot execute: {code}")
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024

"""A virtual environment for each contestant that is not Tradewind, with pinned releases."""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import BenchmarkError

_PINS = Path(__file__).with_name("pins")
_CACHE = Path(__file__).parents[1] / ".make" / "bench"


def python_of(name: str) -> Path:
    """Its interpreter; installs what `pins/<name>.txt` says unless that has been done."""
    pins, folder = _PINS / f"{name}.txt", _CACHE / name
    python, stamp = folder / "bin" / "python", folder / "pins"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing {name} into {folder} ...", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", folder])
    _run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", pins])
    stamp.write_text(wanted)
    return python


def version_in(name: str, package: str) -> str:
    """Of a package in the environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python_of(name), "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(map(str, command))} failed:\n{done.stderr[-2000:]}")

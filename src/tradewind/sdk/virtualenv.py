"""Making a virtual environment, with uv where it is installed, else with venv and pip."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import site
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException

log = logging.getLogger("airflow.task")

Run = Callable[[Sequence[str], dict[str, str]], int]
"""Runs a command with an environment, its output into the log; gives the exit code."""

_MARKER = "install_complete_marker"


@dataclass(frozen=True)
class VirtualEnvironment:
    """What is to be in it.

    requirements: lines of a requirements file. python_version: "3.12", or None for this one.
    system_site_packages: what this process can import is there, too. index_urls: the first one
    replaces the default index; an empty list allows none; None leaves it to pip's configuration.
    """

    requirements: Sequence[str] = ()
    python_version: str | None = None
    system_site_packages: bool = True
    pip_install_options: Sequence[str] = ()
    index_urls: Sequence[str] | None = None

    def create(self, folder: Path, run: Run) -> None:
        """Make it in `folder`, which exists. Raises AirflowException when a step fails."""
        uv = _use_uv()
        interpreter = f"python{self.python_version}" if self.python_version else sys.executable
        if uv:
            make = ["uv", "venv", "--allow-existing", "--python", interpreter]
        else:
            make = [interpreter, "-m", "venv", *([] if self.requirements else ["--without-pip"])]
        if self.system_site_packages:
            make.append("--system-site-packages")
        _must_succeed(run, [*make, str(folder)], dict(os.environ))
        if self.system_site_packages and not self.python_version:
            _see_packages_of_this_environment(folder)
        if not self.requirements:
            return
        listing = folder / "requirements.txt"
        listing.write_text("\n".join(self.requirements) + "\n")
        python = str(python_of(folder))
        install = ["uv", "pip", "install", "--python", python] if uv else [python, "-m", "pip"]
        install += [] if uv else ["install"]
        install += ["--no-index"] if self.index_urls == [] else []
        install += [*self.pip_install_options, "-r", str(listing)]
        _must_succeed(run, install, {**os.environ, **self._index_variables(uv)})

    def _index_variables(self, uv: bool) -> dict[str, str]:
        """As variables, since commands are logged and an index may have a password in its URL."""
        if not self.index_urls:
            return {}
        first, *rest = self.index_urls
        default = "UV_DEFAULT_INDEX" if uv else "PIP_INDEX_URL"
        further = "UV_INDEX" if uv else "PIP_EXTRA_INDEX_URL"
        return {default: first, **({further: " ".join(rest)} if rest else {})}

    @contextmanager
    def temporary(self, run: Run) -> Iterator[Path]:
        """Its Python, for as long as the block lasts."""
        with TemporaryDirectory(prefix="venv") as folder:
            self.create(Path(folder), run)
            yield python_of(Path(folder))

    def cached(self, parent: Path, run: Run, *, cache_key: str = "") -> Path:
        """Its Python, in a folder below `parent` that all tasks with equal wishes share.

        Made once, under a lock; one that was left half made is made anew. `cache_key` is part of
        what has to be equal.
        """
        wishes = json.dumps({**asdict(self), "cache_key": cache_key}, sort_keys=True)
        digest = hashlib.sha256(wishes.encode()).hexdigest()  # the wishes may hold passwords
        folder = parent / f"venv-{digest[:16]}"
        parent.mkdir(parents=True, exist_ok=True)
        with open(f"{folder}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            marker = folder / _MARKER
            if marker.exists() and marker.read_text() == digest:
                log.info("Reusing cached Python virtual environment in %s", folder)
                return python_of(folder)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            self.create(folder, run)
            marker.write_text(digest)
        return python_of(folder)


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _use_uv() -> bool:
    method = conf.get("standard", "venv_install_method").lower()
    return method == "uv" or (method == "auto" and shutil.which("uv") is not None)


def _must_succeed(run: Run, command: list[str], env: dict[str, str]) -> None:
    try:
        code = run(command, env)
    except FileNotFoundError:
        raise AirflowException(
            f"{command[0]!r} is not installed where this task runs, so the virtual environment "
            "cannot be made."
        ) from None
    if code != 0:
        raise AirflowException(
            f"The virtual environment cannot be made: {' '.join(command)!r} exited with {code}; "
            "its output is in the log above."
        )


def _see_packages_of_this_environment(folder: Path) -> None:
    """The "system" of a virtual environment is the base interpreter, even if another made it."""
    if sys.prefix == sys.base_prefix:
        return
    (target,) = folder.glob("lib/python*/site-packages")
    # addsitedir, not the bare folders: it also reads their .pth files (editable installs).
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (target / "_parent_environment.pth").write_text("\n".join(lines) + "\n")

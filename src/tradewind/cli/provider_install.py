"""Installing provider packages without Apache Airflow, with the environment's own pip or uv."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions, version
from importlib.util import find_spec
from pathlib import Path

import click

from tradewind.compat import placeholder
from tradewind.compat.finder import where_apache_airflow_is
from tradewind.compat.table_missing import PREFIX
from tradewind.compat.unnamed import unnamed_requirements
from tradewind.core.errors import InfrastructureError, TradewindError, UserError

# pip's settings that uv has another word for. uv reads its own configuration besides.
_PIP_SETTINGS = {
    "PIP_INDEX_URL": "--default-index",
    "PIP_EXTRA_INDEX_URL": "--index",
    "PIP_FIND_LINKS": "--find-links",
    "PIP_CONSTRAINT": "--constraint",
}

_NETWORK = re.compile(
    r"connection broken by|NewConnectionError|NameResolutionError|Read timed out|SSLError"
    r"|ProxyError|Failed to fetch|error sending request|dns error",
    re.IGNORECASE,
)
_CONFLICT = re.compile(r"ResolutionImpossible|conflicting dependencies|we can conclude that")
_NOT_THERE = re.compile(
    r"No matching distribution found for (?P<pip>\S+)|Because (?P<uv>\S+) was not found in"
    r"|there (?:is|are) no versions? of (?P<none>\S+)"
)


def install(
    requirements: Sequence[str], constraints: Sequence[Path], more_arguments: Sequence[str]
) -> None:
    """Install into the environment that runs Tradewind, with what the providers need.

    `requirements` name distributions; `more_arguments` go to pip or uv as they are. What the
    installer says goes to the terminal. Raises UserError or InfrastructureError when it fails.
    """
    if (real := where_apache_airflow_is()) is not None:
        raise UserError(
            f"Apache Airflow itself is installed in this environment ({real}).",
            hint="Its providers run with it, not with Tradewind. Install Tradewind in an "
            "environment of its own.",
        )
    installer = _installer()
    arguments = [item for path in constraints for item in ("--constraint", str(path))]
    arguments += more_arguments
    with tempfile.TemporaryDirectory(prefix="tradewind-providers-") as folder:
        placeholder.write_wheel(Path(folder))
        arguments += ["--find-links", folder]
        held = [f"{placeholder.NAME}=={placeholder.VERSION}", f"tradewind=={version('tradewind')}"]
        _run([*installer, *held, *requirements, *arguments])
        if unnamed := _unnamed():
            _run([*installer, "--quiet", *held, *unnamed, *arguments])


def _installer() -> list[str]:
    """The command that installs into this interpreter's environment."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if (uv := _uv()) is not None:
        # Compiled, as pip does it: processes that run user code write no bytecode.
        options = ["--compile-bytecode", "--python", sys.executable]
        return [*uv, "pip", "install", *options, *_as_uv_takes_it(os.environ)]
    raise UserError(
        f"Neither pip nor uv is there to install with (Python: {sys.executable}).",
        hint=f"`{sys.executable} -m ensurepip` brings pip.",
    )


def _uv() -> list[str] | None:
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else None


def _as_uv_takes_it(environment: Mapping[str, str]) -> list[str]:
    """The index, links and constraints that pip would have read from the environment."""
    arguments = [
        item
        for variable, option in _PIP_SETTINGS.items()
        for value in environment.get(variable, "").split()
        for item in (option, value)
    ]
    if environment.get("PIP_NO_INDEX", "0").lower() not in {"", "0", "false", "no", "off"}:
        arguments.append("--no-index")
    return arguments


def _unnamed() -> list[str]:
    """What the installed providers use without requiring it, since Airflow would bring it."""
    folders = {
        Path(str(file.locate())).parent
        for distribution in distributions()
        if (distribution.name or "").startswith(PREFIX)
        for file in distribution.files or ()
        if file.name == "get_provider_info.py"
    }
    return sorted({needed for folder in folders for needed in unnamed_requirements(folder)})


def _run(command: list[str]) -> None:
    """Run the installer; its words go on to the terminal, its complaints are read as well."""
    complaints: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            complaints.append(line)
            click.echo(line, nl=False, err=True)
    if process.returncode != 0:
        raise failure("".join(complaints), process.returncode)


def failure(complaints: str, code: int) -> TradewindError:
    """What an installer's complaints come down to."""
    if _NETWORK.search(complaints):
        return InfrastructureError(
            "The package index could not be reached.",
            hint="PIP_INDEX_URL (or -- --index-url URL) names another index, PIP_FIND_LINKS and "
            "-- --no-index a folder of wheels.",
        )
    if (missing := _NOT_THERE.search(complaints)) is not None:
        name = next(filter(None, missing.groups())).strip("`',.")
        return UserError(
            f"The package index has no {name}.",
            hint="Is the name right, is the version there, and is the index the one that you mean? "
            "`tradewind providers install NAME -- --index-url URL` takes another one.",
        )
    if _CONFLICT.search(complaints):
        return UserError(
            "No set of versions meets all requirements; the lines above say which disagree.",
            hint="Ask for another version of the provider (`'postgres<7'`), or loosen the "
            f"constraints. Tradewind counts as Apache Airflow {placeholder.VERSION} here.",
        )
    return UserError(f"The installer failed with exit code {code}; its own words are above.")

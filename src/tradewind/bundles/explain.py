"""An exception from a DAG file in words: what, where, and what to do about it."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tradewind.bundles.python2 import modern_form
from tradewind.bundles.results import FileError
from tradewind.compat.finder import AirflowNameError
from tradewind.compat.table import provider_of
from tradewind.core.errors import TradewindError
from tradewind.sdk.exceptions import (
    AirflowDagCycleException,
    ConnectionNotFound,
    DuplicateTaskIdFound,
    VariableNotFound,
)

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # the package `tradewind`
_LONGEST = 50_000

PIP_PACKAGES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docker": "docker",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "google": "google-api-python-client",
    "jwt": "PyJWT",
    "kubernetes": "kubernetes",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slack_sdk": "slack-sdk",
    "snowflake": "snowflake-connector-python",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Where the module's name does not say what to install."""


def explain(error: BaseException, root: str, file: str) -> FileError:
    """Describe what importing `file` below `root` raised."""
    kind, hint = _kind_and_hint(error, root, file)
    missing_kind, missing = _missing(error, root)
    where, line = _place(error, root, file)
    return FileError(
        kind=missing_kind or kind,
        message=_message(error)[:_LONGEST],
        file=where,
        line=line,
        traceback=user_traceback(error, root)[-_LONGEST:],
        hint=hint,
        missing=missing,
    )


def _missing(error: BaseException, root: str) -> tuple[str | None, str | None]:
    """What kind of thing is not there, and its name, when that is the reason."""
    if isinstance(error, VariableNotFound):
        return "missing_variable", error.key
    if isinstance(error, ConnectionNotFound):
        return "missing_connection", error.conn_id
    if isinstance(error, AirflowNameError):
        provider = provider_of(error.wanted)
        return ("missing_provider", provider) if provider else (None, None)
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None, None
    if error.name.startswith("airflow."):
        return None, None  # an installed provider, but not this part of it
    if _found_in_bundle(error.name.split(".")[0], root) or modern_form(error):
        return None, None
    return "missing_module", distribution(error.name)


def distribution(module: str) -> str:
    """What to install for a module."""
    if module.startswith("google.cloud."):
        return "-".join(module.split(".")[:3]).replace("_", "-")
    top = module.split(".")[0]
    return PIP_PACKAGES.get(top, top)


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"The file ended its process (sys.exit({error.code!r}))."
    text = str(error).strip()
    if text and isinstance(error, TradewindError | SyntaxError | AirflowNameError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def user_traceback(error: BaseException, root: str) -> str:
    """The traceback without our own and the import system's frames; paths start at the bundle."""
    shown = traceback.TracebackException.from_exception(error, compact=True)
    for part in _chain(shown):
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not _machinery(frame.filename)]
        )
    return "".join(shown.format()).replace(root + os.sep, "").rstrip()


def _chain(shown: traceback.TracebackException | None) -> Iterator[traceback.TracebackException]:
    while shown is not None:
        yield shown
        yield from _chain(shown.__cause__)
        for part in getattr(shown, "exceptions", None) or ():
            yield from _chain(part)
        shown = shown.__context__


def _machinery(filename: str) -> bool:
    return filename.startswith((_OURS + os.sep, "<frozen "))


def _place(error: BaseException, root: str, file: str) -> tuple[str, int | None]:
    """The innermost place in the bundle; for a syntax error, where the text is wrong."""
    if isinstance(error, SyntaxError) and error.filename:
        return _relative(error.filename, root), error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(root + os.sep):
            return _relative(frame.filename, root), frame.lineno
    return file, None


def _relative(filename: str, root: str) -> str:
    return filename.removeprefix(root + os.sep)


# --- hints ----------------------------------------------------------------------------------------


def _kind_and_hint(error: BaseException, root: str, file: str) -> tuple[str, str | None]:
    given = getattr(error, "hint", None) or modern_form(error)
    for types, kind, hint in _HINTS:
        if isinstance(error, types):
            found = given or (hint(error, root, file) if callable(hint) else hint)
            return kind, found
    return "error", given


def _syntax(error: BaseException, root: str, file: str) -> str:
    assert isinstance(error, SyntaxError)
    return f"Python {sys.version_info.major}.{sys.version_info.minor} cannot read this line."


def _missing_module(error: BaseException, root: str, file: str) -> str | None:
    assert isinstance(error, ImportError)
    if error.name is None or isinstance(error, AirflowNameError):
        return None  # its message says what to do
    if error.name.startswith("airflow."):
        return "The installed version of the provider lacks it: see the provider's changelog."
    top = error.name.split(".")[0]
    inside = _found_in_bundle(top, root)
    if inside is not None:
        folder = os.path.dirname(inside)
        return (
            f"{inside} is in the bundle, but imports start at the bundle's root and at the DAG"
            f" file's own folder: import it as `{(inside.removesuffix('.py')).replace('/', '.')}`,"
            f" or move it out of {folder or 'there'}."
        )
    return (
        f"Install it where DAGs are parsed and run (pip install {distribution(error.name)}). If"
        f" it is a module of your own, put {top}.py or {top}/ at the bundle's root or beside"
        f" {file}."
    )


def _found_in_bundle(name: str, root: str) -> str | None:
    for pattern in (f"{name}.py", f"{name}/__init__.py"):
        for found in sorted(Path(root).rglob(pattern)):
            return str(found.relative_to(root)).removesuffix("/__init__.py")
    return None


def _missing_name(error: BaseException, root: str, file: str) -> str | None:
    name = getattr(error, "name", None)
    if name and "partially initialized" in str(error):
        return f"{name} and the module that imports it import each other: break the circle."
    return "Check the spelling, and which version of the package is installed."


_EXIT = (
    "A DAG file is imported, not run as a script: put what is to run only as a script under"
    ' `if __name__ == "__main__":`.'
)
_MEMORY = (
    "Importing the file took more memory than a DAG file may (dag_processor.memory_limit_mb)."
    " Load data inside of tasks, not at the top of the file."
)
_RECURSION = "Functions of this file, or tasks of a group, call each other without end."


def _argument(error: BaseException, root: str, file: str) -> str | None:
    if "argument" not in str(error):
        return None
    return "Check the arguments against the signature of what the traceback's last line calls."


_Hint = str | Callable[[BaseException, str, str], str | None] | None
_HINTS: list[tuple[type[BaseException], str, _Hint]] = [
    (SyntaxError, "syntax", _syntax),
    (ModuleNotFoundError, "missing_module", _missing_module),
    (ImportError, "missing_name", _missing_name),
    (SystemExit, "exit", _EXIT),
    (MemoryError, "memory", _MEMORY),
    (RecursionError, "error", _RECURSION),
    (KeyboardInterrupt, "exit", _EXIT),
    (TypeError, "error", _argument),
    (AirflowDagCycleException, "cycle", "Take one of the arrows (>>, <<) in the circle away."),
    (DuplicateTaskIdFound, "invalid", "Give each task of the DAG an id of its own."),
    (TradewindError, "invalid", None),
]

"""Calling a function in another Python interpreter, through a script and pickles.

The function's source travels, not the function: it must import what it uses. Arguments and result
are pickled, so both sides need the classes of what is handed over. Written so that the interpreter
on the other side may be older than this one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tradewind.sdk.exceptions import AirflowException, DeserializingResultError
from tradewind.sdk.optional import optional_module

SERIALIZERS = ("pickle", "cloudpickle", "dill")

_PICKLE_PROTOCOL = 4  # the newest that Python 3.4 to 3.7 can read

_SCRIPT = """\
from __future__ import annotations

import os as _os
import sys

import {serializer} as _library

_, _input_path, _output_path, _strings_path, _error_path = sys.argv
try:
    from tradewind import compat as _compat
except ImportError:
    pass
else:
    _compat.install()
    try:
        from tradewind.sdk.handed_over import connect as _connect
    except ImportError:
        pass
    else:
        _connect()

{source}

_call = {{"args": [], "kwargs": {{}}}}
if _os.path.getsize(_input_path):
    with open(_input_path, "rb") as _file:
        _call = _library.load(_file)
try:
    import pendulum as _pendulum
except ImportError:
    pass
else:
    for _name in _call.get("pendulum_kwargs", ()):
        _call["kwargs"][_name] = _pendulum.instance(_call["kwargs"][_name])
if _os.path.exists(_strings_path):
    with open(_strings_path) as _file:
        virtualenv_string_args = [_line.strip() for _line in _file]
try:
    _result = {function}(*_call["args"], **_call["kwargs"])
except Exception as _error:
    with open(_error_path, "w") as _file:
        _file.write("%s: %s" % (type(_error).__name__, _error))
    raise
with open(_output_path, "wb") as _file:
    _library.dump(_result, _file, protocol={protocol})
"""


def script(source: str, function: str, serializer: str) -> str:
    """A program that calls the function. Its arguments are paths: of the pickled arguments (an
    empty file when there are none), the result, the string arguments (need not exist), the error.
    """
    return _SCRIPT.format(
        serializer=serializer, source=source, function=function, protocol=_PICKLE_PROTOCOL
    )


@dataclass(frozen=True)
class ExternalCall:
    """One call: `source` defines `function`, which gets `args`, `kwargs` and the global
    `virtualenv_string_args`. `serializer` is one of SERIALIZERS."""

    source: str
    function: str
    args: Collection[Any]
    kwargs: Mapping[str, Any]
    string_args: Collection[str] = ()
    serializer: str = "pickle"

    def prepare(self, folder: Path) -> list[str]:
        """Write what the other side needs; gives the arguments for its interpreter."""
        program, arguments, result, strings, error = self._files(folder)
        program.write_text(script(self.source, self.function, self.serializer))
        arguments.write_bytes(self._pickled_arguments())
        strings.write_text("\n".join(map(str, self.string_args)))
        return [os.fspath(path) for path in (program, arguments, result, strings, error)]

    def _pickled_arguments(self) -> bytes:
        """Pendulum's times travel as plain ones: the other side may have another one, or none."""
        library = _library(self.serializer)
        plain = {name: _plain(value) for name, value in self.kwargs.items()}
        pendulum_kwargs = [name for name in plain if plain[name] is not self.kwargs[name]]
        content = {
            "args": [_plain(value) for value in self.args],
            "kwargs": plain,
            "pendulum_kwargs": pendulum_kwargs,
        }
        try:
            pickled: bytes = library.dumps(content, protocol=_PICKLE_PROTOCOL)
        except Exception as error:
            bad = [name for name, value in plain.items() if not _can_pickle(library, value)]
            raise AirflowException(
                f"Failed to serialize the arguments with {self.serializer}"
                + (f"; these cannot be pickled: {bad}" if bad else "")
                + f" ({error}). Pass plain values, such as ti.run_id instead of ti."
            ) from error
        return pickled

    def result(self, folder: Path) -> Any:
        path = self._files(folder)[2]
        try:
            return _library(self.serializer).loads(path.read_bytes())
        except (ValueError, ImportError, AttributeError) as error:
            raise DeserializingResultError(
                f"The result of {self.function} cannot be read here: {error}. Return plain values, "
                "or classes of packages that are installed on both sides."
            ) from error

    def error(self, folder: Path) -> str | None:
        """What the function raised, if it did."""
        path = self._files(folder)[4]
        return path.read_text() if path.exists() else None

    @staticmethod
    def _files(folder: Path) -> tuple[Path, Path, Path, Path, Path]:
        names = ("script.py", "script.in", "script.out", "string_args.txt", "termination.log")
        program, arguments, result, strings, error = (folder / name for name in names)
        return program, arguments, result, strings, error


def _library(name: str) -> Any:
    return optional_module(name, package=name, needed_by=f"serializer={name!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and type(value).__module__.startswith("pendulum"):
        return datetime.fromtimestamp(value.timestamp(), _plain_zone(value))
    return value


def _plain_zone(value: Any) -> Any:
    from datetime import timezone
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value.timezone_name)
    except (KeyError, TypeError, ValueError):
        return timezone(value.utcoffset())


def _can_pickle(library: Any, value: Any) -> bool:
    try:
        library.dumps(value)
    except Exception:
        return False
    return True

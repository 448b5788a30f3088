"""Reading and writing the files that people import and export: JSON, YAML and, as Airflow, .env."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tradewind.core.errors import UserError

STDOUT = Path("-")
FILE_FORMATS = ("json", "yaml", "env")


def file_format(file: Path) -> str:
    """What a file's name says that it holds; JSON where it says nothing."""
    by_ending = {".yaml": "yaml", ".yml": "yaml", ".env": "env"}
    return "env" if file.name == ".env" else by_ending.get(file.suffix.lower(), "json")


def read_object(file: Path) -> dict[str, Any]:
    """The names and values in a file; raises `UserError` that names the file."""
    try:
        text = file.read_text()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not text in UTF-8.") from error
    found = {"json": _parse_json, "yaml": _parse_yaml, "env": _parse_env}[file_format(file)](
        file, text
    )
    if not isinstance(found, dict):
        raise UserError(f"{file} must hold an object of names and values.")
    if numbers := [name for name in found if not isinstance(name, str)]:  # YAML's keys may be any
        raise UserError(f"{file}: the name {numbers[0]!r} is not a text.", hint="Quote it.")
    return found


def _parse_json(file: Path, text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise UserError(f"{file} is not valid JSON: {error}.") from error


def _parse_yaml(file: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter: a date such as 2026-02-30
        raise UserError(f"{file} is not valid YAML: {error}") from error
    except RecursionError as error:
        raise UserError(f"{file} is nested too deeply.") from error


def _parse_env(file: Path, text: str) -> dict[str, str]:
    """Lines of NAME=value; empty lines and those that begin with # are passed over."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{file}, line {number}: {line!r} is not of the form NAME=value.")
        if name.strip() in found:
            raise UserError(f"{file}, line {number}: {name.strip()} is there twice.")
        found[name.strip()] = value
    return found


def write_object(
    file: Path, values: Mapping[str, Any], kind: str, *, private: bool = False
) -> None:
    """Write names and values in one of `FILE_FORMATS`; `-` is the standard output.

    `private`: the file is for its owner alone, from its first byte. Raises `UserError` that names
    the file.
    """
    text = _formatted(values, kind)
    if file == STDOUT:
        click.echo(text, nl=False)
        return
    try:
        if private:
            file.touch(mode=0o600)
            file.chmod(0o600)
        file.write_text(text, errors="backslashreplace")  # as JSON itself writes half a surrogate
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error


def _formatted(values: Mapping[str, Any], kind: str) -> str:
    if kind == "env":
        return "".join(f"{name}={value}\n" for name, value in values.items())
    if kind == "yaml":
        import yaml

        return yaml.safe_dump(dict(values), sort_keys=False)
    return json.dumps(values, indent=4, ensure_ascii=False) + "\n"


def parse_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object from the command line; `what` names the option in the error."""
    try:
        value = parse_json(text)
    except ValueError as error:
        raise UserError(
            f"{what} is not valid JSON: {error}.",
            hint='Quote it for the shell: \'{"key": "value"}\'.',
        ) from error
    if not isinstance(value, dict):
        raise UserError(f"{what} must be a JSON object, not {text}.")
    return value


def parse_json(text: str) -> Any:
    """What a JSON text says; raises ValueError, also for numbers that only Python knows as JSON."""
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number that JSON can hold")
    return number

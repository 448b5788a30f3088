"""Reading and writing the JSON and YAML files that people import and export."""

import json
from pathlib import Path
from typing import Any

from tradewind.core.errors import UserError


def read_json(file: Path) -> dict[str, Any]:
    """The object in a `.json`, `.yaml` or `.yml` file; raises `UserError` that names the file."""
    try:
        text = file.read_text()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    found = _parse_yaml(file, text) if file.suffix in (".yaml", ".yml") else _parse(file, text)
    if not isinstance(found, dict):
        raise UserError(f"{file} must hold an object of names and values.")
    return found


def _parse(file: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{file} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error


def _parse_yaml(file: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{file} is not valid YAML: {error}") from error


def write_json(file: Path, value: Any) -> None:
    """Write indented JSON, or YAML if the name ends so; raises `UserError` that names the file."""
    if file.suffix in (".yaml", ".yml"):
        import yaml

        text = yaml.safe_dump(value, sort_keys=False)
    else:
        text = json.dumps(value, indent=4, ensure_ascii=False) + "\n"
    try:
        file.write_text(text)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error


def parse_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object from the command line; `what` names the option in the error."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{what} is not valid JSON: {error.msg} at character {error.pos}.",
            hint='Quote it for the shell: \'{"key": "value"}\'.',
        ) from error
    if not isinstance(value, dict):
        raise UserError(f"{what} must be a JSON object, not {text}.")
    return value

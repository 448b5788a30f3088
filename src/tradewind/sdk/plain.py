"""Values of DAG files as plain JSON data, for the document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from tradewind.core.errors import InvalidDag


def plain(value: Any, where: str) -> Any:
    """The value as JSON can say it: sets sorted, Kubernetes models with the API's own field names.

    Raises InvalidDag, with `where` in it, for a value that has no such form.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value.value if isinstance(value, Enum) else value
        case Mapping():
            return {str(key): plain(item, f"{where}.{key}") for key, item in value.items()}
        case list() | tuple():
            return [plain(item, where) for item in value]
        case set() | frozenset():
            return sorted((plain(item, where) for item in value), key=str)
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Enum():
            return plain(value.value, where)
    names = getattr(value, "attribute_map", None)
    if isinstance(names, Mapping):  # a model of the kubernetes client
        return {
            json_name: plain(getattr(value, name), f"{where}.{name}")
            for name, json_name in names.items()
            if getattr(value, name) is not None
        }
    raise InvalidDag(
        f"{where} holds a {type(value).__name__}, which cannot be stored: {value!r}",
        hint="Use plain values (text, numbers, lists, dicts) or models of the kubernetes client.",
    )

"""What the templates of a task came to, for people: JSON, secrets masked, long values cut."""

import inspect
from typing import Any

from tradewind.runner.logs import writable
from tradewind.runner.masking import masker

_LONGEST = 4096
"""Characters, as Airflow's default of `core.max_templated_field_length`."""


def rendered_fields(task: Any) -> dict[str, Any]:
    """By name; also entries like `field.part`, for which the class declares a renderer."""
    fields = {name: _shown(getattr(task, name, None), name) for name in task.template_fields}
    for path in task.template_fields_renderers:
        field, _, inner = path.partition(".")
        if inner and field in fields:
            value = _at(getattr(task, field, None), inner.split("."))
            if value is not None:
                fields[path] = _shown(value, path)
    return fields


def says_something(fields: dict[str, Any]) -> bool:
    """False when nothing was given to any template field, so there is nothing to show."""
    return any(value not in (None, "", [], {}) for value in fields.values())


def _at(value: Any, path: list[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
        if value is None:
            return None
    return value


def _shown(value: Any, name: str) -> Any:
    plain = masker.redact(_plain(value), name)
    text = str(plain)
    if len(text) <= _LONGEST:
        return plain
    return (
        f"Truncated. You can change this behaviour by shortening the value: {text[:_LONGEST]!r}... "
    )


def _plain(value: Any) -> Any:
    """JSON of anything, the same at each call: no addresses, sets and keys in order."""
    if value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        pairs = [(str(_plain(key)), _plain(inner)) for key, inner in value.items()]
        return dict(sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(
            (_plain(item) for item in value), key=lambda item: (str(type(item)), str(item))
        )
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    cls = type(value)
    if callable(inspect.getattr_static(value, "serialize", None)):
        return _plain(value.serialize())
    if cls.__module__.startswith("kubernetes") and hasattr(value, "to_dict"):
        return _plain(value.to_dict())
    if callable(value):
        return (
            f"<callable {getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}>"
        )
    if any("__str__" in base.__dict__ or "__repr__" in base.__dict__ for base in cls.__mro__[:-1]):
        return str(value)
    return f"<{cls.__module__}.{cls.__qualname__} object>"

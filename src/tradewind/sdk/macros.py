"""What templates call as `macros.…`, with Airflow's names."""

import json
import time
import uuid
from datetime import datetime, timedelta
from random import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pendulum import DateTime

__all__ = [
    "datetime",
    "datetime_diff_for_humans",
    "ds_add",
    "ds_format",
    "ds_format_locale",
    "json",
    "random",
    "time",
    "timedelta",
    "uuid",
]

_LAZY_MODULES = frozenset({"dateutil", "yaml"})  # few templates use them, each costs start-up time


def __getattr__(name: str) -> Any:
    if name not in _LAZY_MODULES:
        raise AttributeError(f"macros has no {name!r}")
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        package = {"yaml": "pyyaml", "dateutil": "python-dateutil"}[name]
        raise ModuleNotFoundError(
            f"macros.{name} needs the package {package}, which is not installed where this task "
            f"runs. Install it with: pip install {package}",
            name=missing.name,
        ) from missing


def ds_add(ds: str, days: int) -> str:
    """The date `days` after (or, negative, before) `ds`, both as YYYY-MM-DD."""
    if not days:
        return str(ds)
    return (datetime.strptime(str(ds), "%Y-%m-%d") + timedelta(days=days)).strftime("%Y-%m-%d")


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """A date in another notation; the formats are `strptime`'s."""
    return datetime.strptime(str(ds), input_format).strftime(output_format)


def ds_format_locale(
    ds: str, input_format: str, output_format: str, locale: Any | None = None
) -> str:
    """Like `ds_format` in a language's words: `output_format` and `locale` are Babel's."""
    try:
        from babel import Locale  # type: ignore[import-not-found, unused-ignore]  # optional
        from babel.dates import (  # type: ignore[import-not-found, unused-ignore]
            LC_TIME,
            format_datetime,
        )
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "macros.ds_format_locale needs the package babel, which is not installed where this "
            "task runs. Install it with: pip install babel",
            name=missing.name,
        ) from missing
    moment = datetime.strptime(str(ds), input_format)
    chosen = locale or LC_TIME or Locale("en_US")
    return str(format_datetime(moment, format=output_format, locale=chosen))


def datetime_diff_for_humans(dt: datetime, since: "DateTime | None" = None) -> str:
    """How long ago, in words; with `since`, how much before or after that."""
    import pendulum

    return pendulum.instance(dt).diff_for_humans(since)

"""What templates call as `macros.…`, with Airflow's names."""

import json
import time
import uuid
from datetime import datetime, timedelta
from random import random
from typing import TYPE_CHECKING, Any

from tradewind.sdk.optional import optional_module

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

_LAZY_MODULES = {"dateutil": "python-dateutil", "yaml": "pyyaml"}
"""Few templates use them, and each costs start-up time. Module → its package."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY_MODULES:
        raise AttributeError(f"macros has no {name!r}")
    return optional_module(name, package=_LAZY_MODULES[name], needed_by=f"macros.{name}")


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
    needed_by = "macros.ds_format_locale"
    babel = optional_module("babel", package="babel", needed_by=needed_by)
    dates = optional_module("babel.dates", package="babel", needed_by=needed_by)
    moment = datetime.strptime(str(ds), input_format)
    chosen = locale or dates.LC_TIME or babel.Locale("en_US")
    return str(dates.format_datetime(moment, format=output_format, locale=chosen))


def datetime_diff_for_humans(dt: datetime, since: "DateTime | None" = None) -> str:
    """How long ago, in words; with `since`, how much before or after that."""
    import pendulum

    return pendulum.instance(dt).diff_for_humans(since)

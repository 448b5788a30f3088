"""What a DAG file imports: every name of `airflow.sdk` 3.3, and some that only Tradewind exports.

Light: importing this imports nothing else. Each name brings its module when it is first used; heavy
packages (pendulum, Jinja, jsonschema, dateutil) come later still.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from tradewind.sdk.exports import EXPORTS

__version__ = "1.3.2"
"""Of Airflow's task SDK that this one is the equal of; provider packages look at it."""


def __getattr__(name: str) -> Any:
    """Find `name` in the module that has it."""
    target = EXPORTS.get(name)
    if target is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"tradewind.sdk.{target}")
    value = getattr(module, name, module)  # `macros` and `lineage` are modules themselves
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*EXPORTS, "__version__"])


class _Package(ModuleType):
    """Importing the submodule `dag` must not hide the export `dag`, which is a function in it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in EXPORTS or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

__all__ = sorted(EXPORTS)  # one table for both

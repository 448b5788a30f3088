"""Packages that only some DAGs need."""

from importlib import import_module
from typing import Any

from tradewind.core.errors import UserError


class MissingPackage(UserError, ModuleNotFoundError):
    """Something needs a package that is not installed where it runs."""


def optional_module(name: str, *, package: str, needed_by: str) -> Any:
    """The module `name`. Raises MissingPackage that names the package(s) to install."""
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        raise MissingPackage(
            f"{needed_by} needs a package that is not installed where this runs: "
            f"pip install {package}"
        ) from missing

"""Places that a provider's names had in older versions of its package."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


class DeprecatedImportWarning(FutureWarning):
    """A name was imported from its old place."""


def add_deprecated_classes(
    module_imports: Mapping[str, Mapping[str, str]],
    package: str,
    override_deprecated_classes: Mapping[str, Mapping[str, str]] | None = None,
    extra_message: str | None = None,
    message: str | None = None,
) -> None:
    """Make names importable from old places, with a warning that names the new ones.

    module_imports: old module, below `package` or `package` itself → name → its new import path.
        The name "*" stands for all: the path is then that of the new module.
    override_deprecated_classes: as module_imports: what the warning is to say instead.
    extra_message: added to the warning. message: instead of it, with {module}, {name}, {target}.
    """
    template = message or "The `{module}.{name}` attribute is deprecated. Please use `{target!r}`."
    if extra_message and not message:
        template += f" {extra_message}."
    for name, moved in module_imports.items():
        advised = (override_deprecated_classes or {}).get(name, {})
        if name == package:
            vars(sys.modules[package])["__getattr__"] = _redirect(package, moved, advised, template)
        elif (place := f"{package}.{name}") not in sys.modules:
            sys.modules[place] = module = ModuleType(place)
            vars(module)["__getattr__"] = _redirect(place, moved, advised, template)


def _redirect(
    module: str, moved: Mapping[str, str], advised: Mapping[str, str], template: str
) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        path = moved.get(name)
        if path is None and "*" in moved and not name.startswith("__"):
            path = f"{moved['*']}.{name}"
        if path is None:
            raise AttributeError(f"The module `{module!r}` has no attribute `{name!r}`")
        text = template.format(module=module, name=name, target=advised.get(name, path))
        warnings.warn(text, DeprecatedImportWarning, stacklevel=2)
        new_module, _, new_name = path.rpartition(".")
        return getattr(import_module(new_module), new_name)

    return find

"""Small functions of `airflow.utils` that DAG files of all ages use."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pkgutil import ModuleInfo, iter_modules
from types import ModuleType
from typing import Any, TypeVar

from tradewind.sdk.authoring import validate_key

__all__ = [
    "as_flattened_list",
    "chunks",
    "convert_camel_to_snake",
    "exactly_one",
    "get_random_string",
    "import_string",
    "is_container",
    "iter_namespace",
    "merge_dicts",
    "prune_dict",
    "qualname",
    "to_boolean",
    "validate_key",
]

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])


def apply_defaults(function: Function) -> Function:
    """Airflow 1's decorator of `__init__`: operators apply default_args without it."""
    return function


def import_string(dotted_path: str) -> Any:
    """The object that "module.name" says."""
    module, _, name = dotted_path.rpartition(".")
    if not module:
        raise ImportError(f"{dotted_path} doesn't look like a module path")
    try:
        return getattr(import_module(module), name)
    except AttributeError:
        raise ImportError(f"Module {module!r} does not define {name!r}") from None


def iter_namespace(ns: ModuleType) -> Iterator[ModuleInfo]:
    """The modules of a package."""
    return iter_modules(ns.__path__, f"{ns.__name__}.")


def is_valid_dotpath(path: Any) -> bool:
    """Whether it could be the dotted name of a module or of something in one."""
    return isinstance(path, str) and all(map(str.isidentifier, path.split(".")))


def qualname(o: Any, use_qualname: bool = False) -> str:
    """ "module.name" of a class, function, or an instance's class."""
    if not hasattr(o, "__qualname__"):
        o = type(o)
    return f"{o.__module__}.{o.__qualname__ if use_qualname else o.__name__}"


def get_random_string(
    length: int = 8, choices: Sequence[str] = string.ascii_letters + string.digits
) -> str:
    return "".join(random.choices(choices, k=length))


def to_boolean(astring: str | None) -> bool:
    return astring is not None and astring.lower() in {"true", "t", "y", "yes", "1"}


def is_container(obj: Any) -> bool:
    """Whether it can be iterated over and is no text."""
    return isinstance(obj, Iterable) and not isinstance(obj, str | bytes)


def as_flattened_list(iterable: Iterable[Any]) -> list[Any]:
    """All elements of lists in lists, in order."""
    parts = (as_flattened_list(item) if is_container(item) else [item] for item in iterable)
    return [item for part in parts for item in part]


def chunks(items: list[T], chunk_size: int) -> Iterator[list[T]]:
    """The list in pieces of `chunk_size`."""
    if chunk_size <= 0:
        raise ValueError("Chunk size must be a positive integer")
    for start in range(0, len(items), chunk_size):
        yield items[start : start + chunk_size]


def convert_camel_to_snake(camel_str: str) -> str:
    return re.sub(r"(?!^)([A-Z]+)", r"_\1", camel_str).lower()


def merge_dicts(dict1: dict[Any, Any], dict2: dict[Any, Any]) -> dict[Any, Any]:
    """A new dict; the second one wins, dicts inside are merged likewise."""
    merged = dict(dict1)
    for key, value in dict2.items():
        mine = merged.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            value = merge_dicts(mine, value)
        merged[key] = value
    return merged


def prune_dict(val: Any, mode: str = "strict") -> Any:
    """Without entries that are None, or with mode "truthy" without those that are not true."""
    if mode not in {"strict", "truthy"}:
        raise ValueError(f"unknown mode {mode!r}; there are strict and truthy")

    def keep(value: Any) -> bool:
        return value is not None if mode == "strict" else bool(value)

    if isinstance(val, dict):
        pruned = {key: prune_dict(value, mode) for key, value in val.items() if keep(value)}
        return {key: value for key, value in pruned.items() if keep(value)}
    if isinstance(val, list):
        return [item for item in (prune_dict(v, mode) for v in val if keep(v)) if keep(item)]
    return val


def exactly_one(*args: Any) -> bool:
    return sum(map(bool, args)) == 1

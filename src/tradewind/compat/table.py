"""Reads the table: what an Airflow module offers, and what each of its names stands for.

A row of the table is a module with its names as text, parsed when the module is first imported:
``"tradewind.sdk: DAG dag"`` or, renamed, ``"airflow.sdk: Dataset=Asset"``. Several sources are
separated by ``;``. ``*`` is every name that the source offers, ``name=.`` the source module itself.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from tradewind.compat.table_current import CURRENT
from tradewind.compat.table_missing import FAMILIES, explain, provider_of
from tradewind.compat.table_old import ADVICE, OLD
from tradewind.compat.table_providers import PROVIDERS
from tradewind.compat.table_retired import RETIRED

__all__ = [
    "Name",
    "Row",
    "explain_missing",
    "modules",
    "moved_names",
    "provider_of",
    "provider_packages",
    "retired",
    "row",
]


@dataclass(frozen=True)
class Name:
    """Where a name of an Airflow module is found. `attribute` "" is the module itself.

    For an old name that has a modern form, `module` is the modern Airflow module: so the advice and
    the object cannot differ. `advice` is set for every old name.
    """

    module: str
    attribute: str
    advice: str | None = None


@dataclass(frozen=True)
class Row:
    """What one Airflow module offers. `everything_of`: our modules all of whose names it has."""

    names: Mapping[str, Name]
    everything_of: tuple[str, ...] = ()


@cache
def provider_packages() -> frozenset[str]:
    """The packages that hold providers."""
    return frozenset({"airflow.providers", *(f"airflow.providers.{name}" for name in FAMILIES)})


@cache
def modules() -> frozenset[str]:
    """Every Airflow module of the table, and the packages that they are in."""
    tables = (*CURRENT, *PROVIDERS, *OLD, *moved())
    return provider_packages().union(*(_with_parents(module) for module in tables))


@cache
def retired() -> frozenset[str]:
    """Modules that providers have, or had, with names that they had; there if the provider is."""
    return frozenset().union(*(_with_parents(module) for module in RETIRED))


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


@cache
def moved() -> Mapping[str, str]:
    """Airflow module → what of it provider packages have today; it works where they are installed.

    The file's lines are rows without "airflow." and "airflow.providers.": "old -> new: names".
    Airflow 1 also had what is in `airflow.operators.x` in `airflow.operators`, and so on.
    """
    rows = dict.fromkeys(("airflow.operators", "airflow.hooks", "airflow.sensors"), "")
    with open(os.path.join(os.path.dirname(__file__), "moved_to_providers.txt")) as file:
        lines = file.read().splitlines()
    for line in lines:
        module, _, sources = line.partition(" -> ")
        text = "; ".join(f"airflow.providers.{source}" for source in sources.split("; "))
        rows[f"airflow.{module}"] = text
        package = f"airflow.{module.rpartition('.')[0]}"
        if package in rows:
            rows[package] += f"{text}; "
    return rows


def moved_names(module: str) -> list[tuple[str, str]]:
    """(name, provider's module) of what providers have today of a module."""
    return [(name, source) for source, name, _ in _items(moved().get(module, ""))]


@cache
def row(module: str) -> Row:
    """A package that only holds other modules has an empty row."""
    names: dict[str, Name] = {}
    everything_of: list[str] = []
    for old in (moved(), OLD, RETIRED):
        for source, name, attribute in _items(old.get(module, "")):
            names[name] = Name(source, attribute, _advice(module, name, source, attribute))
    for table in (PROVIDERS, CURRENT):
        for source, name, attribute in _items(table.get(module, "")):
            if name == "*":
                everything_of.append(source)
            else:
                names[name] = Name(source, attribute)
    return Row(MappingProxyType(names), tuple(everything_of))


def _items(text: str) -> Iterator[tuple[str, str, str]]:
    for part in text.split(";"):
        source, _, listed = part.partition(":")
        for item in listed.split():
            name, _, attribute = item.partition("=")
            yield source.strip(), name, "" if attribute == "." else attribute or name


def _advice(module: str, name: str, source: str, attribute: str) -> str:
    for key in (f"{module}.{name}", f"{source}.{attribute}", source):
        if key in ADVICE:
            return f"{module}.{name} is an old name; {ADVICE[key]}"
    if source.startswith("tradewind."):
        return f"{module}.{name} is an old name that Airflow 3 no longer has."
    modern = f"from {source} import {attribute}" if attribute else f"import {source}"
    return f"{module}.{name} is an old name; write `{modern}`."


def explain_missing(fullname: str) -> str:
    """Why `fullname`, a module or a name in one, cannot be imported, and what to do instead."""
    advice = explain(fullname) or (
        f"It is not planned. {_similar(fullname)}All names are in docs/compatibility.md."
    )
    return f"Tradewind has no {fullname!r}. {advice}"


def _similar(fullname: str) -> str:
    """A misspelled name of a module that there is, or a module that has the name."""
    module, _, name = fullname.rpartition(".")
    near = [f"{module}.{other}" for other in get_close_matches(name, row(module).names)]
    near = near or [f"{other}.{name}" for other in sorted(modules()) if name in row(other).names]
    near = near or get_close_matches(fullname, modules(), cutoff=0.85)
    return f"Did you mean {' or '.join(near[:3])}? " if near else ""

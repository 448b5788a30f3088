"""The importer for `airflow` and everything below it."""

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from tradewind.compat import table
from tradewind.sdk.old_names import note_old_name

_IMPORT_SYSTEM = import_module.__globals__["_bootstrap"].__name__


class AirflowNameError(ModuleNotFoundError):
    """An Airflow module or name that Tradewind lacks; the message says what to do instead."""


def install() -> bool:
    """Let `import airflow…` find our names; False, and nothing done, when Apache Airflow is there.

    Costs nothing until something is imported; calling it again changes nothing.
    """
    if any(isinstance(finder, AirflowFinder) for finder in sys.meta_path):
        return True
    if apache_airflow_is_installed():
        return False
    sys.meta_path.insert(0, AirflowFinder())
    return True


def apache_airflow_is_installed() -> bool:
    """Whether the core is importable. Provider packages alone share its namespace but lack it."""
    spec = PathFinder.find_spec("airflow")
    if spec is None or spec.origin is None:
        return False
    return os.path.isdir(os.path.join(os.path.dirname(spec.origin), "models"))


class AirflowFinder:
    """Finds the table's modules; lets provider packages that are installed for real be found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "airflow" and not fullname.startswith("airflow."):
            return None
        if fullname in table.modules():
            # All are packages: then Python asks for `module.name` when a name is missing in
            # `from module import name`, and the answer below is what the user reads.
            spec = ModuleSpec(fullname, _LOADER, is_package=True)  # type: ignore[arg-type]
            spec.submodule_search_locations = list(_installed_folders(fullname))
            return spec
        if path and (found := PathFinder.find_spec(fullname, path)) is not None:
            return found
        raise AirflowNameError(table.explain_missing(fullname))


def _installed_folders(package: str) -> Iterator[str]:
    """Folders on `sys.path` in which provider distributions extend `package`.

    Only the packages that hold providers: half of one of ours and half of a real one would be
    neither.
    """
    if package in table.provider_packages():
        relative = package.replace(".", os.sep)
        for entry in sys.path:
            folder = os.path.join(entry or os.curdir, relative)
            if os.path.isdir(folder):
                yield folder


class _AirflowModule(ModuleType):
    """A module whose names are looked up in the table when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        row = table.row(self.__name__)
        if name in row.names:
            # `from module import name` asks twice: the import system first, then the statement.
            asker = sys._getframe(1).f_globals.get("__name__")
            return _resolve(self, name, row.names[name], silent=asker == _IMPORT_SYSTEM)
        if name == "__all__":
            return sorted(_offered(row))
        if name.startswith("__"):
            raise AttributeError(name)
        for module in row.everything_of:
            source = import_module(module)
            if hasattr(source, name):
                return getattr(source, name)
        fullname = f"{self.__name__}.{name}"
        if fullname in table.modules():
            return import_module(fullname)
        raise AttributeError(table.explain_missing(fullname))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_offered(table.row(self.__name__))})


def _resolve(module: ModuleType, name: str, found: table.Name, *, silent: bool) -> Any:
    if found.advice is not None and not silent:
        note_old_name(found.advice, stacklevel=3)  # _resolve, __getattr__, the DAG file
    source = import_module(found.module)
    value = getattr(source, found.attribute) if found.attribute else source
    if found.advice is None:
        # Old names are not kept, so that every DAG file that uses one hears of it.
        setattr(module, name, value)
    return value


def _offered(row: table.Row) -> Iterator[str]:
    yield from row.names
    for source in row.everything_of:
        loaded = import_module(source)
        yield from getattr(loaded, "__all__", None) or (
            name for name in vars(loaded) if not name.startswith("_")
        )


class _AirflowLoader:
    """A loader by its methods; the base class in `importlib.abc` takes 20 ms to import."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AirflowModule(spec.name, f"{spec.name}, on top of Tradewind's SDK.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: names come when they are asked for."""


_LOADER = _AirflowLoader()

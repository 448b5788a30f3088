"""The importer for `airflow` and everything below it."""

import builtins
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from tradewind.compat import table
from tradewind.sdk.old_names import note_old_name

# Half of our standard provider and half of an installed one would be neither.
_ALWAYS_OURS = "airflow.providers.standard"

_EXAMPLES = "airflow.example_dags"

_IMPORT_SYSTEM = "importlib._bootstrap"


class AirflowNameError(ModuleNotFoundError):
    """An Airflow module or name that Tradewind lacks; the message says what to do instead.

    `wanted` is its full name. The usual attribute `name` stays empty: with it, the import system
    takes the error for its own and hides the message.
    """

    def __init__(self, message: str, wanted: str) -> None:
        super().__init__(message)
        self.wanted = wanted


def install() -> bool:
    """Let `import airflow…` find our names; False, and nothing done, when Apache Airflow is there.

    Costs nothing until something is imported; calling it again changes nothing.
    """
    if any(isinstance(finder, AirflowFinder) for finder in sys.meta_path):
        return True
    if where_apache_airflow_is() is not None:
        return False
    sys.meta_path.insert(0, AirflowFinder())
    return True


def where_apache_airflow_is() -> str | None:
    """The core's folder, if it is installed. Provider packages alone share its namespace."""
    spec = PathFinder.find_spec("airflow")
    if spec is None or spec.origin is None:
        return None
    folder = os.path.dirname(spec.origin)
    return folder if os.path.isdir(os.path.join(folder, "models")) else None


class AirflowFinder:
    """Finds the table's modules; lets provider packages that are installed for real be found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "airflow" and not fullname.startswith("airflow."):
            return None
        if _may_be_installed(fullname):
            if (found := _installed(fullname, path)) is not None:
                return _with_retired_names(found)
            if _is_installed(_provider(fullname)):
                return _ours(fullname) if fullname in table.retired() else None
        if fullname in table.modules():
            return _ours(fullname)
        raise AirflowNameError(table.explain_missing(fullname), fullname)


def _ours(fullname: str) -> ModuleSpec:
    # All are packages: then Python asks for `module.name` when a name is missing in
    # `from module import name`, and the answer above is what the user reads.
    spec = ModuleSpec(fullname, _LOADER, is_package=True)  # type: ignore[arg-type]
    spec.submodule_search_locations = list(_installed_folders(fullname))
    return spec


def _may_be_installed(fullname: str) -> bool:
    """Whether it is below a provider; one that is installed hides what we have of it.

    Or Airflow's own examples: some import helpers and plugins that lie beside them.
    """
    if fullname.startswith(f"{_EXAMPLES}."):
        return True
    return (
        fullname.startswith("airflow.providers.")
        and fullname not in table.provider_packages()
        and not f"{fullname}.".startswith(f"{_ALWAYS_OURS}.")
    )


def _provider(fullname: str) -> str:
    """The provider's own package, such as airflow.providers.common.sql."""
    parts = fullname.split(".")
    names = (".".join(parts[:end]) for end in range(3, len(parts) + 1))
    return next(name for name in names if name not in table.provider_packages())


def _is_installed(provider: str) -> bool:
    """Whether the package, if it is imported, is a provider's and not one of ours."""
    return provider in sys.modules and not isinstance(sys.modules[provider], _AirflowModule)


def _with_retired_names(spec: ModuleSpec) -> ModuleSpec:
    """A provider's module; names that it had once are found by the table."""
    if spec.name in table.retired() and isinstance(spec.loader, SourceFileLoader):
        spec.loader = _ProviderLoader(spec.loader.name, spec.loader.path)
    return spec


class _ProviderLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)

        def retired(name: str) -> Any:
            found = table.row(module.__name__).names.get(name)
            if found is None:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            asker = sys._getframe(1).f_globals.get("__name__")
            return _resolve(module, name, found, silent=asker == _IMPORT_SYSTEM)

        vars(module).setdefault("__getattr__", retired)


def _installed(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """The module of a provider package, in one of its parent's folders."""
    return PathFinder.find_spec(fullname, path) if path else None


def _installed_folders(package: str) -> Iterator[str]:
    """Folders on `sys.path` in which provider distributions extend `package`.

    Only the packages that hold providers: half of one of ours and half of a real one would be
    neither.
    """
    if package in table.provider_packages() or package == _EXAMPLES:
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
            return _for_everyone(self.__name__)
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
        return sorted({*super().__dir__(), *offered(self.__name__)})


def _resolve(module: ModuleType, name: str, found: table.Name, *, silent: bool) -> Any:
    if found.advice is not None and not silent:
        note_old_name(found.advice)
    source = import_module(found.module)
    try:
        value = getattr(source, found.attribute) if found.attribute else source
    except AttributeError:
        raise _gone(f"{module.__name__}.{name}", found) from None
    if found.advice is None:
        # Old names are not kept, so that every DAG file that uses one hears of it.
        setattr(module, name, value)
    return value


def _gone(fullname: str, found: table.Name) -> ImportError:
    return ImportError(
        f"{fullname} became {found.module}.{found.attribute}, which the installed version of that"
        " provider no longer has: see its changelog for what takes its place.",
        name=fullname,
    )


def _for_everyone(module: str) -> list[str]:
    """What `from module import *` gives: what needs no provider and hides no name of Python's."""
    elsewhere = {name for name, _ in table.moved_names(module)}
    return [
        name for name in offered(module) if name not in elsewhere and not hasattr(builtins, name)
    ]


def offered(module: str) -> list[str]:
    """All names that an Airflow module has here, sorted; imports the sources of a `*`."""
    row = table.row(module)
    names = set(row.names)
    for source in row.everything_of:
        loaded = import_module(source)
        listed = getattr(loaded, "__all__", None)
        names.update(listed if listed is not None else _own_names(loaded))
    return sorted(names)


def _own_names(module: ModuleType) -> Iterator[str]:
    """What the module defines itself: its classes, functions and CONSTANTS, not its imports."""
    for name, value in vars(module).items():
        made_here = getattr(value, "__module__", None) == module.__name__
        if not name.startswith("_") and (made_here or name.isupper()):
            yield name


class _AirflowLoader:
    """A loader by its methods; the base class in `importlib.abc` takes 20 ms to import."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AirflowModule(spec.name, f"{spec.name}, on top of Tradewind's SDK.")

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run: names come when they are asked for."""


_LOADER = _AirflowLoader()

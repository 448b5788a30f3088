"""Whether the modules that installed providers bring can be imported here.

`python -m tradewind.compat.provider_check [DISTRIBUTION…]` prints a list of `Findings` as JSON,
without those that cannot be used at all. A process of its own: it imports all that there is.
"""

import importlib
import logging
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import requires
from re import search

import msgspec

from tradewind import compat
from tradewind.compat.finder import AirflowNameError
from tradewind.sdk.exceptions import AirflowOptionalProviderFeatureException
from tradewind.sdk.providers import Provider, installed

FIRST_FOR_AIRFLOW_3 = (2, 9)
"""Providers that know Airflow 3 ask for at least this; others were written before it."""

_WITH_MODULES = ("operators", "sensors", "hooks", "triggers")
_WITH_CLASSES = ("notifications", "extra-links")


class Findings(msgspec.Struct, kw_only=True):
    """What a provider's modules do: `lacking` want something optional, `broken` ones fail."""

    package: str
    version: str
    written_for: str | None  # the oldest Airflow that it asks for, if that is before Airflow 3
    modules: int
    lacking: dict[str, str] = {}
    broken: dict[str, str] = {}


def modules_of(provider: Provider) -> list[str]:
    """Every module with something that a DAG file or a task uses, sorted."""
    return sorted(set(_named(provider)))


def _named(provider: Provider) -> Iterator[str]:
    info = provider.info
    for key in _WITH_MODULES:
        for item in info.get(key) or ():
            yield from item["python-modules"]
    for item in info.get("transfers") or ():
        yield item["python-module"]
    for key in _WITH_CLASSES:
        for path in info.get(key) or ():
            yield _module(path)
    for item in info.get("connection-types") or ():
        yield _module(item["hook-class-name"])
    for item in info.get("task-decorators") or ():
        yield _module(item["class-name"])


def _module(path: str) -> str:
    return path.rpartition(".")[0]


def check(provider: Provider) -> Findings:
    """Import each of its modules."""
    findings = Findings(
        package=provider.package,
        version=provider.version,
        written_for=_written_for(requires(provider.package) or []),
        modules=0,
    )
    for module in modules_of(provider):
        findings.modules += 1
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever a module does, the others are looked at
            lacks = _is_optional(error)
            (findings.lacking if lacks else findings.broken)[module] = _words(error)
    return findings


def _is_optional(error: Exception) -> bool:
    """Whether the module wants another provider or library, which its own does not require."""
    if isinstance(error, AirflowNameError):
        return "airflow.providers." in str(error)
    if isinstance(error, AirflowOptionalProviderFeatureException):
        return True
    if isinstance(error, ImportError):
        return isinstance(error, ModuleNotFoundError) and not f"{error.name}".startswith("airflow")
    # `except ImportError: raise RuntimeError("install this")`
    return isinstance(error.__context__, Exception) and _is_optional(error.__context__)


def _words(error: Exception) -> str:
    text = str(error).strip().split("\n")[0]
    return text if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"


def _written_for(requirements: list[str]) -> str | None:
    for requirement in requirements:
        found = search(r"^apache-airflow(?![-\w])[^;]*?>=\s*(\d+)\.(\d+)", requirement)
        if found and (int(found[1]), int(found[2])) < FIRST_FOR_AIRFLOW_3:
            return f"{found[1]}.{found[2]}"
    return None


def main() -> None:
    compat.install()
    known = installed()  # says which of them cannot be used; what comes after is told as findings
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    found = [check(known[package]) for package in sys.argv[1:] or known if package in known]
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()

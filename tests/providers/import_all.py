"""Imports all modules of a provider package, and makes a task of each of its operators.

    python import_all.py airflow.providers.docker

To be run with the Python in whose environment the package is. Prints as JSON: how many modules
there are, why some cannot be imported, how many tasks became part of a document, and what went
wrong in Tradewind's own code with others. The tasks get what they require, be it nonsense: a
provider's own complaints about that are left out.
"""

import importlib
import inspect
import json
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum

import tradewind
from tradewind import compat
from tradewind.sdk import DAG, BaseOperator
from tradewind.sdk.serialize import serialize_dag

_NO_CODE = {"__init__", "get_provider_info"}
_OURS = str(Path(tradewind.__file__).parent)
_MISSING = re.compile(r"missing keyword arguments? (.*) for ")


def modules(package: str) -> list[str]:
    (folder,) = importlib.import_module(package).__path__
    files = (path.relative_to(folder) for path in Path(folder).rglob("*.py"))
    return sorted(
        ".".join([package, *file.with_suffix("").parts])
        for file in files
        if file.stem not in _NO_CODE and "example_dags" not in file.parts
    )


def operators(names: list[str]) -> Iterator[type[BaseOperator]]:
    """Operators that are defined in these modules, as far as they are imported."""
    for name in names:
        for value in vars(sys.modules.get(name, object)).values():
            if inspect.isclass(value) and issubclass(value, BaseOperator):
                is_internal = value.__name__.startswith("_") or inspect.isabstract(value)
                if value.__module__ == name and not is_internal:
                    yield value


def make_task(operator: type[BaseOperator]) -> None:
    """A DAG with a task of this class becomes a document; whatever it requires is a template."""
    arguments: dict[str, Any] = {}
    while True:
        try:
            with DAG("d", start_date=pendulum.datetime(2026, 1, 1), schedule=None) as dag:
                operator(task_id="t", **arguments)
            break
        except TypeError as error:
            required = _MISSING.search(str(error))
            if required is None:
                raise
            arguments |= dict.fromkeys(re.findall(r"'(\w+)'", required[1]), "{{ ds }}")
    serialize_dag(dag, "file.py")


def _is_ours(error: Exception) -> bool:
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith(_OURS)


def main() -> None:
    warnings.simplefilter("ignore")
    compat.install()
    names = modules(sys.argv[1])
    failed: dict[str, str] = {}
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    tasks, broken = 0, {}
    for operator in operators(names):
        try:
            make_task(operator)
            tasks += 1
        except Exception as error:
            if _is_ours(error):
                broken[operator.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps({"modules": len(names), "failed": failed, "tasks": tasks, "broken": broken}))


if __name__ == "__main__":
    main()

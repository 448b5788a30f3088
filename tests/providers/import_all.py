"""Imports all modules of a provider package, with the Python in whose environment it is.

    python import_all.py airflow.providers.docker

Prints the number of modules and, for each that cannot be imported, why, as JSON.
"""

import importlib
import json
import sys
import warnings
from pathlib import Path

from tradewind import compat

_NO_CODE = {"__init__", "get_provider_info"}


def modules(package: str) -> list[str]:
    (folder,) = importlib.import_module(package).__path__
    files = (path.relative_to(folder) for path in Path(folder).rglob("*.py"))
    return sorted(
        ".".join([package, *file.with_suffix("").parts])
        for file in files
        if file.stem not in _NO_CODE and "example_dags" not in file.parts
    )


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
    print(json.dumps({"modules": len(names), "failed": failed}))


if __name__ == "__main__":
    main()

"""Libraries that provider packages use without requiring them, since Apache Airflow brings them.

An installation of providers without Airflow has to add them itself.
"""

import re
from pathlib import Path

BROUGHT_BY_AIRFLOW = {
    "attr": "attrs>=24.2",
    "attrs": "attrs>=24.2",
    "cryptography": "cryptography>=44",
    "deprecated": "deprecated>=1.2.13",
    "dill": "dill>=0.3",
    "fsspec": "fsspec>=2023.10",
    "httpx": "httpx>=0.27",
    "jwt": "pyjwt>=2.11",
    "lazy_object_proxy": "lazy-object-proxy>=1.2",
    "methodtools": "methodtools>=0.4.7",
    "packaging": "packaging>=25.0",
    "psutil": "psutil>=6.1",
    "pydantic": "pydantic>=2.11",
    "requests": "requests>=2.32,<3",
    "setproctitle": "setproctitle>=1.3.3",
    "slugify": "python-slugify>=5",
    "structlog": "structlog>=25",
    "tabulate": "tabulate>=0.9",
    "tenacity": "tenacity>=8.3",
    "typing_extensions": "typing-extensions>=4.14",
    "upath": "universal-pathlib>=0.3.8",
    "uuid6": "uuid6>=2024.7.10",
}
"""Import name → requirement, for what Airflow 3.3 itself requires and Tradewind does not."""

_IMPORT = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
# What opens a store for ObjectStoragePath, which is made of universal-pathlib's paths.
_FILE_SYSTEM = re.compile(r"^def get_fs\(", re.MULTILINE)
# Parts of Airflow's own machinery, which Tradewind replaces, and examples.
_NOT_USED = {"executors", "auth_manager", "cli", "example_dags"}


def unnamed_requirements(provider: Path) -> list[str]:
    """What the modules in a provider package's folder import of the above; sorted requirements."""
    found: set[str] = set()
    for source in provider.rglob("*.py"):
        if _NOT_USED.isdisjoint(source.relative_to(provider).parts):
            text = source.read_text(encoding="utf-8")
            imported = set(_IMPORT.findall(text))
            if _FILE_SYSTEM.search(text):
                imported.add("upath")
            found.update(BROUGHT_BY_AIRFLOW[name] for name in imported & BROUGHT_BY_AIRFLOW.keys())
    return sorted(found)

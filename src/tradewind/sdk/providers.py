"""The provider packages that are installed, as they describe themselves.

A provider's distribution names, under the entry point group ``apache_airflow_provider``, a function
that returns its description: Airflow's `provider.yaml` as a dict. Read when somebody asks, once per
process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

log = logging.getLogger(__name__)

_GROUP = "apache_airflow_provider"
_STANDARD = "apache-airflow-providers-standard"


@dataclass(frozen=True)
class Provider:
    """`package` is the distribution; `info` is what Airflow's provider.yaml says about it."""

    package: str
    version: str
    info: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As people call it: "HTTP"."""
        return str(self.info.get("name") or self.package)


@dataclass(frozen=True)
class ConnectionType:
    """A `conn_type`, and the hook that knows what to do with it."""

    conn_type: str
    hook_class: str  # its import path
    hook_name: str  # for people
    package: str
    field_behaviour: Mapping[str, Any]


_OURS = (
    ("fs", "airflow.providers.standard.hooks.filesystem.FSHook", "File (path)"),
    (
        "package_index",
        "airflow.providers.standard.hooks.package_index.PackageIndexHook",
        "Package Index (Python)",
    ),
)


@cache
def installed() -> Mapping[str, Provider]:
    """Distribution → provider, sorted. One whose description fails is left out, with a warning."""
    from importlib.metadata import entry_points

    found: dict[str, Provider] = {}
    for entry in entry_points(group=_GROUP):
        distribution = entry.dist
        if distribution is None:
            continue
        try:
            info = entry.load()()
        except Exception as error:  # its own code: whatever it raises, the others are there
            log.warning("Provider %s cannot be used: %r", distribution.name, error)
            continue
        package = str(info.get("package-name") or distribution.name)
        if package != _STANDARD:  # ours goes before it
            found[package] = Provider(package, distribution.version, info)
    return dict(sorted(found.items()))


@cache
def connection_types() -> Mapping[str, ConnectionType]:
    """Every `conn_type` that has a hook here, sorted."""
    found = {ours[0]: ConnectionType(*ours, _STANDARD, {}) for ours in _OURS}
    for provider, item in described("connection-types"):
        found[item["connection-type"]] = ConnectionType(
            item["connection-type"],
            item["hook-class-name"],
            item.get("hook-name") or item["connection-type"],
            provider.package,
            item.get("ui-field-behaviour") or {},
        )
    return dict(sorted(found.items()))


@cache
def task_decorators() -> Mapping[str, str]:
    """`@task.<name>` → the import path of the function behind it."""
    return {item["name"]: item["class-name"] for _, item in described("task-decorators")}


@cache
def asset_factories() -> Mapping[str, str]:
    """Scheme of a URI → the import path of the function that makes the scheme's assets."""
    return {
        scheme: item["factory"]
        for _, item in described("asset-uris")
        if item.get("factory")
        for scheme in item["schemes"]
    }


@cache
def filesystem(scheme: str) -> Callable[..., Any] | None:
    """What makes the fsspec file system of a URL's scheme: (conn_id, storage_options) → it.

    None when no provider has the scheme. Asks them in turn: their modules take long to import.
    """
    for _, name in described("filesystems"):
        try:
            module = import_module(name)
        except ImportError as error:
            log.info("%s cannot be used: %s", name, error)
            continue
        if scheme in module.schemes:
            made: Callable[..., Any] = module.get_fs
            return made
    return None


@cache
def config_defaults() -> Mapping[tuple[str, str], str]:
    """(section, option), in lower case → the default that a provider gives it."""
    return {
        (section.lower(), option.lower()): str(said["default"])
        for provider in installed().values()
        for section, options in (provider.info.get("config") or {}).items()
        for option, said in options["options"].items()
        if said.get("default") is not None
    }


def described(key: str) -> Iterator[tuple[Provider, Any]]:
    """Each item of a list in the descriptions, with the provider that has it."""
    for provider in installed().values():
        for item in provider.info.get(key) or ():
            yield provider, item


def modules(key: str) -> Iterator[tuple[Provider, str]]:
    """Each module of a list such as "operators", where modules are grouped by integration."""
    for provider, item in described(key):
        for module in item.get("python-modules") or ():
            yield provider, module

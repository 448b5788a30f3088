"""`airflow.providers_manager`, for provider packages and DAG files that ask what is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from tradewind.sdk import providers
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.providers import ConnectionType


class ProviderInfo(NamedTuple):
    """What Airflow says about one provider."""

    version: str
    data: Mapping[str, Any]


class HookInfo(NamedTuple):
    """The hook of a connection type."""

    hook_class_name: str
    connection_id_attribute_name: str
    package_name: str
    hook_name: str
    connection_type: str
    connection_testable: bool
    dialects: list[str] = []  # noqa: RUF012 - a field of a tuple


class DialectInfo(NamedTuple):
    """How one kind of database speaks SQL."""

    name: str
    dialect_class_name: str
    provider_name: str


class ProvidersManager:
    """The installed providers, under Airflow's names."""

    @property
    def providers(self) -> dict[str, ProviderInfo]:
        return {
            package: ProviderInfo(provider.version, provider.info)
            for package, provider in providers.installed().items()
        }

    @property
    def hooks(self) -> Mapping[str, HookInfo | None]:
        """Connection type → hook; None for one whose module cannot be imported."""
        return _Hooks()

    @property
    def dialects(self) -> dict[str, DialectInfo]:
        return {
            item["dialect-type"]: DialectInfo(
                item["dialect-type"], item["dialect-class-name"], provider.package
            )
            for provider, item in providers.described("dialects")
        }

    def initialize_providers_queues(self) -> None:
        """Nothing to do: `queue_class_names` looks when it is asked."""

    @property
    def queue_class_names(self) -> list[str]:
        """Classes for kinds of message queues, without those whose modules cannot be imported."""
        return sorted(path for _, path in providers.described("queues") if _find(path) is not None)


class _Hooks(Mapping[str, HookInfo | None]):
    """Imports a hook when it is asked for: all of them would take many seconds."""

    def __getitem__(self, conn_type: str) -> HookInfo | None:
        return _hook_info(providers.connection_types()[conn_type])

    def __iter__(self) -> Iterator[str]:
        return iter(providers.connection_types())

    def __len__(self) -> int:
        return len(providers.connection_types())


def _hook_info(known: ConnectionType) -> HookInfo | None:
    if (hook := _find(known.hook_class)) is None:
        return None
    return HookInfo(
        known.hook_class,
        hook.conn_name_attr,
        known.package,
        known.hook_name,
        known.conn_type,
        hasattr(hook, "test_connection"),
    )


def _find(path: str) -> Any:
    """The object at an import path; None when it, or what its module needs, is missing."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, AirflowException):
        return None

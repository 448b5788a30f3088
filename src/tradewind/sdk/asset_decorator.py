"""`@asset` and `@asset.multi`: a function that is a DAG with one task that makes assets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tradewind.core import protocol
from tradewind.sdk.assets import Asset, AssetAll, AssetWatcher, BaseAsset
from tradewind.sdk.comms import get_channel
from tradewind.sdk.dag import DAG
from tradewind.sdk.operators.python import PythonOperator

_NOT_INLETS = ("self", "context", "outlet_events")


class AssetOperator(PythonOperator):
    """Calls the function with what its parameters name.

    `self` is the asset that it makes, `context` and `outlet_events` are what they say, and any
    other name is an asset that it reads.
    """

    custom_operator_name = "_AssetMainOperator"  # as Airflow shows it

    def __init__(self, *, made: AssetDefinition | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.made = made

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        return dict(self._arguments(context))

    def _arguments(self, context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, parameter in inspect.signature(self.python_callable).parameters.items():
            if parameter.default is not parameter.empty:
                yield name, parameter.default
            elif name == "self":
                yield name, self.made
            elif name == "context":
                yield name, context
            elif name == "outlet_events":
                yield name, context["outlet_events"]
            else:
                yield name, _known_asset(name)


def _known_asset(name: str) -> Asset:
    """The asset of that name; its URI and group are taken from its newest event."""
    channel = get_channel()
    if channel is not None:
        reply = channel.request(protocol.GetAssetEvents(asset_name=name, limit=1, ascending=False))
        if isinstance(reply, protocol.AssetEventsReply) and reply.events:
            event = reply.events[0]
            return Asset(event.asset_name, event.asset_uri, group=event.asset_group)
    return Asset(name)


class AssetDefinition(Asset):
    """What `@asset` makes of a function."""


class MultiAssetDefinition(AssetAll):
    """What `@asset.multi` makes of a function: all its outlets together."""


class _DagArguments:
    """Arguments that both decorators hand on to the DAG."""

    def __init__(
        self,
        *,
        schedule: Any,
        is_paused_upon_creation: bool | None = None,
        dag_id: str | None = None,
        dag_display_name: str | None = None,
        description: str | None = None,
        params: Mapping[str, Any] | None = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        access_control: Mapping[str, Any] | None = None,
        owner_links: Mapping[str, str] | None = None,
        tags: Collection[str] | None = None,
    ) -> None:
        self._dag_id = dag_id
        self._arguments = {
            "schedule": schedule,
            "is_paused_upon_creation": is_paused_upon_creation,
            "dag_display_name": dag_display_name,
            "description": description,
            "params": params,
            "on_success_callback": on_success_callback,
            "on_failure_callback": on_failure_callback,
            "access_control": access_control,
            "owner_links": owner_links,
            "tags": tags,
        }

    def _make_dag(
        self,
        name: str,
        function: Any,
        outlets: list[BaseAsset],
        made: AssetDefinition | None = None,
    ) -> None:
        dag = DAG(self._dag_id or name, catchup=False, **self._arguments)
        with dag:
            if getattr(function, "is_task_decorator", False):
                if "outlets" in function.kwargs:
                    raise TypeError(
                        "@task decorator with 'outlets' argument is not supported in @asset"
                    )
                function.override(outlets=outlets)()
                function = function.function
            else:
                _check_parameters(function)
                AssetOperator(
                    task_id=function.__name__,
                    inlets=list(_inlets(function)),
                    outlets=outlets,
                    python_callable=function,
                    made=made,
                )
        dag.fileloc = function.__code__.co_filename


def _check_parameters(function: Callable[..., Any]) -> None:
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"wildcard '{parameter}' is not supported in @asset")
        if parameter.kind == parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            raise TypeError(
                f"positional-only argument '{name}' without a default is not supported in @asset"
            )


def _inlets(function: Callable[..., Any]) -> Iterator[BaseAsset]:
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in _NOT_INLETS and parameter.default is parameter.empty:
            yield Asset.ref(name=name)


def _refuse_nested(function: Any) -> None:
    if function.__name__ != function.__qualname__:
        raise ValueError("nested function not supported")


class asset(_DagArguments):  # used as a decorator
    """`@asset(schedule=...)`: the function makes the asset of its name, in a DAG of that name."""

    def __init__(
        self,
        *,
        name: str | None = None,
        uri: Any = None,
        group: str = Asset.asset_type,
        extra: dict[str, Any] | None = None,
        watchers: list[AssetWatcher] | None = None,
        **dag_arguments: Any,
    ) -> None:
        super().__init__(**dag_arguments)
        self._name = name
        self._asset = {"uri": uri, "group": group, "extra": extra, "watchers": watchers}

    def __call__(self, function: Any) -> AssetDefinition:
        _refuse_nested(function)
        made = AssetDefinition(self._name or function.__name__, **self._asset)
        self._make_dag(made.name, function, [made], made)
        return made

    class multi(_DagArguments):  # used as a decorator
        """`@asset.multi(schedule=..., outlets=[...])`: one task that makes several assets."""

        def __init__(self, *, outlets: Collection[BaseAsset], **dag_arguments: Any) -> None:
            super().__init__(**dag_arguments)
            self._outlets = list(outlets)

        def __call__(self, function: Any) -> MultiAssetDefinition:
            _refuse_nested(function)
            if not self._outlets:
                raise ValueError("no outlets provided")
            self._make_dag(function.__name__, function, self._outlets)
            return MultiAssetDefinition(*self._outlets)

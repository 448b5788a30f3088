"""Entries of the context that few tasks use: connections, variables, asset events, state stores."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tradewind.core import protocol
from tradewind.core.errors import UserError
from tradewind.core.protocol import AssetEvent, OutletEvent, RunInfo
from tradewind.runner.context import moment
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.comms import Channel

_LONGEST_PARTITION_KEY = 250


# --- connections and variables ---------------------------------------------------------------


class ConnectionAccessor:
    """`{{ conn.my_id.host }}`, `{{ conn.get("my_id", default) }}`."""

    def __getattr__(self, conn_id: str) -> Any:
        if conn_id.startswith("__"):
            raise AttributeError(conn_id)
        from tradewind.sdk import Connection

        return Connection.get(conn_id)

    def get(self, conn_id: str, default_conn: Any = None) -> Any:
        from tradewind.sdk import Connection
        from tradewind.sdk.exceptions import AirflowNotFoundException

        try:
            return Connection.get(conn_id)
        except AirflowNotFoundException:
            return default_conn

    def __repr__(self) -> str:
        return "<ConnectionAccessor (dynamic access)>"


class VariableAccessor:
    """`{{ var.value.name }}` and `{{ var.json.name.field }}`."""

    def __init__(self, deserialize_json: bool) -> None:
        self._json = deserialize_json

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self.get(key)

    def get(self, key: str, default: Any = NOTSET, default_var: Any = NOTSET) -> Any:
        """`default_var` is Airflow 2's name of `default`; without one a missing variable raises."""
        from tradewind.sdk import Variable

        given = default if default is not NOTSET else default_var
        options = {} if given is NOTSET else {"default": given}
        return Variable.get(key, deserialize_json=self._json, **options)

    def __repr__(self) -> str:
        return "<VariableAccessor (dynamic access)>"


def variable_accessors() -> dict[str, VariableAccessor]:
    return {"json": VariableAccessor(True), "value": VariableAccessor(False)}


# --- asset events ----------------------------------------------------------------------------


def asset_key(asset: Any) -> tuple[str, str]:
    """What tells assets, references and aliases apart: kind and name (or URI)."""
    from tradewind.sdk.assets import Asset, AssetAlias, AssetNameRef, AssetUriRef

    if isinstance(asset, Asset | AssetNameRef):
        return ("asset", asset.name)
    if isinstance(asset, AssetUriRef):
        return ("uri", asset.uri)
    if isinstance(asset, AssetAlias):
        return ("alias", asset.name)
    raise TypeError(f"Key should be either an asset or an asset alias, not {type(asset)}")


class _ByAsset:
    """Access by name, URI or alias beside access by object."""

    def __getitem__(self, key: Any) -> Any:
        raise KeyError(key)

    def for_asset(self, *, name: str | None = None, uri: str | None = None) -> Any:
        from tradewind.sdk.assets import Asset

        if name and uri:
            return self[Asset(name=name, uri=uri)]
        if name:
            return self[Asset.ref(name=name)]
        if uri:
            return self[Asset.ref(uri=uri)]
        raise ValueError("name and uri cannot both be None")

    def for_asset_alias(self, *, name: str) -> Any:
        from tradewind.sdk.assets import AssetAlias

        return self[AssetAlias(name=name)]


class OutletEventAccessor:
    """`outlet_events[asset]`: set `extra`, add partitions; for an alias, `add` assets."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.extra: dict[str, Any] = {}
        self.partition_keys: set[str] = set()
        self.asset_alias_events: list[tuple[Any, dict[str, Any]]] = []

    @property
    def _is_alias(self) -> bool:
        return asset_key(self.key)[0] == "alias"

    def add(self, asset: Any, extra: Mapping[str, Any] | None = None) -> None:
        """Make an event of `asset` through this alias."""
        if self._is_alias:
            self.asset_alias_events.append((asset, dict(extra or {})))

    def add_partitions(self, keys: str | Iterable[str]) -> None:
        """One event for each of these partition keys instead of a single one."""
        if self._is_alias:
            raise TypeError(
                "add_partitions() is not supported on asset alias outlet events; "
                "partition keys can only be attached to a concrete asset."
            )
        wanted = [keys] if isinstance(keys, str) else list(keys)
        for key in wanted:
            if not key.strip():
                raise ValueError(
                    f"partition_key must not be empty or whitespace-only; got {key!r}."
                )
            if len(key) > _LONGEST_PARTITION_KEY:
                raise ValueError(
                    f"partition_key must be at most {_LONGEST_PARTITION_KEY} characters; "
                    f"got {len(key)}."
                )
        self.partition_keys.update(wanted)


class OutletEvents(_ByAsset, Mapping[Any, OutletEventAccessor]):
    """`outlet_events`: what this task says about the events that its success makes."""

    def __init__(self) -> None:
        self._accessors: dict[tuple[str, str], OutletEventAccessor] = {}

    def __getitem__(self, key: Any) -> OutletEventAccessor:
        return self._accessors.setdefault(asset_key(key), OutletEventAccessor(key))

    def __iter__(self) -> Iterator[Any]:
        return iter([accessor.key for accessor in self._accessors.values()])

    def __len__(self) -> int:
        return len(self._accessors)

    def find(self, asset: Any) -> OutletEventAccessor | None:
        """What was said about `asset`, by its name or by its URI."""
        uri = ("uri", getattr(asset, "uri", ""))
        return self._accessors.get(asset_key(asset)) or self._accessors.get(uri)


def outlet_events(
    outlets: Sequence[Any], said: OutletEvents | None, run: RunInfo
) -> list[OutletEvent]:
    """The events that success makes: one for each asset among the outlets (or each of its
    partitions), and those that were added to the aliases."""
    from tradewind.sdk.assets import Asset, AssetAlias, AssetRef

    events: list[OutletEvent] = []
    for outlet in outlets:
        accessor = said.find(outlet) if said is not None and _is_asset(outlet) else None
        if isinstance(outlet, AssetAlias):
            for asset, extra in accessor.asset_alias_events if accessor else []:
                events.append(_event(asset, extra, run.partition_key, alias=outlet.name))
        elif isinstance(outlet, Asset | AssetRef):
            extra = dict(accessor.extra) if accessor else {}
            keys: list[str | None] = [*sorted(accessor.partition_keys)] if accessor else []
            events += [_event(outlet, extra, key) for key in keys or [run.partition_key]]
    return events


def _is_asset(value: Any) -> bool:
    from tradewind.sdk.assets import Asset, AssetAlias, AssetRef

    return isinstance(value, Asset | AssetAlias | AssetRef)


def _event(
    asset: Any, extra: dict[str, Any], partition_key: str | None, alias: str | None = None
) -> OutletEvent:
    return OutletEvent(
        asset_name=getattr(asset, "name", ""),
        asset_uri=getattr(asset, "uri", ""),
        asset_group=getattr(asset, "group", "asset"),
        asset_extra=dict(getattr(asset, "extra", None) or {}),
        alias=alias,
        extra=extra,
        partition_key=partition_key,
    )


class EventView:
    """An asset event as user code sees it."""

    def __init__(self, event: AssetEvent) -> None:
        from tradewind.sdk.assets import Asset, AssetAlias

        self.id = event.id
        self.timestamp = moment(event.timestamp)
        self.asset = Asset(name=event.asset_name, uri=event.asset_uri, group=event.asset_group)
        self.uri = event.asset_uri
        self.extra = event.extra
        self.partition_key = event.partition_key
        self.source_aliases = [AssetAlias(name=name) for name in event.alias_names]
        self.source_dag_id = event.source_dag_id
        self.source_task_id = event.source_task_id
        self.source_run_id = event.source_run_id
        self.source_map_index = event.source_map_index

    @property
    def source_task_instance(self) -> "SourceTaskInstance | None":
        if self.source_dag_id is None or self.source_task_id is None or self.source_run_id is None:
            return None
        return SourceTaskInstance(self)

    def __repr__(self) -> str:
        return f"AssetEvent(id={self.id}, asset={self.asset!r}, extra={self.extra!r})"


class SourceTaskInstance:
    """The instance that made an event; its XComs can be pulled."""

    def __init__(self, event: EventView) -> None:
        self.dag_id = event.source_dag_id
        self.task_id = event.source_task_id
        self.run_id = event.source_run_id
        self.map_index = event.source_map_index

    def xcom_pull(self, *, key: str = "return_value", default: Any = None) -> Any:
        from tradewind.sdk.context import get_current_context

        return get_current_context()["ti"].xcom_pull(
            task_ids=self.task_id,
            dag_id=self.dag_id,
            run_id=self.run_id,
            map_indexes=self.map_index,
            key=key,
            default=default,
        )


class InletEvents(_ByAsset, Mapping[Any, "EventQuery"]):
    """`inlet_events[asset]`, or by position among the inlets."""

    def __init__(self, inlets: Sequence[Any], channel: Channel) -> None:
        self._inlets = list(inlets)
        self._channel = channel

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inlets)

    def __len__(self) -> int:
        return len(self._inlets)

    def __getitem__(self, key: Any) -> "EventQuery":
        wanted = self._inlets[key] if isinstance(key, int) else key
        kind, name = asset_key(wanted)
        known = {asset_key(inlet) for inlet in self._inlets if _is_asset(inlet)}
        uris = {("uri", getattr(inlet, "uri", "")) for inlet in self._inlets}
        if (kind, name) not in known | uris:
            raise KeyError(wanted)
        field = {"asset": "asset_name", "uri": "asset_uri", "alias": "alias"}[kind]
        return EventQuery(self._channel, {field: name})


class EventQuery(Sequence[EventView]):
    """Events of an inlet, fetched when first looked at; `after`, `before`, `ascending`, `limit`
    narrow it down before."""

    def __init__(self, channel: Channel, query: dict[str, Any]) -> None:
        self._channel = channel
        self._query = query
        self._events: list[EventView] | None = None

    def after(self, after: datetime | str) -> "EventQuery":
        return self._with(after=_datetime(after))

    def before(self, before: datetime | str) -> "EventQuery":
        return self._with(before=_datetime(before))

    def ascending(self, ascending: bool = True) -> "EventQuery":
        return self._with(ascending=ascending)

    def limit(self, limit: int) -> "EventQuery":
        return self._with(limit=limit)

    def _with(self, **part: Any) -> "EventQuery":
        self._query.update(part)
        self._events = None
        return self

    def _fetched(self) -> list[EventView]:
        if self._events is None:
            reply = self._channel.request(protocol.GetAssetEvents(**self._query))
            found = reply.events if isinstance(reply, protocol.AssetEventsReply) else []
            self._events = [EventView(event) for event in found]
        return self._events

    def __len__(self) -> int:
        return len(self._fetched())

    def __getitem__(self, index: Any) -> Any:
        return self._fetched()[index]

    def __repr__(self) -> str:
        return repr(self._fetched())


def _datetime(value: datetime | str) -> datetime:
    if isinstance(value, datetime):
        return value
    import pendulum

    parsed = pendulum.parse(value)
    if not isinstance(parsed, datetime):
        raise UserError(f"{value!r} is not a date and time.")
    return parsed


class TriggeringAssetEvents(_ByAsset, Mapping[Any, Sequence[EventView]]):
    """`triggering_asset_events`: asset or alias → the events that made this run."""

    def __init__(self, events: Iterable[AssetEvent]) -> None:
        from tradewind.sdk.assets import AssetAlias

        self._events: dict[tuple[str, str], list[EventView]] = {}
        self._assets: dict[tuple[str, str], Any] = {}
        for event in map(EventView, events):
            for asset in [event.asset, *(AssetAlias(name=a.name) for a in event.source_aliases)]:
                self._assets.setdefault(asset_key(asset), asset)
                self._events.setdefault(asset_key(asset), []).append(event)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._assets.values())

    def __len__(self) -> int:
        return len(self._assets)

    def __getitem__(self, key: Any) -> Sequence[EventView]:
        # Airflow 2's `triggering_dataset_events` had URIs as keys.
        wanted = ("uri", key) if isinstance(key, str) else asset_key(key)
        if wanted[0] != "uri":
            return self._events[wanted]
        from tradewind.sdk.assets import normalized_uri

        for asset_id, asset in self._assets.items():
            if getattr(asset, "uri", None) == normalized_uri(wanted[1]):
                return self._events[asset_id]
        raise KeyError(key)

    def __repr__(self) -> str:
        return f"TriggeringAssetEvents({list(self._events.values())})"

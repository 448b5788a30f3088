"""Values that outlive an attempt: `context["task_state_store"]` and `context["asset_state_store"]`.

The runner makes both for its attempt: `TaskStateStore(attempt_id)`, and
`AssetStateStores(attempt_id, assets)` with the task's inlets and outlets.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tradewind.core import protocol
from tradewind.sdk.comms import get_channel
from tradewind.sdk.exceptions import NotInTaskContext
from tradewind.sdk.off_loop import off_loop

NEVER_EXPIRE = timedelta.max
"""`retention=NEVER_EXPIRE`: keep the value until it is deleted."""


def _request(message: protocol.Request) -> protocol.Reply:
    channel = get_channel()
    if channel is None:
        raise NotInTaskContext("State stores can only be used inside a running task.")
    return channel.request(message)


class _StateStore:
    def __init__(self, attempt_id: int, asset_name: str | None = None) -> None:
        self._attempt_id = attempt_id
        self._asset_name = asset_name

    def get(self, key: str, default: Any = None) -> Any:
        """The stored value, or `default` when there is none."""
        reply = _request(
            protocol.GetState(attempt_id=self._attempt_id, key=key, asset_name=self._asset_name)
        )
        return reply.value if isinstance(reply, protocol.XComReply) and reply.found else default

    def _set(self, key: str, value: Any, retention_seconds: float | None = None) -> None:
        if value is None:
            raise ValueError(f"Cannot set value as None (key {key!r}); delete the key instead")
        _request(
            protocol.SetState(
                attempt_id=self._attempt_id,
                key=key,
                value=value,
                asset_name=self._asset_name,
                retention_seconds=retention_seconds,
            )
        )

    def _delete(self, key: str | None, all_map_indexes: bool = False) -> None:
        _request(
            protocol.DeleteState(
                attempt_id=self._attempt_id,
                key=key,
                asset_name=self._asset_name,
                all_map_indexes=all_map_indexes,
            )
        )

    def delete(self, key: str) -> None:
        """Remove one value; nothing happens when there is none."""
        self._delete(key)

    async def aget(self, key: str, default: Any = None) -> Any:
        return await off_loop(self.get, key, default)

    async def adelete(self, key: str) -> None:
        await off_loop(self._delete, key)


class TaskStateStore(_StateStore):
    """Values of one task instance, which its later tries see."""

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """Store a JSON value. `retention` None: as long as is configured."""
        seconds = None
        if retention is not None:
            seconds = 0.0 if retention == NEVER_EXPIRE else retention.total_seconds()
        self._set(key, value, seconds)

    async def aset(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        await off_loop(self.set, key, value, retention=retention)

    def clear(self, all_map_indices: bool = False) -> None:
        """Remove all values of this instance, or of all instances of the task in this run."""
        self._delete(None, all_map_indices)


class AssetStateStore(_StateStore):
    """Values that belong to one asset, whichever DAG uses it."""

    def set(self, key: str, value: Any) -> None:
        """Store a JSON value."""
        self._set(key, value)

    async def aset(self, key: str, value: Any) -> None:
        await off_loop(self.set, key, value)

    def clear(self) -> None:
        """Remove all values of the asset."""
        self._delete(None)

    async def aclear(self) -> None:
        await off_loop(self.clear)


class AssetStateStores:
    """The stores of a task's inlets and outlets, by asset; with a single one, that one itself."""

    def __init__(self, attempt_id: int, assets: Iterable[Any]) -> None:
        self._stores: dict[str, AssetStateStore] = {}
        self._names: dict[str, str] = {}
        for asset in assets:
            name = getattr(asset, "name", None) or getattr(asset, "uri", None)
            if name is not None:
                self._stores[name] = AssetStateStore(attempt_id, name)
                self._names[getattr(asset, "uri", name)] = name

    def __getitem__(self, asset: Any) -> AssetStateStore:
        name = getattr(asset, "name", None) or self._names.get(getattr(asset, "uri", ""))
        if name not in self._stores:
            raise KeyError(f"{asset!r} is neither an inlet nor an outlet of this task")
        return self._stores[name]

    def __contains__(self, asset: object) -> bool:
        return getattr(asset, "name", None) in self._stores

    def __len__(self) -> int:
        return len(self._stores)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or len(self._stores) != 1:
            raise AttributeError(
                f"asset_state_store.{name}: say which asset, as in asset_state_store[MY_ASSET]; "
                f"the task has {len(self.__dict__.get('_stores', {}))}"
            )
        (only,) = self._stores.values()
        return getattr(only, name)

"""Which data a task's hooks have read and written, as hooks report it while they work."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from tradewind.sdk.assets import Asset
from tradewind.sdk.logging_mixin import LoggingMixin

MAX_COLLECTED_ASSETS = 100
MAX_COLLECTED_EXTRA = 200


@dataclass
class AssetLineageInfo:
    """An asset, how often it was reported, and the hook that did so."""

    asset: Asset
    count: int
    context: Any


@dataclass
class ExtraLineageInfo:
    """Something else that a hook reported."""

    key: str
    value: Any
    count: int
    context: Any


@dataclass
class HookLineage:
    """What was collected: assets read and written, and other things."""

    inputs: list[AssetLineageInfo] = field(default_factory=list)
    outputs: list[AssetLineageInfo] = field(default_factory=list)
    extra: list[ExtraLineageInfo] = field(default_factory=list)


class _Entry(NamedTuple):
    said: dict[str, Any]
    context: Any
    times: int


class HookLineageCollector(LoggingMixin):
    """Hooks call `add_input_asset` and `add_output_asset`; the task reads `collected_assets`.

    Keeps the first 100 assets read, 100 written and 200 other things. Assets are only made of what
    hooks said when somebody reads them, since most tasks do not.
    """

    def __init__(self) -> None:
        self._inputs: dict[str, _Entry] = {}
        self._outputs: dict[str, _Entry] = {}
        self._extra: dict[str, _Entry] = {}

    def add_input_asset(self, context: Any, scheme: str | None = None, **asset: Any) -> None:
        """An asset that was read. See `create_asset`."""
        _count(self._inputs, {"scheme": scheme, **asset}, context, MAX_COLLECTED_ASSETS)

    def add_output_asset(self, context: Any, scheme: str | None = None, **asset: Any) -> None:
        """An asset that was written. See `create_asset`."""
        _count(self._outputs, {"scheme": scheme, **asset}, context, MAX_COLLECTED_ASSETS)

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """Something that is no asset, such as the SQL that was executed."""
        if key and value:
            _count(self._extra, {"key": key, "value": value}, context, MAX_COLLECTED_EXTRA)

    def create_asset(
        self,
        *,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: dict[str, Any] | None = None,
        asset_extra: dict[str, Any] | None = None,
    ) -> Asset | None:
        """The asset of that URI or name, else what the provider that has the scheme makes of
        `asset_kwargs`. None when that does not make one.
        """
        if uri or name:
            return Asset(name or None, uri or None, group=group, extra=asset_extra)
        from tradewind.sdk.providers import asset_factories

        path = asset_factories().get(scheme or "")
        if path is None:
            return None
        module, _, function = path.rpartition(".")
        try:
            make = getattr(import_module(module), function)
            made: Asset = make(**(asset_kwargs or {}), extra=asset_extra)
        except Exception as error:  # the provider's code; a task must not fail of its lineage
            self.log.debug("No asset could be made of %s %s: %s", scheme, asset_kwargs, error)
            return None
        return made

    @property
    def collected_assets(self) -> HookLineage:
        extra = self._extra.values()
        return HookLineage(
            self._assets(self._inputs),
            self._assets(self._outputs),
            [ExtraLineageInfo(**e.said, count=e.times, context=e.context) for e in extra],
        )

    def _assets(self, entries: dict[str, _Entry]) -> list[AssetLineageInfo]:
        made = ((self.create_asset(**entry.said), entry) for entry in entries.values())
        return [AssetLineageInfo(asset, e.times, e.context) for asset, e in made if asset]

    @property
    def has_collected(self) -> bool:
        return bool(self._inputs or self._outputs or self._extra)


def _count(entries: dict[str, _Entry], said: dict[str, Any], context: Any, most: int) -> None:
    """Remember what a hook says; the same from the same hook is counted."""
    key = json.dumps([said, id(context)], sort_keys=True, default=str)
    if key in entries or len(entries) < most:
        known = entries.get(key, _Entry(said, context, 0))
        entries[key] = known._replace(times=known.times + 1)


class HookLineageReader(LoggingMixin):
    """Gives what was collected in this process."""

    def __init__(self) -> None:
        self.lineage_collector = get_hook_lineage_collector()

    def retrieve_hook_lineage(self) -> HookLineage:
        return self.lineage_collector.collected_assets


_collector = HookLineageCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    """The process's collector; a task has a process of its own."""
    return _collector

"""Which data a task's hooks have read and written, as hooks report it while they work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tradewind.sdk.assets import Asset


@dataclass
class HookLineage:
    """What was collected: assets read and written, and free entries."""

    inputs: list[Asset] = field(default_factory=list)
    outputs: list[Asset] = field(default_factory=list)
    extra: list[tuple[str, Any]] = field(default_factory=list)


class HookLineageCollector:
    """Hooks call `add_input_asset` and `add_output_asset`; the task reads `collected_assets`."""

    def __init__(self) -> None:
        self.collected_assets = HookLineage()

    @property
    def has_collected(self) -> bool:
        found = self.collected_assets
        return bool(found.inputs or found.outputs or found.extra)

    def add_input_asset(self, context: Any, uri: str | None = None, **asset: Any) -> None:
        self._add(self.collected_assets.inputs, uri, asset)

    def add_output_asset(self, context: Any, uri: str | None = None, **asset: Any) -> None:
        self._add(self.collected_assets.outputs, uri, asset)

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        self.collected_assets.extra.append((key, value))

    def _add(self, assets: list[Asset], uri: str | None, given: dict[str, Any]) -> None:
        name = given.get("name")
        if uri is None and name is None:
            return  # a scheme and keyword arguments only: no URI can be made of them here
        found = Asset(name, uri, extra=given.get("asset_extra"))
        if found not in assets:
            assets.append(found)


_collector = HookLineageCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    """The process's collector; a task has a process of its own."""
    return _collector

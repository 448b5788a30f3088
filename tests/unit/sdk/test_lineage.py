"""What hooks report of the data that they read and write."""

import pytest

from tradewind.sdk import Asset, providers
from tradewind.sdk.lineage import (
    MAX_COLLECTED_ASSETS,
    AssetLineageInfo,
    HookLineageCollector,
    HookLineageReader,
    get_hook_lineage_collector,
)


def make_bucket_asset(bucket: str, extra: dict[str, str] | None) -> Asset:
    return Asset(uri=f"s3://{bucket}", extra=extra)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> HookLineageCollector:
    factories = {"bucket": f"{__name__}.make_bucket_asset"}
    monkeypatch.setattr(providers, "asset_factories", lambda: factories)
    return HookLineageCollector()


def test_what_a_hook_says_again_is_counted(collector: HookLineageCollector) -> None:
    hook, other = object(), object()
    assert not collector.has_collected
    for context in (hook, hook, other):
        collector.add_input_asset(context, uri="s3://b/k")
    collector.add_extra(hook, "sql", "SELECT 1")

    asset = Asset(uri="s3://b/k")
    assert collector.collected_assets.inputs == [
        AssetLineageInfo(asset, 2, hook),
        AssetLineageInfo(asset, 1, other),
    ]
    (extra,) = collector.collected_assets.extra
    assert (extra.key, extra.value, extra.count) == ("sql", "SELECT 1", 1)
    assert collector.has_collected


def test_a_providers_scheme_makes_its_assets(collector: HookLineageCollector) -> None:
    collector.add_output_asset(
        None, scheme="bucket", asset_kwargs={"bucket": "b"}, asset_extra={"a": "1"}
    )
    collector.add_output_asset(None, scheme="bucket", asset_kwargs={"nonsense": 1})
    collector.add_output_asset(None, scheme="unknown", asset_kwargs={})

    (made,) = collector.collected_assets.outputs
    assert made.asset == Asset(uri="s3://b", extra={"a": "1"})


def test_a_busy_task_does_not_fill_the_memory(collector: HookLineageCollector) -> None:
    for number in range(MAX_COLLECTED_ASSETS + 5):
        collector.add_input_asset(None, uri=f"s3://b/{number}")
    collector.add_input_asset(None, uri="s3://b/0")

    found = collector.collected_assets.inputs
    assert len(found) == MAX_COLLECTED_ASSETS
    assert found[0].count == 2


def test_a_reader_sees_the_processs_collector() -> None:
    get_hook_lineage_collector().add_extra(None, "key", "from this process")
    extra = HookLineageReader().retrieve_hook_lineage().extra
    assert "from this process" in [found.value for found in extra]

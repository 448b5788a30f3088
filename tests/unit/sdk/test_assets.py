from typing import Any

import pytest

from support.authoring import Work, arrows
from tradewind.core import dag as core
from tradewind.core import protocol
from tradewind.sdk import DAG, Asset, AssetAlias, AssetAll, AssetAny, asset, task
from tradewind.sdk.assets import Dataset, normalized_uri
from tradewind.sdk.authoring import recording
from tradewind.sdk.comms import set_channel
from tradewind.sdk.serialize import serialize_dag
from tradewind.sdk.state_store import NEVER_EXPIRE, AssetStateStores, TaskStateStore


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("plain", "plain"),
        ("/a/path", "/a/path"),
        ("S3://Bucket/key/", "s3://Bucket/key"),
        ("s3://bucket", "s3://bucket/"),
        ("https://h/p?b=2&a=1#part", "https://h/p?a=1&b=2"),
        ("x-own://a/b/", "x-own://a/b/"),
    ],
)
def test_uris(given: str, normal: str) -> None:
    assert normalized_uri(given) == normal


def test_a_password_does_not_stay_in_a_uri() -> None:
    with pytest.warns(UserWarning, match="password"):
        assert Asset("a", "ftp://user:secret@host/file").uri == "ftp://host/file"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, TypeError),
        ({"name": ""}, ValueError),
        ({"name": "  "}, ValueError),
        ({"name": "self"}, ValueError),
        ({"name": "n" * 1501}, ValueError),
        ({"name": 5}, ValueError),
        ({"name": "n", "uri": "airflow://x"}, ValueError),
    ],
)
def test_bad_assets(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Asset(**arguments)


def test_the_first_argument_is_the_name() -> None:
    with pytest.raises(TypeError):
        Asset("x", name="y")  # type: ignore[misc]
    assert (Asset("n").uri, Asset(uri="s3://b/k").name) == ("n", "s3://b/k")
    assert Dataset("s3://b/k").uri == "s3://b/k"
    assert Asset("a", extra={"x": 1}) == Asset("a", extra={"x": 1})
    assert len({Asset("a"), Asset("a"), Asset("b"), AssetAlias("a")}) == 3


def test_conditions_are_flat_where_they_can_be() -> None:
    a, b, c = Asset("a"), Asset("b"), Asset("c")

    assert (a | b | c) == AssetAny(a, b, c)
    assert (a & b & c) == AssetAll(a, b, c)
    assert (a & (b | c)) == AssetAll(a, AssetAny(b, c))
    with pytest.raises(TypeError):
        a | 5  # type: ignore[operator]


def test_inlets_and_outlets_in_the_document() -> None:
    with DAG("d") as dag:
        Work(task_id="a", outlets=[Asset("o"), AssetAlias("al")], inlets=[Asset.ref(name="i"), "x"])

    (spec,) = serialize_dag(dag, "f.py").tasks

    assert spec.outlets == [core.AssetRef(name="o", uri="o"), core.AssetAliasRef(name="al")]
    assert spec.inlets == [core.AssetNameRef(name="i")]


@asset(schedule=None, uri="s3://b/made", tags=["t"])
def made(self: Asset, other: Asset, context: Any, fixed: int = 5) -> Any:
    return self.uri, other.uri, context["ds"], fixed


def test_asset_decorator() -> None:
    with recording() as registered:
        definition = asset(schedule="@daily", dag_id="own_id")(made_function)
    (dag,) = registered

    assert (dag.dag_id, definition.name) == ("own_id", "made_function")
    document = serialize_dag(dag, "f.py")
    (spec,) = document.tasks
    assert spec.outlets == [core.AssetRef(name="made_function", uri="made_function")]
    assert spec.operator == "_AssetMainOperator"
    assert dag.fileloc == __file__
    assert (made.name, made.uri) == ("made", "s3://b/made")


def made_function() -> None: ...


class Events:
    """A channel on which the asset `other` has had an event."""

    def __init__(self) -> None:
        self.heard: list[protocol.Request] = []

    def request(self, message: protocol.Request) -> protocol.Reply:
        self.heard.append(message)
        match message:
            case protocol.GetAssetEvents(asset_name="other"):
                from datetime import UTC, datetime

                event = protocol.AssetEvent(
                    id=1, timestamp=datetime.now(UTC), asset_name="other", asset_uri="s3://b/other"
                )
                return protocol.AssetEventsReply(events=[event])
            case protocol.GetState(key="known"):
                return protocol.XComReply(found=True, value=7)
            case protocol.GetState():
                return protocol.XComReply(found=False)
        return protocol.Ok()


@pytest.fixture
def channel() -> Any:
    events = Events()
    set_channel(events)
    yield events
    set_channel(None)


@pytest.mark.usefixtures("channel")
def test_the_function_of_an_asset_gets_what_its_parameters_name() -> None:
    with recording() as registered:
        asset(schedule=None, uri="s3://b/made")(made_of_other)
    (operator,) = registered[0].tasks

    assert operator.execute({"ds": "today"}) == ("s3://b/made", "s3://b/other", "today", 5)
    assert operator.inlets == [Asset.ref(name="other")]  # type: ignore[attr-defined]


def made_of_other(self: Asset, other: Asset, context: Any, fixed: int = 5) -> Any:
    return self.uri, other.uri, context["ds"], fixed


def test_several_assets_of_one_function() -> None:
    with recording() as registered:
        both = asset.multi(schedule=None, outlets=[Asset("x"), Asset("y")])(made_function)

    (dag,) = registered
    assert list(both) == [Asset("x"), Asset("y")]
    assert arrows(dag) == {"made_function": []}
    assert [o.name for o in dag.tasks[0].outlets] == ["x", "y"]  # type: ignore[attr-defined]


def test_misuse_of_the_asset_decorator() -> None:
    def nested() -> None: ...

    with pytest.raises(ValueError, match="nested function"):
        asset(schedule=None)(nested)
    with pytest.raises(ValueError, match="no outlets"):
        asset.multi(schedule=None, outlets=[])(made_function)
    with pytest.raises(TypeError, match="wildcard"):
        asset(schedule=None)(wild)
    with pytest.raises(TypeError, match="'outlets' argument"):
        asset(schedule=None)(task(outlets=[Asset("o")])(made_function))


def wild(*args: Any) -> None: ...


def test_state_stores(channel: Events) -> None:
    store = TaskStateStore(4)
    assert store.get("known") == 7
    assert store.get("absent", "x") == "x"
    store.set("k", {"v": 1}, retention=NEVER_EXPIRE)
    store.clear(all_map_indices=True)
    with pytest.raises(ValueError, match="None"):
        store.set("k", None)
    assert channel.heard[-2:] == [
        protocol.SetState(attempt_id=4, key="k", value={"v": 1}, retention_seconds=0.0),
        protocol.DeleteState(attempt_id=4, all_map_indexes=True),
    ]

    one = AssetStateStores(4, [Asset("a")])
    one.set("k", 1)
    one[Asset("a")].delete("k")
    assert channel.heard[-1] == protocol.DeleteState(attempt_id=4, key="k", asset_name="a")
    with pytest.raises(KeyError, match="neither an inlet nor an outlet"):
        one[Asset("b")]
    with pytest.raises(AttributeError, match="say which asset"):
        AssetStateStores(4, [Asset("a"), Asset("b")]).get("k")

"""Damaged DAG documents: refused with a clear error, and no other DAG is kept from running."""

import copy
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.effort import examples
from fuzz.shapes import JSON
from support.scheduling import World, make_dag
from support.worlds import group, over, task
from tradewind.core.dag import (
    AssetAll,
    AssetOrTimeSchedule,
    AssetRef,
    CronTrigger,
    LiteralLength,
    ParamSpec,
    SerializedDag,
    ZipLength,
    decode,
    encode,
)
from tradewind.core.errors import TradewindError
from tradewind.core.runs.plan import plan
from tradewind.core.timetables import description, following_slot, summary, validate
from tradewind.store.engine import Store
from tradewind.store.schema import dag_version

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ASSET = AssetRef(name="a", uri="s3://a")
RICH = make_dag(
    "rich",
    task("a", retries=2, outlets=[ASSET], params={"n": ParamSpec(default=1)}),
    task("b", "a", expansion=over("a")),
    task("c", "b", group_id="g", pool="p", executor_config={"x": 1}),
    task("d", "c", group_id="h", expansion=over(ZipLength(sources=[LiteralLength(length=2)]))),
    task("s", is_setup=True),
    task("t", "s", "c", is_teardown=True),
    groups=[group("g", 2), group("h", parent="g")],
    timetable=AssetOrTimeSchedule(
        condition=AssetAll(conditions=[ASSET]), timetable=CronTrigger(crons=["0 6 * * *"])
    ),
    edge_labels={"a": {"b": "x"}},
)
PLAIN = json.loads(encode(RICH))


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values in a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places(value, (*path, key))
    return found


PLACES = places(PLAIN)
VALUES = st.one_of(
    JSON,
    st.sampled_from(["a", "b", "g", "h", "nobody", -1, 0, 10**12, 1e308, None, [], {}, ["d"]]),
    st.sampled_from([PLAIN["tasks"][0], PLAIN["groups"], {"type": "xcom", "task_id": "d"}]),
)


@st.composite
def damaged(draw: Any) -> bytes:
    document = copy.deepcopy(PLAIN)
    for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        node = document
        try:
            for key in place[:-1]:
                node = node[key]
            if draw(st.booleans()):
                node[place[-1]] = copy.deepcopy(draw(VALUES))
            else:
                del node[place[-1]]
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    text = json.dumps(document)
    if draw(st.integers(0, 9)) == 0:
        text = text[: draw(st.integers(0, len(text)))]
    return text.encode("utf-8", "replace")


def read(document: bytes) -> SerializedDag | None:
    """The DAG, if it can be decoded and planned at all."""
    try:
        dag = decode(document)
        plan(dag)
        validate(dag.timetable)
    except TradewindError as error:
        if not (str(error) and error.hint):
            raise AssertionError("an error without a word of help") from error
        return None
    return dag


@examples(120)
@given(document=damaged())
def test_a_damaged_document_is_refused_or_can_be_used(document: bytes) -> None:
    dag = read(document)
    if dag is not None:
        assert decode(encode(dag)) == dag
        summary(dag.timetable)
        description(dag.timetable)
        following_slot(dag, None, NOW)


@examples(2)
@given(document=damaged())
@example(document=b"{")
def test_other_dags_go_on(document: bytes, tmp_path: Path, sqlite_template: Path) -> None:
    for file in tmp_path.glob("case.db*"):
        file.unlink()
    shutil.copy(sqlite_template, tmp_path / "case.db")
    store = Store(f"sqlite:///{tmp_path}/case.db")
    world = World(store)
    world.scheduler()
    world.publish(RICH)
    world.publish(make_dag("good", task("t")))
    with store.begin() as tx:
        tx.execute(
            dag_version.update().where(dag_version.c.dag_id == "rich").values(document=document)
        )
    world.trigger("rich", "r")
    good = world.trigger("good", "g")
    world.plan_next(RICH)
    world.run_for(60)
    assert world.run_states()["g"] == "success"
    assert world.states(good) == {"t": "success"}
    store.close()

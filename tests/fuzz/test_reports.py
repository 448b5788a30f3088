"""What attempts report and ask: any message that a runner can send, with any content.

The scheduler takes every report without an error of its own, and every request gets a reply.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.effort import examples
from fuzz.structs import of_type
from support.documents import add_attempt, add_instance, add_run, document, publish, task
from support.fake_executor import Plan
from support.scheduling import World, make_dag
from tradewind.core.dag import AssetRef, Expansion, MappedArgument, XComLength
from tradewind.core.protocol import Outcome, Reply, Request, Succeeded, Usage, WorkOrder, XComValue
from tradewind.runner.wire import encode
from tradewind.store.engine import Store
from tradewind.taskapi.handler import TaskApi

_outcomes: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def as_received(message: Any, decoder: Any) -> Any:
    """The message after its way through a socket; None if it cannot be sent at all."""
    try:
        return decoder.decode(encode(message))
    except (UnicodeEncodeError, OverflowError):  # half a surrogate, a number of more than 64 bits
        return None


def received(kind: Any, decoder: Any, **known: Any) -> Any:
    return (
        of_type(kind, **known)
        .map(lambda message: as_received(message, decoder))
        .filter(lambda message: message is not None)
    )


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """Errors that the scheduler logs are raised at the end: it has set a run aside."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    for record in records:
        if record.exc_info and record.exc_info[1]:
            raise record.exc_info[1]
        raise AssertionError(record.getMessage())


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Any:
    """`fresh()`: a store that has nothing of earlier cases in it."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        return lambda: Store(url)

    def copy() -> Store:
        for file in tmp_path.glob("case.db*"):
            file.unlink()
        shutil.copy(sqlite_template, tmp_path / "case.db")
        return Store(f"sqlite:///{tmp_path}/case.db")

    return copy


OUTCOMES = received(
    Outcome,
    _outcomes,
    key=st.sampled_from(["return_value", "k"]),
    length=st.sampled_from([None, 0, 2]),
    skip=st.lists(st.sampled_from(["a", "b", "c", "nobody"]), max_size=3),
)
_serial = iter(range(10**9))


@examples(6)
@given(outcomes=st.lists(OUTCOMES, min_size=1, max_size=4), usage=of_type(Usage))
@example(outcomes=[Succeeded(xcoms=[XComValue(key="k", value=1)])], usage=Usage())
def test_every_report_is_taken(fresh: Any, outcomes: list[Outcome], usage: Usage) -> None:
    store = fresh()
    world = World(store)
    left = iter(outcomes)

    def script(order: WorkOrder) -> Plan:
        return Plan(next(left, Succeeded()), usage=usage)

    mapped = Expansion(arguments=[MappedArgument(name="x", source=XComLength(task_id="a"))])
    dag = make_dag(
        f"d{next(_serial)}",  # on PostgreSQL one database serves all cases
        task("a", retries=1, retry_delay_seconds=1.0),
        task("b", "a", outlets=[AssetRef(name="o", uri="o")]),
        task("c", "a", expansion=mapped),
    )
    with no_errors_logged():
        world.scheduler(script=script)
        world.publish(dag)
        world.trigger(dag.dag_id)
        world.run_for(60)
    store.close()


@pytest.fixture
def asking(store: Store) -> tuple[TaskApi, int, int]:
    with store.begin() as tx:
        publish(tx, document("etl", task("t", outlets=[AssetRef(name="o", uri="o")]), task("u")))
        pk = add_run(tx, "etl", "r")
        instance = add_instance(tx, pk, "t", state="running", try_number=1)
        attempt = add_attempt(tx, pk, instance)
    return TaskApi(store), attempt, instance


@examples(25)
@given(data=st.data())
def test_every_request_gets_a_reply(asking: tuple[TaskApi, int, int], data: Any) -> None:
    api, attempt, instance = asking
    odd = of_type(int)
    request = data.draw(
        received(
            Request,
            _requests,
            attempt_id=st.one_of(st.just(attempt), st.just(attempt), odd),
            task_instance_id=st.one_of(st.just(instance), odd),
            dag_id=st.one_of(st.just("etl"), of_type(str)),
            run_id=st.one_of(st.just("r"), of_type(str)),
            task_id=st.one_of(st.just("t"), of_type(str)),
            asset_name=st.one_of(st.none(), st.just("o"), of_type(str)),
        )
    )
    reply = api.handle(request, attempt_id=attempt)
    assert as_received(reply, _replies) is not None

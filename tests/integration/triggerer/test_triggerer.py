"""The triggerer on a real store, with real children running users' trigger classes."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.documents import NOW, add_attempt, add_instance, add_run, document, publish
from tradewind.core.clock import SystemClock
from tradewind.core.dag import AssetRef, AssetSchedule
from tradewind.core.protocol import Resume
from tradewind.sdk import serde
from tradewind.store import asset_events, schema, triggers, variables
from tradewind.store.engine import Store
from tradewind.taskapi.handler import TaskApi
from tradewind.triggerer import child as child_module
from tradewind.triggerer import triggerer as triggerer_module
from tradewind.triggerer.triggerer import Triggerer

TRIGGERS = """
import asyncio
import os
import time

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent


class Base(BaseTrigger):
    def __init__(self, **kwargs):
        super().__init__()
        self.kwargs = kwargs

    def serialize(self):
        return f"users_triggers.{type(self).__name__}", self.kwargs


class Echo(Base):
    async def run(self):
        await asyncio.sleep(0.01)
        yield TriggerEvent(self.kwargs["value"])


class Broken(Base):
    async def run(self):
        raise ValueError("the service said no")
        yield


class Silent(Base):
    async def run(self):
        return
        yield


class Asking(Base):
    async def run(self):
        from airflow.sdk import Variable

        yield TriggerEvent([Variable.get("place"), os.environ.get("TRADEWIND_DATABASE__URL")])


class Knowing(Base):
    async def run(self):
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self.task_instance
        states = await asyncio.to_thread(
            RuntimeTaskInstance.get_task_states,
            dag_id=ti.dag_id,
            task_ids=[ti.task_id],
            run_ids=[ti.run_id],
            map_index=ti.map_index,
        )
        yield TriggerEvent([states, ti.map_index])


class Ending(Base):
    async def run(self):
        yield TaskSuccessEvent()


class WaitingFor(Base):
    async def run(self):
        while not os.path.exists(self.kwargs["file"]):
            await asyncio.sleep(0.01)
        yield TriggerEvent("there")

    async def on_kill(self):
        open(self.kwargs["file"] + ".killed", "w").close()


class Blocking(Base):
    async def run(self):
        open(self.kwargs["file"], "a").write("x")
        time.sleep(600)
        yield


class Ticking(Base):
    async def run(self):
        for number in range(2):
            yield TriggerEvent(number)
        await asyncio.sleep(600)
"""


class ShiftedClock(SystemClock):
    """The machine's clock, put forward by hand."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class World:
    """A deferred task instance for each trigger, and the triggerers that are tried out."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.clock = ShiftedClock()
        self.root = folder / "snapshot"
        self.root.mkdir()
        (self.root / "users_triggers.py").write_text(TRIGGERS)
        self._triggerers: list[Triggerer] = []
        with store.begin() as tx:
            publish(tx, document("deferring"))
            self.run_pk = add_run(tx, "deferring", "r1")
        self._made = 0

    def triggerer(self, name: str = "one", **settings: Any) -> Triggerer:
        made = Triggerer(
            self.store,
            self.clock,
            TaskApi(self.store),
            name=name,
            locate=lambda digest: str(self.root),
            log_folder=self.folder / "logs",
            **settings,
        )
        self._triggerers.append(made)
        return made

    def defer(self, classpath: str, **kwargs: Any) -> int:
        """A task instance that waits for the trigger; returns its key."""
        if "." not in classpath:
            classpath = f"users_triggers.{classpath}"
        self._made += 1
        with self.store.begin() as tx:
            now = self.store.now(tx)
            pk = add_instance(tx, self.run_pk, "t", self._made, state="deferred")
            add_attempt(tx, self.run_pk, pk, state="ended", log_file=f"{self._made}.log")
            triggers.add(
                tx,
                [
                    {
                        "task_instance_id": pk,
                        "run_pk": self.run_pk,
                        "classpath": classpath,
                        "kwargs": {key: serde.encode(value) for key, value in kwargs.items()},
                        "bundle_name": "main",
                        "digest": "d1",
                        "created_at": now,
                    }
                ],
            )
            self.store.notify(tx, "triggerer")
        return pk

    def resumes(self) -> dict[int, list[Resume]]:
        """What lies in the inbox, by task instance."""
        found: dict[int, list[Resume]] = {}
        with self.store.read() as tx:
            for row in tx.execute(schema.inbox.select()):
                assert row.kind == "trigger_event"
                assert row.run_pk == self.run_pk
                found.setdefault(row.task_instance_id, []).append(
                    Resume(**{"kwargs": {}, "method": "", **row.payload})
                )
        return found

    def rows(self) -> list[Any]:
        with self.store.read() as tx:
            return list(tx.execute(schema.trigger.select()).all())

    def drive(self, done: Callable[[], Any], *triggerers: Triggerer) -> Any:
        """Let the triggerers work until `done` gives something."""
        until = time.monotonic() + 60
        while not (found := done()):
            for triggerer in triggerers or self._triggerers:
                triggerer.step()
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.01)
        return found

    def resumed(self, pk: int, *triggerers: Triggerer) -> Resume:
        [resume] = self.drive(lambda: self.resumes().get(pk), *triggerers)
        assert isinstance(resume, Resume)
        return resume

    def close(self) -> None:
        for triggerer in self._triggerers:
            triggerer.close()


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    world = World(store, tmp_path)
    yield world
    world.close()


def test_an_event_resumes_its_task_once(world: World) -> None:
    triggerer = world.triggerer()
    pk = world.defer("Echo", value={"answer": 42})
    assert world.resumed(pk).event == {"answer": 42}
    assert world.rows() == []
    triggerer.step()
    assert len(world.resumes()[pk]) == 1


def test_moments_need_no_process(world: World) -> None:
    triggerer = world.triggerer()
    moment = datetime.now(UTC) + timedelta(hours=1)
    pk = world.defer("tradewind.sdk.triggers.temporal.DateTimeTrigger", moment=moment)
    assert triggerer.step() <= triggerer_module.RENEW_SECONDS
    assert triggerer.children == []
    assert world.resumes() == {}
    world.clock.ahead = 3601
    assert world.resumed(pk).event == serde.encode(moment)
    assert triggerer.children == []


def test_a_trigger_that_raises_fails_its_task(world: World) -> None:
    world.triggerer()
    broken, silent = world.defer("Broken"), world.defer("Silent")
    error = world.resumed(broken).trigger_error
    assert error is not None
    assert "the service said no" in error
    assert "users_triggers.py" in error
    assert "without sending an event" in (world.resumed(silent).trigger_error or "")


def test_a_class_that_is_not_there_fails_its_task(world: World) -> None:
    world.triggerer()
    pk = world.defer("no.such.module.Trigger")
    assert "no" in (world.resumed(pk).trigger_error or "")


def test_triggers_ask_through_the_triggerer_and_have_no_credentials(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_DATABASE__URL", "secret")
    world.triggerer()
    with world.store.begin() as tx:
        variables.put(tx, "place", "here")
    assert world.resumed(world.defer("Asking")).event == ["here", None]


def test_a_trigger_knows_which_task_waits_for_it(world: World) -> None:
    world.triggerer()
    pk = world.defer("Knowing")
    assert world.resumed(pk).event == [{"r1": {"t_1": "deferred"}}, 1]


def test_an_event_may_end_the_task(world: World) -> None:
    world.triggerer()
    assert world.resumed(world.defer("Ending")).ends_as == "success"


def test_a_task_that_waits_no_longer_stops_its_trigger(world: World, tmp_path: Path) -> None:
    triggerer = world.triggerer()
    wanted = tmp_path / "wanted"
    pk = world.defer("WaitingFor", file=str(wanted))
    world.drive(lambda: triggerer.children)
    echo = world.defer("Echo", value=1)
    world.clock.ahead += triggerer_module.RENEW_SECONDS
    world.resumed(echo)  # the child is up
    with world.store.begin() as tx:
        triggers.remove_of_instances(tx, [pk])
    world.clock.ahead += triggerer_module.RENEW_SECONDS
    world.drive((tmp_path / "wanted.killed").exists)
    wanted.touch()
    triggerer.step()
    assert pk not in world.resumes()


def test_a_killed_child_is_replaced(world: World, tmp_path: Path) -> None:
    triggerer = world.triggerer()
    wanted = tmp_path / "wanted"
    pk = world.defer("WaitingFor", file=str(wanted))
    [first] = world.drive(lambda: triggerer.children)
    os.kill(first, signal.SIGKILL)
    world.drive(lambda: triggerer.children and triggerer.children != [first])
    wanted.touch()
    assert world.resumed(pk).event == "there"


def test_a_child_whose_loop_stands_still_is_replaced(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "GRACE_SECONDS", 0.1)
    triggerer = world.triggerer()
    started = tmp_path / "started"
    world.defer("Blocking", file=str(started))
    world.drive(started.exists)
    [first] = triggerer.children
    world.clock.ahead += child_module.HUNG_SECONDS + 1
    world.drive(lambda: triggerer.children and triggerer.children != [first])
    world.drive(lambda: started.read_text() == "xx")
    triggerer.close()  # while nobody waits for the one that hangs


def test_a_trigger_that_writes_nonsense_to_the_triggerer_fails_its_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggerer_module, "MOST_CRASHES", 2)
    (world.root / "users_triggers.py").write_text(
        TRIGGERS
        + "\nclass Scribbling(Base):\n    async def run(self):\n"
        + "        for name in os.listdir('/proc/self/fd'):\n"
        + "            if 'socket' in os.path.realpath(f'/proc/self/fd/{name}'):\n"
        + "                os.write(int(name), b'\\0\\0\\0\\4junk')\n"
        + "        await asyncio.sleep(600)\n        yield\n"
    )
    world.triggerer()
    pk = world.defer("Scribbling")
    assert "2 times in a row" in (world.resumed(pk).trigger_error or "")


def test_a_trigger_that_always_ends_its_process_fails_its_task(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggerer_module, "MOST_CRASHES", 2)
    (world.root / "users_triggers.py").write_text(
        TRIGGERS
        + "\nclass Exiting(Base):\n    async def run(self):\n        os._exit(1)\n        yield\n"
    )
    world.triggerer()
    pk = world.defer("Exiting")
    assert "2 times in a row" in (world.resumed(pk).trigger_error or "")


def test_capacity_leaves_the_rest_to_others(world: World) -> None:
    pks = [world.defer("Echo", value=number) for number in range(3)]
    world.triggerer("one", capacity=2).step()
    assert sorted(str(row.lease_owner) for row in world.rows()) == ["None", "one", "one"]
    world.triggerer("two", capacity=2)
    world.drive(lambda: world.resumes().keys() == set(pks))


def test_one_that_stops_gives_its_triggers_back(world: World, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    pk = world.defer("WaitingFor", file=str(wanted))
    one, two = world.triggerer("one"), world.triggerer("two")
    world.drive(lambda: one.children, one)
    [running] = one.children
    one.close()
    assert [row.lease_owner for row in world.rows()] == [None]
    assert not Path(f"/proc/{running}").exists()
    wanted.touch()
    assert world.resumed(pk, two).event == "there"


def test_an_event_of_a_lease_that_was_lost_is_not_told_twice(world: World, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    pk = world.defer("WaitingFor", file=str(wanted))
    one, two = world.triggerer("one"), world.triggerer("two")
    world.drive(lambda: one.children, one)
    with world.store.begin() as tx:
        triggers.release(tx, "one")
    world.drive(lambda: two.children, two)
    wanted.touch()
    world.resumed(pk, one, two)
    for _ in range(50):
        one.step()
        two.step()
        time.sleep(0.01)
    assert len(world.resumes()[pk]) == 1


def test_a_watcher_makes_events_of_its_asset(world: World) -> None:
    asset = AssetRef(name="orders", uri="s3://orders")
    with world.store.begin() as tx:
        publish(tx, document("consuming", timetable=AssetSchedule(condition=asset)))
        triggers.add(
            tx,
            [
                {
                    "asset_name": "orders",
                    "watcher_name": "w",
                    "classpath": "users_triggers.Ticking",
                    "kwargs": {},
                    "bundle_name": "main",
                    "digest": "d1",
                    "created_at": world.store.now(tx),
                }
            ],
        )
    world.triggerer()

    def events() -> list[Any]:
        with world.store.read() as tx:
            return list(asset_events.queued(tx, ["consuming"]))

    world.drive(lambda: len(events()) == 2)
    with world.store.read() as tx:
        extras = [row.extra for row in tx.execute(schema.asset_event.select())]
    assert extras == [
        {"from_trigger": True, "payload": 0},
        {"from_trigger": True, "payload": 1},
    ]
    assert len(world.rows()) == 1


def test_many_at_once(world: World) -> None:
    pks = {world.defer("Echo", value=number) for number in range(200)}
    triggerer = world.triggerer()
    world.drive(lambda: world.resumes().keys() == pks)
    assert len(triggerer.children) == 1
    world.clock.ahead += child_module.KEEP_SECONDS + 1
    triggerer.step()
    assert triggerer.children == []


def test_it_is_woken_and_stopped(world: World) -> None:
    triggerer = world.triggerer()
    stop = threading.Event()
    thread = threading.Thread(target=triggerer.run, args=[stop])
    thread.start()
    try:
        first = world.defer("Echo", value=1)
        world.drive(lambda: first in world.resumes(), world.triggerer("bystander", capacity=0))
        second = world.defer("tradewind.sdk.triggers.temporal.DateTimeTrigger", moment=NOW)
        world.drive(lambda: second in world.resumes(), world.triggerer("other", capacity=0))
    finally:
        stop.set()
        triggerer.wake()
        thread.join()

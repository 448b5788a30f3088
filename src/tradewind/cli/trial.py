"""One run of one DAG here and now: the real scheduler on a database that is thrown away.

Variables, connections and pools are copied from the configured database, if there is one.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.engine import make_url

from tradewind.bundles.parser import parse_once
from tradewind.bundles.results import Limits, ParseResult
from tradewind.cli.app import open_store
from tradewind.cli.find import the_task
from tradewind.core.clock import SystemClock
from tradewind.core.dag import (
    Expansion,
    GroupSpec,
    LiteralLength,
    MappedArgument,
    SerializedDag,
)
from tradewind.core.errors import NotFound, TradewindError, UserError
from tradewind.executors.local import LocalExecutor
from tradewind.scheduler import actions
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.settings import Settings
from tradewind.store import callbacks, dags, listings, migrate, schema
from tradewind.store.engine import Rows, Store
from tradewind.store.listings import RunFilter
from tradewind.taskapi.handler import TaskApi
from tradewind.triggerer.triggerer import Triggerer

_LOOK_SECONDS = 0.05
_COPIED = (schema.variable, schema.connection, schema.pool)


@dataclass(frozen=True)
class Place:
    """A DAG file where it lies: its bundle's root and its path below."""

    root: Path
    file: str


@dataclass(frozen=True)
class Wanted:
    dag_id: str | None = None
    run_id: str | None = None
    logical_date: datetime | None = None
    conf: dict[str, Any] | None = None
    task_id: str | None = None  # only this one, whatever it depends on


@dataclass(frozen=True)
class Look:
    """How the run stands: the row of `dag_run` and those of its task instances."""

    run: Any
    instances: Rows


class Trial:
    """A run under way; `watch` yields how it stands whenever that has changed."""

    def __init__(self, store: Store, folder: Path, dag_id: str, run_id: str) -> None:
        self.store = store
        self.log_folder = folder / "logs"
        self.dag_id = dag_id
        self.run_id = run_id
        self._stop = threading.Event()
        self._failure: list[BaseException] = []

    def look(self) -> Look:
        with self.store.read() as tx:
            wanted = RunFilter(dag_id=self.dag_id, run_ids=[self.run_id])
            return Look(listings.run(tx, wanted), listings.instances(tx, wanted))

    def watch(self) -> Iterator[Look]:
        """Ends with the run and its callbacks. Raises what made the scheduler or triggerer stop."""
        last: list[Any] = []
        while True:
            if self._failure:
                raise self._failure[0]
            began = time.monotonic()
            look = self.look()
            states = [look.run.state, *((r.state, r.try_number) for r in look.instances)]
            if states != last:
                last = states
                yield look
            if look.run.state in ("success", "failed") and self._callbacks_ended(look.run.id):
                return
            time.sleep(max(_LOOK_SECONDS, 10 * (time.monotonic() - began)))  # not all the time

    def _callbacks_ended(self, run_pk: int) -> bool:
        with self.store.read() as tx:
            return all(row.state in ("success", "failed") for row in callbacks.of_run(tx, run_pk))

    @contextmanager
    def running(self, *roles: Scheduler | Triggerer) -> Iterator[None]:
        threads = [threading.Thread(target=self._guarded, args=[role]) for role in roles]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for role in roles:
                role.wake()
            for thread in threads:
                thread.join()

    def _guarded(self, role: Scheduler | Triggerer) -> None:
        try:
            role.run(self._stop)
        except BaseException as error:  # goes on in `watch`, in the main thread
            self._failure.append(error)


@contextmanager
def trial(settings: Settings, place: Place, wanted: Wanted) -> Iterator[Trial]:
    """Parse the file, start a run of its DAG, and end everything afterwards.

    Raises `UserError` if the file does not load or the DAG or its conf is not right.
    """
    folder = Path(tempfile.mkdtemp(prefix="tradewind-test-"))
    store = Store(f"sqlite:///{folder}/trial.db")
    try:
        migrate.migrate(store)
        _copy_administration(settings, store)
        task_api = TaskApi(store)
        documents = load(settings, place, task_api)
        dag_id = _chosen(documents, wanted.dag_id, place)
        if wanted.task_id is not None:
            documents = [
                _alone(document, wanted.task_id)
                for document in documents
                if document.dag_id == dag_id
            ]
        _publish(store, place, documents)
        now = datetime.now(UTC)
        run = actions.trigger_run(
            store,
            dag_id,
            now=now,
            run_id=wanted.run_id,
            conf=wanted.conf or {},
            logical_date=wanted.logical_date or now,
        )
        running = Trial(store, folder, dag_id, run.run_id)
        with running.running(*_roles(settings, running, task_api, place)):
            yield running
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)


def load(settings: Settings, place: Place, task_api: TaskApi) -> list[SerializedDag]:
    """The DAGs of a file, parsed in a child as the DAG processor does it."""
    chosen = settings.sections.dag_processor
    result = parse_once(
        place.root,
        place.file,
        answer=lambda request: task_api.handle(request, attempt_id=None),
        limits=Limits(
            seconds=chosen.dag_file_processor_timeout, memory_bytes=chosen.memory_limit_mb << 20
        ),
    )
    if result.error is not None:
        raise _does_not_load(place, result)
    return result.dags


def _does_not_load(place: Place, result: ParseResult) -> UserError:
    error = result.error
    assert error is not None
    line = f", line {error.line}" if error.line else ""
    trace = f"\n{error.traceback}" if error.traceback else ""
    return UserError(f"{place.root / error.file}{line}: {error.message}{trace}", hint=error.hint)


def _chosen(documents: list[SerializedDag], dag_id: str | None, place: Place) -> str:
    names = [document.dag_id for document in documents]
    if dag_id in names:
        return dag_id
    if dag_id is not None:
        raise NotFound(f"{place.file} has no DAG {dag_id!r}. It has: {', '.join(names) or 'none'}.")
    if len(names) != 1:
        raise UserError(
            f"{place.file} holds {len(names)} DAGs{': ' if names else '.'}{', '.join(names)}",
            hint="Say which: `tradewind dags test FILE DAG_ID`."
            if names
            else "A DAG must be made at module level; call the function that @dag decorates.",
        )
    return names[0]


def _alone(document: SerializedDag, task_id: str) -> SerializedDag:
    """The DAG with this task only: nothing before it, no second try, no limits on when."""
    task = the_task(document, task_id)
    groups = _groups_around(document, task.group_id)
    expansions = [task.expansion, *(group.expansion for group in groups)]
    if any(not isinstance(a.source, LiteralLength) for e in expansions for a in _arguments(e)):
        raise UserError(
            f"{task_id}, or a group that it is in, is mapped over the result of another task,"
            " which is not there.",
            hint="Test the whole DAG: `tradewind dags test`.",
        )
    lone = msgspec.structs.replace(
        task,
        upstream=[],
        retries=0,
        depends_on_past=False,
        wait_for_downstream=False,
    )
    return msgspec.structs.replace(document, tasks=[lone], groups=groups, edge_labels={})


def _groups_around(document: SerializedDag, group_id: str | None) -> list[GroupSpec]:
    """The group and those that it is in, outermost first."""
    known = {group.group_id: group for group in document.groups}
    found: list[GroupSpec] = []
    while group_id is not None:
        found.insert(0, known[group_id])
        group_id = known[group_id].parent
    return found


def _arguments(expansion: Expansion | None) -> list[MappedArgument]:
    return [] if expansion is None else expansion.arguments


def _copy_administration(settings: Settings, to: Store) -> None:
    url = settings.sections.database.url
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        return
    configured = open_store(settings)
    try:
        migrate.check(configured)
        with configured.read() as source:
            rows = {table: source.execute(select(table)).mappings().all() for table in _COPIED}
    except TradewindError as error:
        raise UserError(
            f"Variables and connections cannot be read: {error}",
            hint=error.hint or "Mend database.url, or unset it to go without.",
        ) from error
    finally:
        configured.close()
    with to.begin() as tx:
        tx.execute(schema.pool.delete())
        for table, found in rows.items():
            if found:
                tx.execute(insert(table), [{**row, **_UNUSED.get(table.name, {})} for row in found])


_UNUSED = {"pool": {"occupied": 0}}


def _publish(store: Store, place: Place, documents: list[SerializedDag]) -> None:
    with store.begin() as tx:
        dags.publish(
            tx,
            documents,
            bundle_name="test",
            file=place.file,
            digest="in-place",
            bundle_version=None,
            now=datetime.now(UTC),
            paused_at_creation=False,
        )
        dags.set_paused(tx, [document.dag_id for document in documents], False)


def _roles(
    settings: Settings, running: Trial, task_api: TaskApi, place: Place
) -> tuple[Scheduler, Triggerer]:
    clock = SystemClock()
    slots = settings.sections.core.parallelism
    executor = LocalExecutor(task_api, slots=slots, log_folder=running.log_folder)
    scheduler = Scheduler(
        running.store,
        {"local": executor},
        clock,
        SchedulerSettings(parallelism=slots, drain_seconds=0.0),
        "test",
        locate=lambda digest: str(place.root),
    )
    triggerer = Triggerer(
        running.store,
        clock,
        task_api,
        name="test",
        locate=lambda digest: str(place.root),
        log_folder=running.log_folder,
    )
    return scheduler, triggerer

"""From settings to running roles: the one place where the parts meet."""

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from tradewind.bundles.folder import FolderBundle
from tradewind.bundles.processor import DagProcessor, ProcessorSettings
from tradewind.bundles.results import Limits
from tradewind.bundles.snapshot import Snapshots
from tradewind.cli.app import open_store
from tradewind.core.clock import SystemClock
from tradewind.core.errors import TradewindError, UserError
from tradewind.executors.local import LocalExecutor
from tradewind.scheduler.scheduler import Scheduler
from tradewind.scheduler.settings import SchedulerSettings
from tradewind.settings import Settings
from tradewind.storage import open_storage
from tradewind.store import processes
from tradewind.store.engine import Store
from tradewind.taskapi.handler import TaskApi
from tradewind.triggerer.triggerer import Triggerer

log = logging.getLogger(__name__)


class Role(Protocol):
    """What a process does until it is told to stop."""

    def run(self, stop: threading.Event) -> None: ...

    def wake(self) -> None:
        """From any thread: look whether there is something new, or whether to stop."""


_BEAT_SECONDS = 10.0
_SILENT_SECONDS = 300.0  # a process that says nothing for so long is forgotten


class Wiring:
    """Makes the roles of one process, all on one store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.store = open_store(settings, create=True)
        self.storage = open_storage(settings.sections.storage.url)
        self.task_api = TaskApi(self.store)
        self.snapshots = Snapshots(settings.home, self.storage)
        # A container that starts again may have the same host name and process id.
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    def scheduler(self) -> Scheduler:
        chosen = self.settings.sections
        executor = LocalExecutor(
            self.task_api,
            slots=chosen.core.parallelism,
            log_folder=self.settings.log_folder,
            grace_seconds=min(5.0, chosen.scheduler.attempt_lease_seconds / 3),
        )
        return Scheduler(
            self.store,
            {"local": executor},
            self.clock,
            SchedulerSettings(
                parallelism=chosen.core.parallelism,
                infra_retries=chosen.scheduler.infra_retries,
                run_lease_seconds=chosen.scheduler.run_lease_seconds,
                attempt_lease_seconds=chosen.scheduler.attempt_lease_seconds,
                poll_seconds=chosen.scheduler.idle_poll_seconds,
            ),
            self.name,
            locate=lambda digest: str(self.snapshots.fetch(digest)),
        )

    def dag_processor(self) -> DagProcessor:
        chosen = self.settings.sections
        return DagProcessor(
            self.store,
            [FolderBundle(bundle.name, Path(bundle.path)) for bundle in self.settings.bundles],
            home=self.settings.home,
            storage=self.storage,
            clock=self.clock,
            task_api=self.task_api,
            settings=ProcessorSettings(
                parsing_processes=chosen.dag_processor.parsing_processes,
                limits=Limits(
                    seconds=chosen.dag_processor.dag_file_processor_timeout,
                    memory_bytes=chosen.dag_processor.memory_limit_mb << 20,
                ),
                paused_at_creation=chosen.core.dags_are_paused_at_creation,
            ),
        )

    def triggerer(self) -> Triggerer:
        return Triggerer(
            self.store,
            self.clock,
            self.task_api,
            name=self.name,
            locate=lambda digest: str(self.snapshots.fetch(digest)),
            log_folder=self.settings.log_folder,
            capacity=self.settings.sections.triggerer.capacity,
        )

    def close(self) -> None:
        self.store.close()


def configure_logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.sections.logging.logging_level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)  # says what it does at every start


def check_bundles(settings: Settings) -> None:
    """Refuse two bundles of one name; make the default DAG folder if it is not there yet."""
    names = [bundle.name for bundle in settings.bundles]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(
            f"core.bundles names {', '.join(sorted(twice))} twice.",
            hint="Give each bundle a name of its own.",
        )
    for bundle in settings.bundles:
        if bundle.kind != "folder":
            raise UserError(
                f"The bundle {bundle.name} is of the unknown kind {bundle.kind!r}.",
                hint="Known kinds: folder.",
            )
    default = Path(settings.sections.core.dags_folder)
    if default.parent == settings.home:
        default.mkdir(parents=True, exist_ok=True)


def run_until_stopped(wiring: Wiring, roles: dict[str, Role]) -> int:
    """Run each role in a thread until SIGTERM or SIGINT; returns the exit code.

    A second signal ends the process at once, as `kill -9` would, which loses nothing either.
    A role that fails stops the whole process, so that whoever supervises it starts it anew.
    """
    stop = threading.Event()
    failed: list[str] = []
    told: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        if told:
            os._exit(128 + number)
        told.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)

    def guarded(name: str, role: Role) -> None:
        try:
            role.run(stop)
        except Exception as error:
            failed.append(name)
            if isinstance(error, TradewindError):
                log.error("The %s stopped: %s%s", name, error, _hint(error))
            else:
                log.exception("The %s stopped by an error of its own.", name)
        finally:
            stop.set()

    threads = [threading.Thread(target=guarded, args=item, name=item[0]) for item in roles.items()]
    with ExitStack() as cleanup:
        cleanup.callback(wiring.close)
        cleanup.enter_context(_Heartbeat(wiring.store, wiring.name, roles))
        for thread in threads:
            thread.start()
        stop.wait()
        log.info("Stopping: running tasks may end first. A second signal stops at once.")
        for role in roles.values():
            role.wake()
        for thread in threads:
            thread.join()
    return 1 if failed else 0


def _hint(error: TradewindError) -> str:
    return f" {error.hint}" if error.hint else ""


class _Heartbeat:
    """Tells in the `process` table that these roles are alive."""

    def __init__(self, store: Store, name: str, roles: dict[str, Role]) -> None:
        self._store = store
        self._clock = SystemClock()
        self._names = {role: f"{name}:{role}" for role in roles}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> None:
        with self._store.begin() as tx:
            for role, name in self._names.items():
                processes.register(
                    tx,
                    name,
                    role=role,
                    hostname=socket.gethostname(),
                    pid=os.getpid(),
                    now=self._store.now(tx),
                )
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        try:
            with self._store.begin() as tx:
                for name in self._names.values():
                    processes.remove(tx, name)
        except TradewindError as error:
            log.warning("The database did not hear that this process ends: %s", error)

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT_SECONDS):
            try:
                with self._store.begin() as tx:
                    now = self._store.now(tx)
                    for name in self._names.values():
                        processes.beat(tx, name, now=now)
                    processes.remove_silent(tx, before=now - timedelta(seconds=_SILENT_SECONDS))
            except TradewindError as error:
                log.warning("No heartbeat could be written: %s", error)

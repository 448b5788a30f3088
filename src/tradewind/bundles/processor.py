"""The DAG processor: notices that bundles change, has the files concerned parsed, publishes them.

One thread and no waiting inside of `step`: signs of change, running parses and wake-ups from other
processes are descriptors that `run` sleeps on. Nothing is parsed on a timer.
"""

import logging
import os
import select
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec

from tradewind.bundles.base import QUIET_SECONDS, Bundle, BundleUnavailable
from tradewind.bundles.discovery import Discovery, Syntax
from tradewind.bundles.parser import Parser
from tradewind.bundles.publish import Owner, Publisher
from tradewind.bundles.results import FileError, Limits, ParseResult
from tradewind.bundles.scan import FileGone, Scan, Scanner
from tradewind.bundles.snapshot import Snapshots
from tradewind.bundles.state import BundleState, Job, KnownFile, Running
from tradewind.bundles.steady import compared
from tradewind.core.clock import Clock
from tradewind.core.errors import InfrastructureError
from tradewind.core.protocol import Failure, GetConnection, GetVariable, Reply, Request
from tradewind.storage.base import Storage
from tradewind.store import bundles, cleanup, dags, snapshots
from tradewind.store.engine import Store

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.05  # after files changed while they were copied; doubled each time
_TIDY_SECONDS = 3600.0  # how often unused snapshots are looked for, and how old they are then
_TROUBLE_SECONDS = 5.0  # after the database or the disk failed


class ProcessorSettings(msgspec.Struct, frozen=True, kw_only=True):
    parsing_processes: int = 2
    limits: Limits = Limits()
    paused_at_creation: bool = True
    safe_mode: bool = True
    ignore_syntax: Syntax = "glob"


class TaskApi(Protocol):
    def handle(self, message: Request, *, attempt_id: int | None) -> Reply: ...


class DagProcessor:
    """Keeps the store's DAGs equal to what the bundles hold.

    `step` does what there is to do now and returns the seconds until it should be called again at
    the latest; `run` calls it until told to stop. Both from one thread only.
    """

    def __init__(
        self,
        store: Store,
        sources: Sequence[Bundle],
        *,
        home: Path,
        storage: Storage,
        clock: Clock,
        task_api: TaskApi,
        settings: ProcessorSettings | None = None,
    ) -> None:
        self._settings = settings or ProcessorSettings()
        self._store = store
        self._clock = clock
        self._task_api = task_api
        self._scanner = Scanner(excluded=(home,))
        self._snapshots = Snapshots(home, storage)
        self._publisher = Publisher(
            store,
            clock,
            paused_at_creation=self._settings.paused_at_creation,
            standing=self._standing,
        )
        self._parser: Parser[Running] = Parser(
            self._answer,
            processes=self._settings.parsing_processes,
            limits=self._settings.limits,
            clock=clock,
        )
        self._states = [
            BundleState(
                bundle,
                Discovery(self._settings.ignore_syntax, self._settings.safe_mode),
                self._value_of,
            )
            for bundle in sources
        ]
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._told = False
        self._opened = False
        self._tidy_at = clock.monotonic() + _TIDY_SECONDS

    # --- the loop ---------------------------------------------------------------------------------

    def step(self) -> float:
        try:
            return self._step()
        except InfrastructureError:
            log.exception("The DAG processor could not go on; trying again.")
            return _TROUBLE_SECONDS

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set (then call `wake`). What running parses would say is lost."""
        listener = self._store.listen(["dag_processor"], lambda _channel: self._tell())
        try:
            while not stop.is_set():
                self._sleep(self.step())
        finally:
            listener.close()
            self.close()

    def close(self) -> None:
        self._parser.close()
        for state in self._states:
            state.bundle.close()

    def _step(self) -> float:
        now = self._clock.monotonic()
        if not self._opened:
            self._open()
        for state in self._states:
            due = state.due(now)
            if due <= now:
                self._refresh(state, now)
            elif due <= now + QUIET_SECONDS:  # a change is settling
                self._parser.prepare()
        if self._told:
            self._told = False
            for state in self._states:
                self._look_at_requests(state)
        for running, result in self._parser.step():
            self._finish(running, result)
        self._start_jobs()
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_SECONDS
            self._tidy()
        return self._seconds_to_next()

    def _seconds_to_next(self) -> float:
        now = self._clock.monotonic()
        waits = [max(0.0, state.due(now) - now) for state in self._states]
        if (parser_wait := self._parser.seconds_to_next()) is not None:
            waits.append(parser_wait)
        return min(waits, default=_TROUBLE_SECONDS)

    def _sleep(self, seconds: float) -> None:
        signs = [sign for s in self._states if (sign := s.bundle.signs()) is not None]
        poll = select.poll()
        for descriptor in [self._wake_reader, *self._parser.descriptors, *signs]:
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000 + 1)
        with suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)

    def _tell(self) -> None:
        """From any thread: somebody has changed what the DAG processor reads from the store."""
        self._told = True
        self.wake()

    def wake(self) -> None:
        """Have `run` look around now. From any thread."""
        with suppress(BlockingIOError):
            os.write(self._wake_writer, b"x")

    # --- bundles ----------------------------------------------------------------------------------

    def _open(self) -> None:
        """Go on from what is stored: files that are as they were are not parsed again."""
        names = [state.name for state in self._states]
        with self._store.begin() as tx:
            bundles.remove_outside(tx, names)
            dags.mark_stale_outside(tx, names)
        for state in self._states:
            self._load(state)
        self._opened = True

    def _load(self, state: BundleState) -> None:
        with self._store.read() as tx:
            errors = {row.path for row in bundles.import_errors(tx, bundle_name=state.name)}
            for row in bundles.files(tx, state.name):
                state.known[row.path] = KnownFile(
                    row.input_digest,
                    tuple(row.inputs or ()),
                    "error" if row.path in errors else None,
                )
            for row in dags.listing(tx, bundle_name=state.name):
                state.defines[row.file] = state.defines.get(row.file, frozenset()) | {row.dag_id}

    def _refresh(self, state: BundleState, now: float) -> None:
        """Scan, snapshot if anything is new, and queue what must be parsed."""
        state.look_again_at = float("inf")
        try:
            version = state.bundle.refresh()
            scan = self._scan(state.bundle)
            if state.is_as_before(scan):
                self._look_at_requests(state)
            else:
                self._take(state, scan, version)
        except FileGone:
            state.misses += 1
            state.look_again_at = now + min(_TROUBLE_SECONDS, _AGAIN_SECONDS * 2**state.misses)
        except BundleUnavailable as error:
            self._fail(state, str(error), error.hint)
        except OSError as error:  # our own disk is full, or the like
            self._fail(state, f"No snapshot of {state.bundle.path} can be made: {error}.", None)
        except InfrastructureError:
            state.look_again_at = now + _TROUBLE_SECONDS
            raise

    def _take(self, state: BundleState, scan: Scan, version: str | None) -> None:
        digest = self._snapshots.take(scan)
        found = state.discovery.candidates(self._snapshots.path(digest), scan.hashes)
        changes = state.take(scan, digest, version, found)
        self._publisher.refreshed(state, changes)
        state.settle(changes)
        for running in state.overtaken():
            self._parser.cancel(running)
            del state.running[running.job.file]
            state.add(replace(running.job, retry=False))
        if changes.gone:
            self._retry_conflicts()

    def _scan(self, bundle: Bundle) -> Scan:
        scan = self._scanner.scan(bundle.path)
        while bundle.watch(scan.folders):  # something may have happened in the new ones meanwhile
            scan = self._scanner.scan(bundle.path)
        return scan

    def _fail(self, state: BundleState, problem: str, hint: str | None) -> None:
        text = f"{problem}\n{hint}" if hint else problem
        if text != state.error:
            log.error("Bundle %s: %s", state.name, problem)
            self._publisher.failed(state, text)
            state.error = text

    def _look_at_requests(self, state: BundleState) -> None:
        """Somebody asked for a file, changed a variable, or a custom timetable ran dry."""
        with self._store.read() as tx:
            files = bundles.files(tx, state.name)
            dry = {row.file for row in dags.needing_slots(tx, state.name)}
        for row in files:
            if row.input_digest is None:
                state.ask_for(row.path)
        state.plan("a variable or connection that it reads changed")
        for file in sorted(dry):
            state.add(Job(file, "its timetable must say what comes next"))

    def _tidy(self) -> None:
        """Remove snapshots that neither a DAG nor a run needs any more."""
        before = self._clock.now() - timedelta(seconds=_TIDY_SECONDS)
        cleanup.clean(self._store, before=before, tables=["snapshot"])
        with self._store.read() as tx:
            needed = snapshots.in_use(tx)
        self._snapshots.remove_unused(needed, min_age_seconds=_TIDY_SECONDS)

    # --- parsing ----------------------------------------------------------------------------------

    def _start_jobs(self) -> None:
        """Edited files first, then new ones. Retries leave one process free, so that an edit need
        not wait for files that hang."""
        for state, job in self._next_jobs():
            free = self._parser.free
            if free == 0 or (job.retry and free == 1 and self._parser.busy > 0):
                return
            del state.queue[job.file]
            assert state.digest is not None
            self._begin(Running(state, job, state.digest, state.hashes))

    def _next_jobs(self) -> list[tuple[BundleState, Job]]:
        jobs = [(state, job) for state in self._states for job in state.queue.values()]
        return sorted(jobs, key=lambda job: (job[1].retry, job[1].file not in job[0].known))

    def _begin(self, running: Running, *, unlike: str | None = None) -> None:
        state, file = running.state, running.job.file
        with self._store.read() as tx:
            last = dags.last_automated_slots(tx, state.defines.get(file, frozenset()))
        state.running[file] = running
        root = self._snapshots.path(running.digest)
        running.host = self._parser.start(root, file, running, last_slots=last, unlike=unlike)

    def _finish(self, running: Running, result: ParseResult) -> None:
        state, job = running.state, running.job
        del state.running[job.file]
        if job.file not in state.candidates:
            return
        if state.is_outdated(running, result.inputs):
            state.add(job)
            return
        if running.first is None and self._needs_comparison(running, result):
            self._begin(replace(running, first=result), unlike=running.host)
            return
        result, moving = compared(running.first, result)
        if result.error is None:
            state.defines[job.file] = frozenset(dag.dag_id for dag in result.dags)
        outcome = self._publisher.publish(state, job, result, moving)
        if outcome.blocked_by is not None:
            state.add(replace(job, retry=True, postponed=True))
        if outcome.freed:
            self._retry_conflicts()
        _report(state, job, result, outcome.error)

    def _needs_comparison(self, running: Running, result: ParseResult) -> bool:
        """Parse twice what may differ each time: by its text, or because it has."""
        state, file = running.state, running.job.file
        if result.error is not None or not result.dags:
            return False
        known = state.known.get(file)
        if known is None or known.digest != state.input_digest(file, result.inputs):
            return result.unsteady
        return self._publisher.differs(result.dags)

    def _retry_conflicts(self) -> None:
        for state in self._states:
            state.retry_errors("a DAG id became free", kind="duplicate_dag")

    def _standing(self, owner: Owner, dag_id: str) -> str:
        """See `Publisher`."""
        name, file = owner
        state = next((state for state in self._states if state.name == name), None)
        if state is None or file not in state.candidates:
            return "no"
        if state.may_still_change(file):
            return "maybe"
        return "now" if dag_id in state.defines.get(file, ()) else "no"

    # --- what files ask for -----------------------------------------------------------------------

    def _answer(self, request: Request) -> Reply:
        """Importing a file may read; it has no business changing anything."""
        if not isinstance(request, GetVariable | GetConnection):
            return Failure(
                kind="invalid",
                message=f"{type(request).__name__} is not possible while a DAG file is imported;"
                " do it inside of a task.",
            )
        return self._task_api.handle(request, attempt_id=None)

    def _value_of(self, name: str) -> str:
        kind, _, key = name.partition(":")
        request = GetVariable(key=key) if kind == "variable" else GetConnection(conn_id=key)
        return sha256(
            msgspec.json.encode(self._task_api.handle(request, attempt_id=None))
        ).hexdigest()


def _report(state: BundleState, job: Job, result: ParseResult, error: FileError | None) -> None:
    where = f"{state.name}/{job.file}"
    took = f"in {result.seconds:.2f} s because {job.reason}"
    if error is None:
        log.info("%s: %s DAGs %s", where, len(result.dags), took)
    else:
        log.warning("%s does not load (%s): %s", where, took, error.message)

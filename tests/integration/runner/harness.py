"""A local executor with real processes, and a control plane that keeps everything in memory."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tradewind.core import protocol
from tradewind.core.protocol import CallbackOrder, DagSource, Reply, Request, RunInfo, WorkOrder
from tradewind.core.states import DagRunType
from tradewind.executors.base import (
    AttemptEnded,
    AttemptReported,
    AttemptStarted,
    CallbackEnded,
    ExecutorEvent,
)
from tradewind.executors.local import LocalExecutor

WAIT_SECONDS = 60.0  # far more than needed; only a hang takes so long

AT = datetime(2026, 1, 15, 6, tzinfo=UTC)


class MemoryTaskApi:
    """Answers requests from dictionaries, and remembers them all."""

    def __init__(self) -> None:
        self.requests: list[tuple[int | None, Request]] = []
        self.xcoms: dict[tuple[str, str, int], Any] = {}
        self.variables: dict[str, str] = {}
        self.connections: dict[str, protocol.ConnectionValue] = {}
        self.inactive_assets: list[tuple[str, str]] = []
        self.refuse: protocol.Failure | Exception | None = None

    def handle(self, message: Request, *, attempt_id: int | None) -> Reply:
        self.requests.append((attempt_id, message))
        if isinstance(self.refuse, Exception):
            raise self.refuse
        if self.refuse is not None:
            return self.refuse
        match message:
            case protocol.GetXCom():
                return self._xcom(message)
            case protocol.GetVariable(key=key):
                value = self.variables.get(key)
                return protocol.VariableReply(found=value is not None, value=value)
            case protocol.SetVariable(key=key, value=value):
                self.variables[key] = value
                return protocol.Ok()
            case protocol.GetConnection(conn_id=conn_id):
                return protocol.ConnectionReply(connection=self.connections.get(conn_id))
            case protocol.SetXCom() | protocol.SetRenderedFields():
                return protocol.Ok()
            case protocol.GetInactiveAssets():
                return protocol.InactiveAssetsReply(assets=self.inactive_assets)
            case protocol.GetPreviousDagRun():
                return protocol.DagRunReply()
        return protocol.Failure(kind="invalid", message=f"not in this test: {message}")

    def _xcom(self, query: protocol.GetXCom) -> protocol.XComReply:
        if isinstance(query.map_index, int):
            key = (query.task_id, query.key, query.map_index)
            return protocol.XComReply(found=key in self.xcoms, value=self.xcoms.get(key))
        if (plain := (query.task_id, query.key, -1)) in self.xcoms:
            return protocol.XComReply(found=True, value=self.xcoms[plain])
        mapped = sorted(k for k in self.xcoms if k[:2] == (query.task_id, query.key))
        return protocol.XComReply(found=bool(mapped), value=[self.xcoms[key] for key in mapped])

    def of_type(self, kind: type[Any]) -> list[Any]:
        return [message for _, message in self.requests if isinstance(message, kind)]


class Bench:
    """Starts attempts of DAG files in a folder and collects what becomes of them."""

    def __init__(self, executor: LocalExecutor, root: Path, logs: Path, api: MemoryTaskApi) -> None:
        self.executor = executor
        self.root = root
        self.logs = logs
        self.api = api
        self.events: list[ExecutorEvent] = []
        self.woken = threading.Event()
        self._last_id = 0

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def source(self, file: str) -> DagSource:
        return DagSource(bundle="test", digest="d1", file=file, root=str(self.root))

    def start(
        self, file: str, task_id: str, dag_id: str = "d", lease_seconds: float = 30.0, **more: Any
    ) -> int:
        self._last_id += 1
        run = more.pop("run", None) or run_info(dag_id)
        order = WorkOrder(
            attempt_id=self._last_id,
            task_instance_id=self._last_id,
            source=self.source(file),
            run=run,
            task_id=task_id,
            log_file=f"{dag_id}/{task_id}/{self._last_id}.log",
            **more,
        )
        self.executor.start(order, lease_seconds)
        return self._last_id

    def call_back(
        self, file: str, kinds: list[str], dag_id: str = "d", **more: Any
    ) -> CallbackEnded:
        self._last_id += 1
        self.executor.run_callback(
            CallbackOrder(
                callback_id=self._last_id,
                source=self.source(file),
                run=run_info(dag_id),
                kinds=kinds,
                log_file=f"{dag_id}/callback.log",
                **more,
            )
        )
        wanted = self._last_id
        return self.wait_for(
            lambda event: isinstance(event, CallbackEnded) and event.callback_id == wanted
        )

    def run(self, file: str, task_id: str, **more: Any) -> Any:
        """Start, wait for the end, and give the outcome (None when there was no report)."""
        return self.result(self.start(file, task_id, **more))[0]

    def result(self, attempt_id: int) -> tuple[Any, AttemptEnded]:
        ended = self.ended(attempt_id)
        reports = [
            event.outcome
            for event in self.events
            if isinstance(event, AttemptReported) and event.attempt_id == attempt_id
        ]
        assert len(reports) <= 1
        return (reports[0] if reports else None), ended

    def started(self, attempt_id: int) -> AttemptStarted:
        return self.wait_for(lambda e: isinstance(e, AttemptStarted) and e.attempt_id == attempt_id)

    def ended(self, attempt_id: int) -> AttemptEnded:
        return self.wait_for(lambda e: isinstance(e, AttemptEnded) and e.attempt_id == attempt_id)

    def wait_for(self, wanted: Callable[[ExecutorEvent], bool]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for event in self.events:
                if wanted(event):
                    return event
            self.woken.wait(1.0)
            self.woken.clear()
            self.events += self.executor.events()
        raise AssertionError(f"waited in vain; so far: {self.events}")

    def wait_for_log(self, attempt_id: int, text: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if any(text in record["event"] for record in self.log(attempt_id)):
                return
            time.sleep(0.02)
        raise AssertionError(f"{text!r} never came: {self.log(attempt_id)}")

    def log(self, attempt_id: int) -> list[dict[str, Any]]:
        paths = list(self.logs.rglob(f"{attempt_id}.log"))
        lines = paths[0].read_bytes().splitlines() if paths else []
        return [msgspec.json.decode(line) for line in lines]

    def text(self, attempt_id: int) -> str:
        return "\n".join(record["event"] for record in self.log(attempt_id))


def run_info(dag_id: str = "d", **more: Any) -> RunInfo:
    fields: dict[str, Any] = {
        "run_id": "run_1",
        "run_type": DagRunType.MANUAL,
        "run_after": AT,
        "logical_date": AT,
        "interval_start": AT,
        "interval_end": AT,
        **more,
    }
    return RunInfo(dag_id=dag_id, **fields)


@contextmanager
def bench(tmp_path: Path, **settings: Any) -> Iterator[Bench]:
    api = MemoryTaskApi()
    root, logs = tmp_path / "dags", tmp_path / "logs"
    root.mkdir()
    options: dict[str, Any] = {"slots": 8, "grace_seconds": 1.0, **settings}
    executor = LocalExecutor(api, log_folder=logs, **options)
    stand = Bench(executor, root, logs, api)
    executor.open(stand.woken.set)
    try:
        yield stand
    finally:
        executor.close(drain_seconds=0.0)

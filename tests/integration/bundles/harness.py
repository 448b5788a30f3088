"""A DAG processor on real folders, with real children, in a thread of the test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tradewind.bundles.folder import FolderBundle
from tradewind.bundles.processor import DagProcessor, ProcessorSettings
from tradewind.bundles.results import Limits
from tradewind.core.clock import SystemClock
from tradewind.core.dag import SerializedDag
from tradewind.storage.folder import FolderStorage
from tradewind.store import bundles, dags
from tradewind.store.engine import Store
from tradewind.taskapi.handler import TaskApi

T = TypeVar("T")

DAG_FILE = """
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG({dag_id!r}, schedule={schedule!r}):
    for task_id in {tasks!r}:
        EmptyOperator(task_id=task_id)
"""


def dag_file(dag_id: str, *tasks: str, schedule: str | None = None) -> str:
    return DAG_FILE.format(dag_id=dag_id, tasks=tasks or ("only",), schedule=schedule)


def eventually(probe: Callable[[], T], seconds: float = 60.0) -> T:
    """What `probe` returns as soon as that is true; fails when it never is."""
    until = time.monotonic() + seconds
    while True:
        if found := probe():
            return found
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


class Processing:
    """The folders, the processor on them, and what the store says."""

    def __init__(self, store: Store, home: Path, *folders: Path, **settings: Any) -> None:
        self.store = store
        self.home = home
        self.folders = folders
        limits = settings.pop("limits", Limits(seconds=20.0))
        self.settings = ProcessorSettings(limits=limits, **settings)
        self.storage = FolderStorage(home / "storage")

    def processor(self) -> DagProcessor:
        return DagProcessor(
            self.store,
            [FolderBundle(folder.name, folder) for folder in self.folders],
            home=self.home,
            storage=self.storage,
            clock=SystemClock(),
            task_api=TaskApi(self.store),
            settings=self.settings,
        )

    @contextmanager
    def running(self) -> Iterator[DagProcessor]:
        processor = self.processor()
        stop = threading.Event()
        thread = threading.Thread(target=processor.run, args=[stop])
        thread.start()
        try:
            yield processor
        finally:
            stop.set()
            processor.wake()
            thread.join()

    def row(self, dag_id: str) -> Any:
        with self.store.read() as tx:
            return dags.get(tx, dag_id)

    def document(self, dag_id: str) -> SerializedDag | None:
        with self.store.read() as tx:
            return dags.document(tx, dag_id)

    def tasks(self, dag_id: str) -> list[str]:
        document = self.document(dag_id)
        return [task.task_id for task in document.tasks] if document is not None else []

    def versions(self, dag_id: str) -> int:
        with self.store.read() as tx:
            return len(dags.versions(tx, dag_id))

    def error(self, file: str, bundle: str = "dags") -> Any:
        with self.store.read() as tx:
            errors = bundles.import_errors(tx, bundle_name=bundle)
        return next((row for row in errors if row.path == file), None)

    def file(self, path: str, bundle: str = "dags") -> Any:
        with self.store.read() as tx:
            return next((r for r in bundles.files(tx, bundle) if r.path == path), None)

    def bundle(self, name: str = "dags") -> Any:
        with self.store.read() as tx:
            return bundles.get(tx, name)

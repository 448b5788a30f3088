"""`TaskInstance`: what `context["ti"]` is, for type annotations in DAG files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol


class TaskInstance(Protocol):
    """The running instance; the runner's own class has these members."""

    task: Any
    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    try_number: int
    max_tries: int
    hostname: str | None
    start_date: datetime

    def xcom_pull(
        self,
        task_ids: str | Iterable[str] | None = None,
        dag_id: str | None = None,
        key: str = "return_value",
        include_prior_dates: bool = False,
        *,
        map_indexes: int | Iterable[int] | None = None,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """XComs of tasks of this run: one value, or a sequence for several tasks or instances."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Store a value under a key of this instance."""

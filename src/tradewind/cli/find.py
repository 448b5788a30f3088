"""Finding what a command names, or saying clearly that it is not there."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Connection

from tradewind.cli.app import read_moment
from tradewind.core.dag import SerializedDag, TaskSpec
from tradewind.core.errors import NotFound, UserError
from tradewind.store import dags, listings
from tradewind.store.listings import RunFilter


def the_dag(tx: Connection, dag_id: str) -> Any:
    """The row of `dag`."""
    row = dags.get(tx, dag_id)
    if row is None:
        raise NotFound(
            f"There is no DAG {dag_id!r}.",
            hint=_similar(dag_id, [row.dag_id for row in dags.listing(tx)])
            or "`tradewind dags list` shows all; a file that does not load is in"
            " `tradewind dags list-import-errors`.",
        )
    return row


def the_document(tx: Connection, dag_id: str) -> SerializedDag:
    """The newest version of a DAG."""
    the_dag(tx, dag_id)
    document = dags.document(tx, dag_id)
    assert document is not None
    return document


def the_task(document: SerializedDag, task_id: str) -> TaskSpec:
    for task in document.tasks:
        if task.task_id == task_id:
            return task
    raise NotFound(
        f"{document.dag_id} has no task {task_id!r}.",
        hint=_similar(task_id, [task.task_id for task in document.tasks])
        or f"`tradewind tasks list {document.dag_id}` shows all.",
    )


def the_run(tx: Connection, dag_id: str, run_id_or_logical_date: str) -> Any:
    """The row of `dag_run`, by run id or by logical date."""
    the_dag(tx, dag_id)
    row = listings.run(tx, RunFilter(dag_id=dag_id, run_ids=[run_id_or_logical_date]))
    if row is None and (moment := read_moment(run_id_or_logical_date)):
        row = listings.run(tx, RunFilter(dag_id=dag_id, logical_dates=[moment]))
    if row is None:
        raise NotFound(
            f"{dag_id} has no run {run_id_or_logical_date!r}.",
            hint=f"`tradewind dags list-runs {dag_id}` shows all.",
        )
    return row


def matching_dags(tx: Connection, names: Sequence[str], *, regex: bool) -> list[str]:
    """DAG ids that are named, or that match one of the regular expressions from their start."""
    if not regex:
        return [the_dag(tx, name).dag_id for name in names]
    try:
        patterns = [re.compile(name) for name in names]
    except re.error as error:
        raise UserError(f"{error.pattern!r} is not a regular expression: {error}.") from error
    found = [row.dag_id for row in dags.listing(tx) if any(p.match(row.dag_id) for p in patterns)]
    if not found:
        raise NotFound(f"No DAG matches {', '.join(names)}.")
    return found


def _similar(name: str, names: list[str]) -> str | None:
    close = get_close_matches(name, names, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else None

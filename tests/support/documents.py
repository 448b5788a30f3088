"""DAG documents and rows for tests that need some in the store."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from tradewind.core.dag import SCHEMA, NullSchedule, SerializedDag, TaskSpec
from tradewind.store import dags, runs
from tradewind.store.schema import attempt, task_instance

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def task(task_id: str, *upstream: str, **fields: Any) -> TaskSpec:
    return TaskSpec(
        task_id=task_id,
        label=task_id,
        operator="PythonOperator",
        upstream=sorted(upstream),
        **fields,
    )


def document(dag_id: str, *tasks: TaskSpec, **fields: Any) -> SerializedDag:
    """A DAG of these tasks, or of one task "t"."""
    values: dict[str, Any] = {"file": f"{dag_id}.py", "timetable": NullSchedule()}
    return SerializedDag(
        schema=SCHEMA, dag_id=dag_id, tasks=list(tasks or [task("t")]), **(values | fields)
    )


def publish(
    tx: Connection, *documents: SerializedDag, digest: str = "d1", **more: Any
) -> list[dags.Published]:
    """Publish the DAGs as the contents of the first one's file."""
    values: dict[str, Any] = {
        "bundle_name": "main",
        "file": documents[0].file,
        "digest": digest,
        "bundle_version": None,
        "now": NOW,
        "paused_at_creation": False,
    }
    return dags.publish(tx, documents, **(values | more))


def add_run(tx: Connection, dag_id: str, run_id: str, **values: Any) -> int:
    """A running manual run of a published DAG; returns its key."""
    row = dags.get(tx, dag_id)
    assert row is not None
    defaults: dict[str, Any] = {
        "dag_id": dag_id,
        "run_id": run_id,
        "run_type": "manual",
        "state": "running",
        "version_id": row.version_id,
        "bundle_name": row.bundle_name,
        "digest": row.digest,
        "logical_date": None,
        "run_after": NOW,
        "queued_at": NOW,
        "conf": {},
    }
    runs.insert_new(tx, [defaults | values])
    made = runs.find(tx, dag_id, run_id)
    assert made is not None
    pk: int = made.id
    return pk


def add_instance(
    tx: Connection, run_pk: int, task_id: str, map_index: int = -1, **values: Any
) -> int:
    pk: int = tx.execute(
        task_instance.insert()
        .values(run_pk=run_pk, task_id=task_id, map_index=map_index, **values)
        .returning(task_instance.c.id)
    ).scalar_one()
    return pk


def add_attempt(
    tx: Connection,
    run_pk: int,
    task_instance_id: int,
    *,
    generation: int = 1,
    current: bool = True,
    **values: Any,
) -> int:
    """A running attempt, and with `current` the instance's own."""
    defaults: dict[str, Any] = {
        "state": "running",
        "executor": "local",
        "owner": "me",
        "queued_at": NOW,
        "try_number": 1,
    }
    pk: int = tx.execute(
        attempt.insert()
        .values(
            run_pk=run_pk,
            task_instance_id=task_instance_id,
            generation=generation,
            **(defaults | values),
        )
        .returning(attempt.c.id)
    ).scalar_one()
    if current:
        tx.execute(
            task_instance.update()
            .where(task_instance.c.id == task_instance_id)
            .values(attempt_id=pk)
        )
    return pk

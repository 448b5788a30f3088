"""`tradewind tasks`."""

from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from tradewind import settings as settings_module
from tradewind.cli.app import current_store
from tradewind.cli.find import the_document, the_run, the_task
from tradewind.cli.lazy import LazyGroup
from tradewind.cli.logs import LEVELS, follow_log, print_log
from tradewind.cli.output import output_option, print_record, print_rows
from tradewind.core.errors import NotFound
from tradewind.store import attempts, listings, rendered
from tradewind.store.engine import Rows
from tradewind.store.listings import RunFilter


@click.group(
    cls=LazyGroup,
    elsewhere={
        "test": ("dag_test:test_task", "Run one task here and now, whatever it depends on."),
        "clear": ("task_actions:clear", "Set task instances back to the start."),
        "mark": ("task_actions:mark", "Set task instances to a state by hand."),
    },
)
def tasks() -> None:
    """Look into tasks, test, clear and mark them."""


def map_index_option(command: Any) -> Any:
    return click.option(
        "--map-index", type=int, default=-1, show_default=True, help="-1: not mapped."
    )(command)


def instances_of(tx: Connection, run: Any) -> Rows:
    """The task instances of a run."""
    return listings.instances(tx, RunFilter(dag_id=run.dag_id, run_ids=[run.run_id]))


def the_instance(tx: Connection, run: Any, task_id: str, map_index: int) -> Any:
    """The row of `task_instance`."""
    of_task = [row for row in instances_of(tx, run) if row.task_id == task_id]
    for row in of_task:
        if row.map_index == map_index:
            return row
    raise NotFound(
        f"The run {run.run_id} has no instance {map_index} of {task_id!r}.",
        hint=f"It has the map indexes {', '.join(str(row.map_index) for row in of_task)}."
        if of_task
        else f"`tradewind tasks states-for-dag-run {run.dag_id} {run.run_id}` shows all.",
    )


@tasks.command("list")
@click.argument("dag_id")
@output_option
def list_(dag_id: str, output: str) -> None:
    """List the tasks of a DAG, in topological order."""
    with current_store() as store, store.read() as tx:
        document = the_document(tx, dag_id)
    print_rows(
        [
            {
                "task_id": task.task_id,
                "operator": task.operator,
                "upstream": task.upstream,
                "trigger_rule": task.trigger_rule,
                "mapped": task.expansion is not None,
                "pool": task.pool,
                "retries": task.retries,
            }
            for task in document.tasks
        ],
        output,
        empty=f"{dag_id} has no tasks.",
    )


@tasks.command("states-for-dag-run")
@click.argument("dag_id")
@click.argument("run_id_or_logical_date")
@output_option
def states_for_dag_run(dag_id: str, run_id_or_logical_date: str, output: str) -> None:
    """List the task instances of a run with their states."""
    with current_store() as store, store.read() as tx:
        run = the_run(tx, dag_id, run_id_or_logical_date)
        rows = instances_of(tx, run)
    print_rows(
        [
            {
                "task_id": row.task_id,
                "map_index": row.map_index,
                "state": row.state,
                "try_number": row.try_number,
                "start_date": row.start_date,
                "end_date": row.end_date,
                "reason": row.reason or "",
            }
            for row in rows
        ],
        output,
        empty="The run has no task instances.",
    )


@tasks.command()
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run_id_or_logical_date")
@map_index_option
def state(dag_id: str, task_id: str, run_id_or_logical_date: str, map_index: int) -> None:
    """Print the state of a task instance."""
    with current_store() as store, store.read() as tx:
        run = the_run(tx, dag_id, run_id_or_logical_date)
        click.echo(the_instance(tx, run, task_id, map_index).state)


@tasks.command()
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run_id_or_logical_date")
@click.argument("try_number", type=int, required=False)
@map_index_option
@click.option("-f", "--follow", is_flag=True, help="Go on as the task writes, until it ends.")
@click.option(
    "--level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="debug",
    show_default=True,
    help="Only records of this level or above.",
)
def logs(
    dag_id: str,
    task_id: str,
    run_id_or_logical_date: str,
    try_number: int | None,
    map_index: int,
    follow: bool,
    level: str,
) -> None:
    """Print the log of a task instance: its newest try, or the one named."""
    folder = settings_module.load().log_folder
    with current_store() as store:
        with store.read() as tx:
            run = the_run(tx, dag_id, run_id_or_logical_date)
            instance = the_instance(tx, run, task_id, map_index)
            found = attempts.of_instance(tx, instance.id)
        chosen = [a for a in found if a.try_number == (try_number or instance.try_number)]
        if not chosen:
            raise NotFound(
                f"{task_id} has not started{f' its try {try_number}' if try_number else ''}:"
                f" it is {instance.state}.",
                hint=f"Why: `tradewind tasks why {dag_id} {task_id} {run.run_id}`.",
            )
        for attempt in chosen[:-1] if follow else chosen:
            print_log(folder / attempt.log_file, level)
        if follow:
            follow_log(store, folder, chosen[-1], level)


@tasks.command("attempts")
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run_id_or_logical_date")
@map_index_option
@output_option
def list_attempts(
    dag_id: str, task_id: str, run_id_or_logical_date: str, map_index: int, output: str
) -> None:
    """List the attempts of a task instance: where each ran, what it used, how it ended."""
    with current_store() as store, store.read() as tx:
        run = the_run(tx, dag_id, run_id_or_logical_date)
        rows = attempts.of_instance(tx, the_instance(tx, run, task_id, map_index).id)
    print_rows(
        [
            {
                "try_number": row.try_number,
                "attempt": row.generation,
                "state": row.outcome or row.state,
                "executor": row.executor,
                "hostname": row.hostname or "",
                "pid": row.pid,
                "queued_at": row.queued_at,
                "launched_at": row.launched_at,
                "started_at": row.started_at,
                "ended_at": row.ended_at,
                "cpu_seconds": row.cpu_seconds,
                "peak_memory_mb": _megabytes(row.peak_memory_bytes),
                "reason": row.reason or "",
            }
            for row in rows
        ],
        output,
        empty=f"{task_id} has not started.",
    )


def _megabytes(size: int | None) -> float | None:
    return None if size is None else round(size / (1 << 20), 1)


@tasks.command()
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run_id_or_logical_date")
@map_index_option
@output_option
def render(
    dag_id: str, task_id: str, run_id_or_logical_date: str, map_index: int, output: str
) -> None:
    """Show what the templates of a task instance came to when it last started."""
    with current_store() as store, store.read() as tx:
        run = the_run(tx, dag_id, run_id_or_logical_date)
        instance = the_instance(tx, run, task_id, map_index)
        fields = rendered.get(tx, instance.id)
        task = the_task(the_document(tx, dag_id), task_id)
    if fields is None:
        raise NotFound(
            f"{task_id} has not started in {run.run_id}: its templates are not rendered yet."
            if task.template_fields
            else f"{task_id} has no templated fields.",
        )
    print_record(fields, output)


@tasks.command()
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("run_id_or_logical_date")
@map_index_option
@output_option
def why(
    dag_id: str, task_id: str, run_id_or_logical_date: str, map_index: int, output: str
) -> None:
    """Say why a task instance is not running: the first unmet condition, then the others."""
    with current_store() as store:
        with store.read() as tx:
            run = the_run(tx, dag_id, run_id_or_logical_date)
            the_task(the_document(tx, dag_id), task_id)
        from tradewind.scheduler import why as reasons  # the scheduler is heavy: only here

        found = reasons.why(store, run.id, task_id, map_index, now=datetime.now(UTC))
    if output == "table":
        for reason in found or []:
            click.echo(reason.message)
        if not found:
            click.echo(f"Nothing holds {task_id} back.")
    else:
        print_rows([{"code": r.code, "reason": r.message} for r in found], output)

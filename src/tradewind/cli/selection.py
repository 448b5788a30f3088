"""Which task instances a person means, and the preview before anything is changed."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from tradewind.cli.app import MOMENT, confirm
from tradewind.cli.find import the_dag, the_document, the_run
from tradewind.cli.output import print_rows
from tradewind.core.errors import NotFound, UserError
from tradewind.core.runs.clearing import Request
from tradewind.scheduler.actions import Affected, RunChoice
from tradewind.store import listings
from tradewind.store.engine import Store
from tradewind.store.listings import RunFilter

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = [
    click.option("-t", "--task-regex", help="Tasks whose id matches from its start."),
    click.option("--task-id", "task_ids", multiple=True, help="This task; may be repeated."),
    click.option("--map-index", type=int, help="Only this instance of a mapped task."),
    click.option("--run-id", "run_ids", multiple=True, help="This run; may be repeated."),
    click.option("-s", "--start-date", type=MOMENT, help="Runs from this logical date on."),
    click.option("-e", "--end-date", type=MOMENT, help="Runs up to this logical date."),
    click.option("-u", "--upstream", is_flag=True, help="Also what comes before the tasks."),
    click.option("-d", "--downstream", is_flag=True, help="Also what comes after the tasks."),
    click.option("--past", is_flag=True, help="Also in all earlier runs."),
    click.option("--future", is_flag=True, help="Also in all later runs."),
    click.option("-f", "--only-failed", is_flag=True),
    click.option("-r", "--only-running", is_flag=True),
    click.option("--dry-run", is_flag=True, help="Only say what would change."),
]


def selection_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(
    store: Store,
    dag_id: str,
    *,
    task_regex: str | None,
    task_ids: tuple[str, ...],
    map_index: int | None,
    run_ids: tuple[str, ...],
    start_date: datetime | None,
    end_date: datetime | None,
    past: bool,
    future: bool,
    **relatives: bool,
) -> tuple[RunChoice, Request]:
    """Turn the options into what the actions take; raises `NotFound` when they mean nothing."""
    with store.read() as tx:
        the_dag(tx, dag_id)
        known = [task.task_id for task in the_document(tx, dag_id).tasks]
        if run_ids:
            ids = [the_run(tx, dag_id, run_id).run_id for run_id in run_ids]
        else:
            wanted = RunFilter(dag_id=dag_id, after=start_date, before=end_date)
            ids = [run.run_id for run in listings.runs(tx, wanted)]
    if not ids:
        raise NotFound(f"{dag_id} has no such runs.")
    tasks = _tasks(known, task_regex, task_ids)
    if map_index is not None and (tasks is None or len(tasks) != 1):
        raise UserError("--map-index needs exactly one task.", hint="Name it with --task-id.")
    indexes = {task: [map_index] for task in tasks or () if map_index is not None}
    return (
        RunChoice(dag_id, ids, past=past, future=future),
        Request(task_ids=tasks, map_indexes=indexes, **relatives),
    )


def _tasks(
    known: list[str], task_regex: str | None, task_ids: tuple[str, ...]
) -> frozenset[str] | None:
    if task_regex is None and not task_ids:
        return None
    if missing := [task_id for task_id in task_ids if task_id not in known]:
        raise NotFound(
            f"There is no task {', '.join(missing)}.", hint=f"Tasks: {', '.join(known[:20])}."
        )
    try:
        matching = [t for t in known if task_regex is not None and re.match(task_regex, t)]
    except re.error as error:
        raise UserError(f"{task_regex!r} is not a regular expression: {error}.") from error
    if not (matching or task_ids):
        raise NotFound(f"No task matches {task_regex}.", hint=f"Tasks: {', '.join(known[:20])}.")
    return frozenset([*task_ids, *matching])


def change(
    action: Callable[[bool], list[Affected]],
    verb: str,
    *,
    dry_run: bool,
    yes: bool,
    output: str,
    whole_run: bool = False,
) -> None:
    """Show what `action(dry_run)` would touch, ask, and do it. `verb`: as in "Clear the run".

    `whole_run`: there is something to do even when no task instance is concerned.
    """
    affected = action(True)
    rows = [
        {"run_id": a.run_id, "task_id": a.task_id, "map_index": a.map_index, "state": a.state}
        for a in affected
    ]
    if dry_run or not (rows or whole_run):
        print_rows(rows, output, empty="No task instance is concerned.")
        return
    if not yes:
        print_rows(rows, "table")
        confirm(f"{verb}: {len(rows)} task instances change. Go on?", yes=False)
    done = action(False)
    if output in ("json", "yaml"):
        print_rows(rows, output)
    else:
        click.echo(f"{verb}: done, {len(done)} task instances changed.")

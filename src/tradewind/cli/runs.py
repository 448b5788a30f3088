"""`tradewind runs`: whole DAG runs by hand."""

from datetime import UTC, datetime

import click

from tradewind.cli.app import current_store
from tradewind.cli.find import the_run
from tradewind.cli.output import output_option
from tradewind.cli.selection import change
from tradewind.core.runs.clearing import Request
from tradewind.core.states import DagRunState
from tradewind.scheduler import actions


@click.group()
def runs() -> None:
    """Clear, mark and cancel DAG runs."""


_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only say what would change.")


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.option("-f", "--only-failed", is_flag=True, help="Keep what has succeeded.")
@_dry_run
@_yes
@output_option
def clear(
    dag_id: str, run_id: str, only_failed: bool, dry_run: bool, yes: bool, output: str
) -> None:
    """Set all task instances of a run back to the start, and run it again."""
    with current_store() as store:
        with store.read() as tx:
            run = the_run(tx, dag_id, run_id)
        choice = actions.RunChoice(dag_id, [run.run_id])
        request = Request(only_failed=only_failed)
        change(
            lambda dry: actions.clear(store, choice, request, now=datetime.now(UTC), dry_run=dry),
            "Clear the run",
            dry_run=dry_run,
            yes=yes,
            output=output,
            whole_run=True,
        )


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@click.argument("state", type=click.Choice(["success", "failed"]))
@_dry_run
@_yes
@output_option
def mark(dag_id: str, run_id: str, state: str, dry_run: bool, yes: bool, output: str) -> None:
    """End a run by hand as success or failed."""
    with current_store() as store:
        with store.read() as tx:
            run = the_run(tx, dag_id, run_id)
        to = DagRunState(state)
        change(
            lambda dry: actions.mark_run(
                store, dag_id, run.run_id, to, now=datetime.now(UTC), dry_run=dry
            ),
            f"Mark the run as {state}",
            dry_run=dry_run,
            yes=yes,
            output=output,
            whole_run=True,
        )


@runs.command()
@click.argument("dag_id")
@click.argument("run_id")
@_dry_run
@_yes
@output_option
def cancel(dag_id: str, run_id: str, dry_run: bool, yes: bool, output: str) -> None:
    """End a run now: running tasks are ended, waiting ones skipped, the run fails."""
    with current_store() as store:
        with store.read() as tx:
            run = the_run(tx, dag_id, run_id)
        change(
            lambda dry: actions.cancel_run(
                store, dag_id, run.run_id, now=datetime.now(UTC), dry_run=dry
            ),
            "Cancel the run",
            dry_run=dry_run,
            yes=yes,
            output=output,
            whole_run=True,
        )

"""`tradewind tasks`: clearing and marking by hand."""

from datetime import UTC, datetime
from typing import Any

import click

from tradewind.cli.app import current_store
from tradewind.cli.output import output_option
from tradewind.cli.selection import change, chosen, selection_options
from tradewind.core.states import TaskInstanceState
from tradewind.scheduler import actions


@click.command()
@click.argument("dag_id")
@selection_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def clear(dag_id: str, yes: bool, output: str, **selection: Any) -> None:
    """Set task instances back to the start; finished runs go on.

    Without --run-id: in all runs, or in those between --start-date and --end-date.
    """
    dry_run = selection.pop("dry_run")
    with current_store() as store:
        choice, request = chosen(store, dag_id, **selection)
        change(
            lambda dry: actions.clear(store, choice, request, now=datetime.now(UTC), dry_run=dry),
            "Clear",
            dry_run=dry_run,
            yes=yes,
            output=output,
        )


@click.command()
@click.argument("dag_id")
@click.argument("state", type=click.Choice(["success", "failed", "skipped"]))
@selection_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def mark(dag_id: str, state: str, yes: bool, output: str, **selection: Any) -> None:
    """Set task instances to a state by hand."""
    dry_run = selection.pop("dry_run")
    with current_store() as store:
        choice, request = chosen(store, dag_id, **selection)
        to = TaskInstanceState(state)
        change(
            lambda dry: actions.mark(
                store, choice, request, to, now=datetime.now(UTC), dry_run=dry
            ),
            f"Mark as {state}",
            dry_run=dry_run,
            yes=yes,
            output=output,
        )

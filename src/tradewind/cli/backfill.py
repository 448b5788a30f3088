"""`tradewind backfill`."""

from datetime import UTC, datetime
from typing import Any

import click

from tradewind.cli.app import MOMENT, current_store
from tradewind.cli.files import parse_object
from tradewind.cli.output import output_option, print_rows
from tradewind.scheduler import backfills
from tradewind.scheduler.backfills import BackfillRequest, Reprocess


@click.group()
def backfill() -> None:
    """Run a DAG for a range of past dates."""


@backfill.command()
@click.option("--dag-id", required=True)
@click.option("--from-date", type=MOMENT, required=True, help="First logical date, included.")
@click.option("--to-date", type=MOMENT, required=True, help="Last logical date, included.")
@click.option("--dag-run-conf", default="{}", help="A JSON object for every run.")
@click.option("--max-active-runs", default=10, show_default=True, help="So many at once.")
@click.option(
    "--reprocess-behavior",
    type=click.Choice([choice.value for choice in Reprocess]),
    default=Reprocess.NONE.value,
    show_default=True,
    help="Which dates that have a run already to run again.",
)
@click.option("--run-backwards", is_flag=True, help="The newest date first.")
@click.option("--dry-run", is_flag=True, help="Only say what would run.")
@output_option
def create(
    dag_id: str,
    from_date: datetime,
    to_date: datetime,
    dag_run_conf: str,
    max_active_runs: int,
    reprocess_behavior: str,
    run_backwards: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Queue a run for each scheduled date in the range."""
    request = BackfillRequest(
        dag_id=dag_id,
        from_date=from_date,
        to_date=to_date,
        conf=parse_object(dag_run_conf, "--dag-run-conf"),
        reprocess=Reprocess(reprocess_behavior),
        run_backwards=run_backwards,
        max_active_runs=max_active_runs,
    )
    with current_store() as store:
        backfill_id, planned = backfills.create(
            store, request, now=datetime.now(UTC), dry_run=dry_run
        )
    print_rows(
        [
            {
                "logical_date": run.logical_date,
                "partition_key": run.partition_key or "",
                "run_id": run.run_id or "",
                "skipped": run.skipped or "",
            }
            for run in planned
        ],
        output,
    )
    if backfill_id is not None:
        click.echo(f"This is backfill {backfill_id}.", err=True)


@backfill.command("list")
@click.option("--dag-id", help="Only backfills of this DAG.")
@output_option
def list_(dag_id: str | None, output: str) -> None:
    """List backfills, newest first."""
    with current_store() as store:
        rows = backfills.listing(store, dag_id=dag_id)
    print_rows([_row(row) for row in rows], output, empty="There are no backfills.")


@backfill.command()
@click.argument("backfill_id", type=int)
@output_option
def pause(backfill_id: int, output: str) -> None:
    """Start no more runs of a backfill for now."""
    with current_store() as store:
        row = backfills.set_paused(store, backfill_id, True, now=datetime.now(UTC))
    print_rows([_row(row)], output)


@backfill.command()
@click.argument("backfill_id", type=int)
@output_option
def unpause(backfill_id: int, output: str) -> None:
    """Go on with a paused backfill."""
    with current_store() as store:
        row = backfills.set_paused(store, backfill_id, False, now=datetime.now(UTC))
    print_rows([_row(row)], output)


@backfill.command()
@click.argument("backfill_id", type=int)
@output_option
def cancel(backfill_id: int, output: str) -> None:
    """End a backfill: runs that have not started fail, those that run go on."""
    with current_store() as store:
        row = backfills.cancel(store, backfill_id, now=datetime.now(UTC))
    print_rows([_row(row)], output)


def _row(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "dag_id": row.dag_id,
        "from_date": row.from_date,
        "to_date": row.to_date,
        "reprocess": row.reprocess,
        "max_active_runs": row.max_active_runs,
        "is_paused": row.is_paused,
        "completed_at": row.completed_at,
    }

"""`tradewind assets`."""

from datetime import UTC, datetime

import click

from tradewind.cli.app import current_store
from tradewind.cli.output import output_option, print_rows
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.states import DagRunType
from tradewind.scheduler import actions
from tradewind.store import asset_events
from tradewind.store import assets as statements


@click.group()
def assets() -> None:
    """List and materialize assets."""


@assets.command("list")
@click.option("--inactive", is_flag=True, help="Also those that no DAG uses any more.")
@output_option
def list_(inactive: bool, output: str) -> None:
    """List the assets that DAGs use."""
    with current_store() as store, store.read() as tx:
        rows = statements.listing(tx, with_inactive=inactive)
    print_rows(
        [
            {
                "name": row.name,
                "uri": row.uri,
                "group": row.group,
                "extra": row.extra,
                "last_event": row.last_event_at,
            }
            for row in rows
        ],
        output,
        empty="No DAG uses an asset.",
    )


@assets.command()
@click.option("--name", help="The asset's name.")
@click.option("--uri", help="The asset's URI.")
@click.option("-n", "--limit", default=50, show_default=True, help="The newest so many.")
@output_option
def events(name: str | None, uri: str | None, limit: int, output: str) -> None:
    """List asset events, newest first."""
    wanted = asset_events.EventFilter(name=name, uri=uri)
    with current_store() as store, store.read() as tx:
        rows = asset_events.events(tx, wanted, limit=limit, ascending=False)
    print_rows(
        [
            {
                "timestamp": event.timestamp,
                "asset": event.asset_name,
                "source_dag_id": event.source_dag_id or "",
                "source_task_id": event.source_task_id or "",
                "source_run_id": event.source_run_id or "",
                "partition_key": event.partition_key or "",
                "extra": event.extra,
            }
            for event in rows
        ],
        output,
        empty="There are no such events.",
    )


@assets.command()
@click.option("--name", help="The asset's name.")
@click.option("--uri", help="The asset's URI.")
@output_option
def materialize(name: str | None, uri: str | None, output: str) -> None:
    """Run the DAG that makes an asset."""
    if not (name or uri):
        raise UserError("Which asset?", hint="Give --name or --uri.")
    with current_store() as store:
        with store.read() as tx:
            asset = statements.find(tx, name=name, uri=uri)
            if asset is None:
                raise NotFound(
                    f"There is no asset {name or uri!r}.",
                    hint="`tradewind assets list` shows all.",
                )
            makers = {
                ref.dag_id for ref in statements.references(tx, asset.id) if ref.role == "outlet"
            }
        if len(makers) != 1:
            raise Conflict(
                f"{asset.name} is made by {len(makers)} DAGs"
                + (f": {', '.join(sorted(makers))}." if makers else "."),
                hint="Trigger the DAG that you mean: `tradewind dags trigger DAG_ID`.",
            )
        run = actions.trigger_run(
            store,
            makers.pop(),
            now=datetime.now(UTC),
            run_type=DagRunType.ASSET_MATERIALIZATION,
        )
    print_rows([{"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state}], output)

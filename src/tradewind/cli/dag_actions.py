"""`tradewind dags`: the commands that change something."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from tradewind.cli.app import MOMENT, confirm, current_store
from tradewind.cli.files import parse_object
from tradewind.cli.find import matching_dags, the_dag
from tradewind.cli.output import output_option, print_rows
from tradewind.scheduler import actions


@click.command()
@click.argument("dag_id")
@click.option("-c", "--conf", default="{}", help="A JSON object; overrides params.")
@click.option("-r", "--run-id", help="Default: one made from the moment.")
@click.option("-l", "--logical-date", "-e", "--exec-date", type=MOMENT, help="Default: none.")
@click.option("--run-after", type=MOMENT, help="Do not start before this moment.")
@click.option("--note", help="A note on the run.")
@output_option
def trigger(dag_id: str, conf: str, output: str, **given: Any) -> None:
    """Make a run of a DAG. While the DAG is paused the run stays queued."""
    with current_store() as store:
        run = actions.trigger_run(
            store, dag_id, conf=parse_object(conf, "--conf"), now=datetime.now(UTC), **given
        )
        with store.read() as tx:
            paused = the_dag(tx, dag_id).is_paused
    print_rows(
        [
            {
                "dag_id": dag_id,
                "run_id": run.run_id,
                "state": run.state,
                "logical_date": run.logical_date,
                "conf": run.conf,
            }
        ],
        output,
    )
    if paused:
        click.echo(f"{dag_id} is paused: `tradewind dags unpause {dag_id}`.", err=True)


def _pausing(name: str, paused: bool) -> Callable[..., None]:
    @click.command(name, help=f"{'Pause' if paused else 'Resume'} DAGs.")
    @click.argument("dag_ids", nargs=-1, required=True)
    @click.option("--treat-dag-id-as-regex", is_flag=True, help="DAG ids are regular expressions.")
    @click.option("-y", "--yes", is_flag=True, help="Do not ask when an expression matches many.")
    @output_option
    def command(
        dag_ids: Sequence[str], treat_dag_id_as_regex: bool, yes: bool, output: str
    ) -> None:
        with current_store() as store:
            with store.read() as tx:
                chosen = matching_dags(tx, dag_ids, regex=treat_dag_id_as_regex)
            if treat_dag_id_as_regex:
                confirm(f"{name.capitalize()} {', '.join(chosen)}?", yes=yes)
            actions.set_paused(store, chosen, paused, now=datetime.now(UTC))
        print_rows([{"dag_id": dag_id, "is_paused": paused} for dag_id in chosen], output)

    return command


pause = _pausing("pause", True)
unpause = _pausing("unpause", False)


@click.command()
@click.argument("dag_id")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(dag_id: str, yes: bool) -> None:
    """Delete everything that was recorded of a DAG; its file stays."""
    confirm(f"Delete all runs, logs' records and versions of {dag_id}?", yes=yes)
    with current_store() as store:
        actions.delete_dag(store, dag_id, now=datetime.now(UTC))
    click.echo(f"{dag_id} is deleted. It comes back without its past if its file is still there.")

"""`tradewind dags`: what there is, and what comes next."""

from datetime import UTC, datetime
from pathlib import Path

import click

from tradewind import settings as settings_module
from tradewind.cli import graph
from tradewind.cli.app import MOMENT, current_store
from tradewind.cli.find import the_dag, the_document, the_run
from tradewind.cli.lazy import LazyGroup
from tradewind.cli.output import cell, output_option, print_record, print_rows
from tradewind.core.timetables import next_slots, time_limits
from tradewind.store import bundles, listings
from tradewind.store import dags as statements
from tradewind.store.listings import RunFilter


@click.group(
    cls=LazyGroup,
    elsewhere={
        "check": ("check:check_command", "Load DAG files and say what fails, and what to do."),
        "test": ("dag_test:test", "Run a DAG once, here and now, without a server."),
        "trigger": ("dag_actions:trigger", "Make a run of a DAG."),
        "pause": ("dag_actions:pause", "Pause DAGs."),
        "unpause": ("dag_actions:unpause", "Resume DAGs."),
        "upgrade": ("upgrade:upgrade", "Show the modern form of DAG files of Airflow 1 and 2."),
        "delete": ("dag_actions:delete", "Delete everything that was recorded of a DAG."),
    },
)
def dags() -> None:
    """List, check, test, trigger and pause DAGs."""


@dags.command("list")
@click.option("-B", "--bundle-name", help="Only DAGs of this bundle.")
@click.option("--tag", help="Only DAGs with this tag.")
@click.option("--columns", help="Columns to print, parted by commas.")
@output_option
def list_(bundle_name: str | None, tag: str | None, columns: str | None, output: str) -> None:
    """List the DAGs."""
    with current_store() as store, store.read() as tx:
        rows = statements.listing(tx, bundle_name=bundle_name, tag=tag)
        broken = len(bundles.import_errors(tx, bundle_name=bundle_name))
    shown = [
        {
            "dag_id": row.dag_id,
            "fileloc": row.file,
            "owners": row.owners,
            "is_paused": row.is_paused,
            "bundle_name": row.bundle_name,
            "schedule": row.timetable_summary or "",
            "next_run": row.next_run_after,
            "tags": row.tags,
        }
        for row in rows
    ]
    wanted = [c.strip() for c in columns.split(",")] if columns else _BRIEF
    if shown and (unknown := [c for c in wanted if c not in shown[0]]):
        raise click.BadParameter(
            f"there is no column {', '.join(unknown)}; choose from {', '.join(shown[0])}.",
            param_hint="--columns",
        )
    full = output in ("json", "yaml") and columns is None
    print_rows(
        shown if full else [{c: row[c] for c in wanted} for row in shown],
        output,
        empty="There are no DAGs yet. The DAG folder is"
        f" {settings_module.load().sections.core.dags_folder}.",
    )
    if broken:
        click.echo(
            f"{broken} files could not be loaded: `tradewind dags list-import-errors`.", err=True
        )


_BRIEF = ["dag_id", "fileloc", "owners", "is_paused", "schedule", "next_run"]


@dags.command()
@click.argument("dag_id")
@output_option
def details(dag_id: str, output: str) -> None:
    """Show everything about one DAG."""
    with current_store() as store, store.read() as tx:
        row = the_dag(tx, dag_id)
        document = the_document(tx, dag_id)
        newest = statements.versions(tx, dag_id)[0]
    print_record(
        {
            "dag_id": dag_id,
            "description": document.description,
            "bundle_name": row.bundle_name,
            "fileloc": row.file,
            "is_paused": row.is_paused,
            "is_stale": row.is_stale,
            "version": newest.number,
            "schedule": row.timetable_summary,
            "timetable_description": document.timetable_description,
            "catchup": document.catchup,
            "start_date": document.start_date,
            "end_date": document.end_date,
            "next_logical_date": row.next_logical_date,
            "next_run_after": row.next_run_after,
            "owners": document.owners,
            "tags": document.tags,
            "tasks": len(document.tasks),
            "max_active_runs": document.max_active_runs,
            "max_active_tasks": document.max_active_tasks,
            "dagrun_timeout_seconds": document.dagrun_timeout_seconds,
            "params": {name: param.default for name, param in document.params.items()},
            "last_parsed_at": row.last_parsed_at,
            "warnings": document.warnings,
        },
        output,
    )


@dags.command()
@click.argument("dag_id")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a Mermaid flowchart.")
@click.option("--dot", "form", flag_value="dot", help="Print Graphviz's language.")
@click.option(
    "-s",
    "--save",
    type=click.Path(path_type=Path),
    help="Write into this file; .dot and .mmd say the form, .png, .svg or .pdf need Graphviz.",
)
def show(dag_id: str, form: str | None, save: Path | None) -> None:
    """Show the structure of a DAG: a tree, a Mermaid flowchart or DOT."""
    with current_store() as store, store.read() as tx:
        document = the_document(tx, dag_id)
    if save:
        graph.save(document, save, form)
        click.echo(f"{dag_id} is drawn in {save}.")
    else:
        click.echo("\n".join(graph.FORMS[form](document)))


@dags.command("list-runs")
@click.argument("dag_id")
@click.option("--state", type=click.Choice(["queued", "running", "success", "failed"]))
@click.option("--no-backfill", is_flag=True, help="Leave out runs of backfills.")
@click.option("-s", "--start-date", type=MOMENT, help="Only runs from this logical date on.")
@click.option("-e", "--end-date", type=MOMENT, help="Only runs up to this logical date.")
@output_option
def list_runs(
    dag_id: str,
    state: str | None,
    no_backfill: bool,
    start_date: datetime | None,
    end_date: datetime | None,
    output: str,
) -> None:
    """List the runs of a DAG, newest first."""
    with current_store() as store, store.read() as tx:
        the_dag(tx, dag_id)
        wanted = RunFilter(
            dag_id=dag_id, states=[state] if state else None, after=start_date, before=end_date
        )
        rows = listings.runs(tx, wanted)
    print_rows(
        [
            {
                "dag_id": dag_id,
                "run_id": row.run_id,
                "state": row.state,
                "run_type": row.run_type,
                "run_after": row.run_after,
                "logical_date": row.logical_date,
                "start_date": row.start_date,
                "end_date": row.end_date,
            }
            for row in rows
            if not (no_backfill and row.run_type == "backfill")
        ],
        output,
        empty=f"{dag_id} has no such runs.",
    )


@dags.command("state")
@click.argument("dag_id")
@click.argument("run_id_or_logical_date")
def state(dag_id: str, run_id_or_logical_date: str) -> None:
    """Print the state of a run."""
    with current_store() as store, store.read() as tx:
        click.echo(the_run(tx, dag_id, run_id_or_logical_date).state)


@dags.command("list-import-errors")
@click.option("-B", "--bundle-name", help="Only files of this bundle.")
@output_option
def list_import_errors(bundle_name: str | None, output: str) -> None:
    """List the files that could not be loaded, and why. Exit code 1 if there are any."""
    with current_store() as store, store.read() as tx:
        rows = bundles.import_errors(tx, bundle_name=bundle_name)
    if output == "table":
        for row in rows:
            line = f", line {row.line}" if row.line else ""
            click.secho(f"{row.bundle_name}: {row.path}{line}", bold=True)
            click.echo(row.message)
            if row.hint:
                click.echo(f"Hint: {row.hint}")
            if row.stacktrace != row.message:
                click.echo(row.stacktrace)
        click.echo(f"{len(rows)} files could not be loaded." if rows else "Every file loads.")
    else:
        keys = ("bundle_name", "path", "line", "message", "hint", "timestamp", "stacktrace")
        print_rows([{key: getattr(row, key) for key in keys} for row in rows], output)
    if rows:
        raise click.exceptions.Exit(1)


_SLOT_FIELDS = (
    "logical_date",
    "data_interval.start",
    "data_interval.end",
    "partition_key",
    "run_after",
)


@dags.command("next-execution")
@click.argument("dag_id")
@click.option("-n", "--num-executions", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--field", type=click.Choice(_SLOT_FIELDS), help="Print this alone, a line a run.")
@click.option(
    "--table", is_flag=True, hidden=True, help="Airflow's option for what is the default here."
)
@output_option
def next_execution(
    dag_id: str, num_executions: int, field: str | None, table: bool, output: str
) -> None:
    """Show the next scheduled runs."""
    if table and field:
        raise click.UsageError("--table and --field exclude each other.")
    with current_store() as store, store.read() as tx:
        row = the_dag(tx, dag_id)
        document = the_document(tx, dag_id)
    first = statements.next_slot(row)
    earliest, latest = time_limits(document)
    slots = [] if first is None else [first]
    if first is not None and num_executions > 1:
        slots += next_slots(
            document.timetable,
            last=first,
            earliest=earliest,
            latest=latest,
            catchup=True,
            now=datetime.now(UTC),
            count=num_executions - 1,
        )
    rows = [
        {
            "logical_date": slot.logical_date,
            "data_interval.start": slot.interval_start,
            "data_interval.end": slot.interval_end,
            "partition_key": slot.partition_key,
            "run_after": slot.run_after,
        }
        for slot in slots
    ]
    if field:
        for shown in rows:
            click.echo(cell(shown[field]))
    else:
        schedule = row.timetable_summary or "none"
        print_rows(
            rows, output, empty=f"Nothing is planned for {dag_id}: its schedule is {schedule}."
        )
    if row.is_paused:
        click.echo(f"{dag_id} is paused: `tradewind dags unpause {dag_id}`.", err=True)


@dags.command()
@click.option("-B", "--bundle-name", help="Only files of this bundle.")
@output_option
def report(bundle_name: str | None, output: str) -> None:
    """Show what loading each DAG file took, slowest first."""
    with current_store() as store, store.read() as tx:
        rows = [row for row in bundles.all_files(tx) if bundle_name in (None, row.bundle_name)]
        errors = {(row.bundle_name, row.path) for row in bundles.import_errors(tx)}
    print_rows(
        [
            {
                "file": row.path,
                "bundle_name": row.bundle_name,
                "duration_seconds": None
                if row.parse_seconds is None
                else round(row.parse_seconds, 3),
                "dags": row.dag_count,
                "parsed_at": row.parsed_at,
                "why": row.reason or "",
                "error": (row.bundle_name, row.path) in errors,
            }
            for row in rows
        ],
        output,
        empty="No DAG file has been loaded yet.",
    )

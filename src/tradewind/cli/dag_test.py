"""`tradewind dags test`: one run in the terminal."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import make_url

from tradewind import settings as settings_module
from tradewind.bundles.snapshot import Snapshots
from tradewind.cli.app import MOMENT, current_store
from tradewind.cli.files import parse_object
from tradewind.cli.logs import print_log
from tradewind.cli.output import FORMATS, STATE_STYLES, print_record, print_rows
from tradewind.cli.trial import Look, Place, Trial, Wanted, trial
from tradewind.core.errors import NotFound, UserError
from tradewind.settings import Settings
from tradewind.storage import open_storage
from tradewind.store import attempts, dags


@click.command("test")
@click.argument("file_or_dag_id")
@click.argument("dag_id_or_logical_date", required=False)
@click.option("-f", "--dagfile-path", type=click.Path(path_type=Path), help="The DAG's file.")
@click.option("-l", "--logical-date", type=MOMENT, help="Default: now.")
@click.option("-c", "--conf", default="{}", help="A JSON object; overrides params.")
@click.option("-v", "--verbose", is_flag=True, help="Print every task's log, not only failures'.")
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True)
def test(
    file_or_dag_id: str,
    dag_id_or_logical_date: str | None,
    dagfile_path: Path | None,
    logical_date: datetime | None,
    conf: str,
    verbose: bool,
    output: str,
) -> None:
    """Run a DAG once, here and now, without a server: FILE [DAG_ID], or DAG_ID.

    Nothing is recorded. Exit code 0 if the run succeeds, 1 if it fails.
    """
    settings = settings_module.load()
    dag_id, place = _where(settings, file_or_dag_id, dagfile_path)
    if dag_id_or_logical_date is not None:
        if dag_id is None:
            dag_id = dag_id_or_logical_date
        else:  # Airflow's form: DAG_ID LOGICAL_DATE
            logical_date = MOMENT.convert(dag_id_or_logical_date, None, None)
    wanted = Wanted(dag_id=dag_id, logical_date=logical_date, conf=parse_object(conf, "--conf"))
    with trial(settings, place, wanted) as running:
        final = _watch(running, quiet=output in ("json", "yaml"))
        if output == "table":
            _print_logs(running, final, everything=verbose)
            _print_callbacks(running)
        _print_result(final, output)
    raise click.exceptions.Exit(0 if final.run.state == "success" else 1)


@click.command("test")
@click.argument("dag_id")
@click.argument("task_id")
@click.argument("logical_date", type=MOMENT, required=False)
@click.option("-f", "--dagfile-path", type=click.Path(path_type=Path), help="The DAG's file.")
@click.option("-t", "--task-params", default="{}", help="A JSON object; overrides params.")
def test_task(
    dag_id: str,
    task_id: str,
    logical_date: datetime | None,
    dagfile_path: Path | None,
    task_params: str,
) -> None:
    """Run one task here and now, whatever it depends on. Nothing is recorded.

    Exit code 0 if it succeeds or skips itself, 1 if it fails.
    """
    settings = settings_module.load()
    _, place = _where(settings, dag_id, dagfile_path)
    wanted = Wanted(
        dag_id=dag_id,
        task_id=task_id,
        logical_date=logical_date,
        conf=parse_object(task_params, "--task-params"),
    )
    with trial(settings, place, wanted) as running:
        final = _watch(running, quiet=False)
        _print_logs(running, final, everything=True)
    raise click.exceptions.Exit(0 if final.run.state == "success" else 1)


def _where(
    settings: Settings, file_or_dag_id: str, dagfile_path: Path | None
) -> tuple[str | None, Place]:
    """The DAG id, if it was given, and its file."""
    if dagfile_path is not None:
        return file_or_dag_id, _place(settings, dagfile_path)
    if Path(file_or_dag_id).is_file():
        return None, _place(settings, Path(file_or_dag_id))
    if file_or_dag_id.endswith((".py", ".zip")):
        raise NotFound(f"There is no file {file_or_dag_id}.")
    return file_or_dag_id, _search(settings, file_or_dag_id)


def _place(settings: Settings, path: Path) -> Place:
    """A file inside of a bundle has the bundle's root, else its own folder is the root."""
    path = path.absolute()
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    root = settings.bundle_root(path) or path.parent
    return Place(root, str(path.relative_to(root)))


def _search(settings: Settings, dag_id: str) -> Place:
    """The file of a DAG: as published, else the one file in the bundles that mentions its id."""
    roots = {bundle.name: Path(bundle.path).absolute() for bundle in settings.bundles}
    if published := _published(settings, dag_id, roots):
        return published
    mentioned = [
        Place(root, str(path.relative_to(root)))
        for root in roots.values()
        for path in sorted(root.rglob("*.py"))
        if dag_id in path.read_text(errors="replace")
    ]
    if len(mentioned) != 1:
        files = ", ".join(str(place.root / place.file) for place in mentioned[:5])
        raise UserError(
            f"No DAG {dag_id!r} is known"
            + (f"; several files mention it: {files}." if mentioned else "."),
            hint="Name its file: `tradewind dags test FILE DAG_ID`.",
        )
    return mentioned[0]


def _published(settings: Settings, dag_id: str, roots: dict[str, Path]) -> Place | None:
    """Where a DAG that the DAG processor knows lies: in a bundle, else in its last snapshot.

    The processor may have been started with other bundles than this command.
    """
    url = settings.sections.database.url
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        return None
    with current_store() as store, store.read() as tx:
        row = dags.get(tx, dag_id)
    if row is None:
        return None
    root = roots.get(row.bundle_name)
    if root is None or not (root / row.file).is_file():
        storage = open_storage(settings.sections.storage.url)
        root = Snapshots(settings.home, storage).fetch(row.digest)
    return Place(root, row.file)


_LAST = datetime.max.replace(tzinfo=UTC)


# --- progress and outcome -------------------------------------------------------------------------


def _watch(running: Trial, *, quiet: bool) -> Look:
    """Say each change as it comes; returns how the run ended."""
    said: dict[tuple[str, int], Any] = {}
    look = running.look()
    for look in running.watch():
        if quiet:
            continue
        changed = [
            row
            for row in look.instances
            if row.state not in ("none", "scheduled", "queued")
            and said.get((row.task_id, row.map_index)) != (row.state, row.try_number)
        ]
        for row in sorted(changed, key=lambda row: row.end_date or _LAST):
            said[row.task_id, row.map_index] = row.state, row.try_number
            _say(row)
    return look


def _say(row: Any) -> None:
    name = row.task_id if row.map_index < 0 else f"{row.task_id}[{row.map_index}]"
    state = click.style(f"{row.state:<17}", fg=STATE_STYLES.get(row.state))
    took = ""
    if row.start_date and row.end_date:
        took = f" {(row.end_date - row.start_date).total_seconds():.2f} s"
    again = f" (try {row.try_number})" if row.try_number > 1 else ""
    click.echo(f"{state} {name}{again}{click.style(took, fg='bright_black')}")


def _print_logs(running: Trial, final: Look, *, everything: bool) -> None:
    for row in final.instances:
        if not (everything or row.state == "failed"):
            continue
        with running.store.read() as tx:
            found = attempts.of_instance(tx, row.id)
        for attempt in found:
            name = row.task_id if row.map_index < 0 else f"{row.task_id}[{row.map_index}]"
            click.secho(f"\n--- {name}, try {attempt.try_number}", bold=True)
            print_log(running.log_folder / attempt.log_file, "info")


def _print_callbacks(running: Trial) -> None:
    """What callbacks of the run and of lost tasks printed; others are in their tasks' logs."""
    for file in sorted(running.log_folder.rglob("callback=*.log")):
        click.secho("\n--- callback", bold=True)
        print_log(file, "info")


def _print_result(final: Look, output: str) -> None:
    run = final.run
    if output in ("json", "yaml"):
        print_record(
            {
                "dag_id": run.dag_id,
                "run_id": run.run_id,
                "state": run.state,
                "logical_date": run.logical_date,
                "start_date": run.start_date,
                "end_date": run.end_date,
                "task_instances": [
                    {
                        "task_id": row.task_id,
                        "map_index": row.map_index,
                        "state": row.state,
                        "try_number": row.try_number,
                        "start_date": row.start_date,
                        "end_date": row.end_date,
                        "reason": row.reason,
                    }
                    for row in final.instances
                ],
            },
            output,
        )
        return
    if output == "plain":
        print_rows(
            [
                {"task_id": r.task_id, "map_index": r.map_index, "state": r.state}
                for r in final.instances
            ],
            output,
        )
    seconds = (run.end_date - run.start_date).total_seconds() if run.start_date else 0.0
    state = click.style(run.state, fg=STATE_STYLES.get(run.state), bold=True)
    click.echo(f"\n{run.dag_id} {run.run_id}: {state} in {seconds:.2f} s")

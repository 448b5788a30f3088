"""`tradewind dags check`: do these DAG files load, and if not, what has to be done?"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import make_url

from tradewind import settings as settings_module
from tradewind.bundles.check import Verdict, check, dag_files, notes, verdict
from tradewind.bundles.parser import AnswerRequest
from tradewind.bundles.results import Limits, ParseResult
from tradewind.cli.app import current_store
from tradewind.cli.output import print_record
from tradewind.compat.table_missing import short_name
from tradewind.core.errors import NotFound
from tradewind.core.protocol import (
    ConnectionReply,
    Failure,
    GetConnection,
    GetVariable,
    Reply,
    Request,
    VariableReply,
)
from tradewind.settings import Settings

_STYLES = {Verdict.LOADS: "green", Verdict.WARNINGS: "yellow"}
_REMEDIES = {
    Verdict.PROVIDER: "tradewind providers install {}",
    Verdict.PACKAGE: "pip install {}",
}


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Choice(("table", "json", "yaml")),
    default="table",
    show_default=True,
    help="How to print.",
)
def check_command(paths: tuple[Path, ...], output: str) -> None:
    """Load DAG files and say what fails, where, and what to do: FOLDER or FILE...

    Nothing is published or run. A folder is searched as the DAG processor does. Variables and
    connections come from the environment, and from the database if there is one. Exit code 0 if
    every file loads, 1 otherwise.
    """
    settings = settings_module.load()
    results: list[tuple[Path, ParseResult]] = []
    with _values(settings) as answer, _progress() as say:
        for root, files in _places(settings, paths).items():
            say(0, len(files))
            for number, result in enumerate(_checked(settings, root, files, answer), 1):
                results.append((root, result))
                say(number, len(files))
    if output == "table":
        _print_report(results)
    else:
        print_record(_document(results), output)
    raise click.exceptions.Exit(0 if all(r.error is None for _, r in results) else 1)


def _checked(
    settings: Settings, root: Path, files: Sequence[str], answer: AnswerRequest
) -> Iterator[ParseResult]:
    chosen = settings.sections.dag_processor
    return check(
        root,
        files,
        answer=answer,
        limits=Limits(
            seconds=chosen.dag_file_processor_timeout, memory_bytes=chosen.memory_limit_mb << 20
        ),
        processes=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
    )


def _places(settings: Settings, paths: Sequence[Path]) -> dict[Path, list[str]]:
    """The files to look at, by the root that their imports start from: their bundle's, else the
    folder that was named or that the file is in."""
    places: dict[Path, list[str]] = {}
    for path in (Path(os.path.abspath(path)) for path in paths):
        if not path.exists():
            raise NotFound(f"There is no file or folder {path}.")
        root = settings.bundle_root(path) or (path if path.is_dir() else path.parent)
        files = dag_files(root, path) if path.is_dir() else [str(path.relative_to(root))]
        known = places.setdefault(root, [])
        known.extend(file for file in files if file not in known)
    return places


@contextmanager
def _values(settings: Settings) -> Iterator[AnswerRequest]:
    """Answers what files read while they are imported; without a database, nothing is there."""
    url = settings.sections.database.url
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        yield _nothing
        return
    from tradewind.taskapi.handler import TaskApi  # brings half of the engine along

    with current_store() as store:
        api = TaskApi(store)

        def from_database(request: Request) -> Reply:
            if isinstance(request, GetVariable | GetConnection):
                return api.handle(request, attempt_id=None)
            return _nothing(request)

        yield from_database


def _nothing(request: Request) -> Reply:
    if isinstance(request, GetVariable):
        return VariableReply(found=False)
    if isinstance(request, GetConnection):
        return ConnectionReply()
    return Failure(
        kind="invalid",
        message=f"{type(request).__name__} is not possible while a DAG file is imported;"
        " do it inside of a task.",
    )


@contextmanager
def _progress() -> Iterator[Any]:
    """Says on a terminal how far it is, on a line that goes away at the end."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    try:
        yield lambda done, total: click.echo(f"\r{done} of {total} files", nl=False, err=True)
    finally:
        click.echo("\r\033[K", nl=False, err=True)


# --- what is printed ------------------------------------------------------------------------------


def _print_report(results: Sequence[tuple[Path, ParseResult]]) -> None:
    for root, result in results:
        found = verdict(result)
        missing = f" {result.error.missing}" if result.error and result.error.missing else ""
        click.echo(f"{_shown(root, result.file)}: ", nl=False)
        click.secho(f"{found}{missing}", fg=_STYLES.get(found, "red"), nl=False)
        click.echo("" if result.error else f" ({_counted(len(result.dags), 'DAG')})")
        for line in _details(result):
            click.echo(f"  {line}")
    click.echo(_summary_line(results))
    for found, remedy in _REMEDIES.items():
        if names := _missing(results, found):
            click.echo(f"{found}: {remedy.format(' '.join(map(short_name, names)))}")


def _details(result: ParseResult) -> Iterator[str]:
    if (error := result.error) is not None:
        where = "" if error.file == result.file else f"{error.file}, "
        yield f"{where}line {error.line}: {error.message}" if error.line else error.message
        if error.hint:
            yield f"Hint: {error.hint}"
    for note in notes(result):
        yield _with_line(note, result.file)


def _with_line(note: str, file: str) -> str:
    """A note that begins with "file.py:3: " says "line 3: " where the file is clear."""
    start = re.compile(rf"({re.escape(file)}|{re.escape(Path(file).name)}):(\d+): ")
    return start.sub(r"line \2: ", note, count=1)


def _summary_line(results: Sequence[tuple[Path, ParseResult]]) -> str:
    counts = Counter(verdict(result) for _, result in results)
    parts = [f"{count} {found}" for found in Verdict if (count := counts[found])]
    return f"{_counted(len(results), 'file')}: {', '.join(parts)}." if results else "No DAG files."


def _missing(results: Sequence[tuple[Path, ParseResult]], kind: Verdict) -> list[str]:
    """Names of all that is missing of one kind, the most wanted first."""
    names = Counter(r.error.missing for _, r in results if r.error and verdict(r) == kind)
    return [name for name, _ in names.most_common() if name]


def _document(results: Sequence[tuple[Path, ParseResult]]) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": _shown(root, result.file),
                "result": verdict(result),
                "dags": [dag.dag_id for dag in result.dags],
                "warnings": notes(result),
                "error": _error(result),
            }
            for root, result in results
        ],
        "summary": {
            "files": len(results),
            **{found: sum(verdict(r) == found for _, r in results) for found in Verdict},
        },
        "missing": {
            found: names
            for found in Verdict
            if found not in _STYLES
            if (names := _missing(results, found))
        },
    }


def _error(result: ParseResult) -> dict[str, Any] | None:
    if (error := result.error) is None:
        return None
    fields = ("kind", "message", "file", "line", "hint", "missing", "traceback")
    return {name: getattr(error, name) for name in fields}


def _shown(root: Path, file: str) -> str:
    """The file's path from where the user is."""
    path = root / file
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

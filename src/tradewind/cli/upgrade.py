"""`tradewind dags upgrade`: old DAG files in their modern form."""

import difflib
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tradewind.core.errors import NotFound, TradewindError, UserError

if TYPE_CHECKING:
    from tradewind.upgrade.file import Upgraded

_NOT_OURS = {"__pycache__", "node_modules", "site-packages", "venv"}
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command()
@click.argument("paths", metavar="FILE_OR_FOLDER...", nargs=-1, required=True)
@click.option("--write", is_flag=True, help="Rewrite the files.")
@click.option("--diff", is_flag=True, help="Print what changes; the default without --write.")
def upgrade(paths: Sequence[str], write: bool, diff: bool) -> None:
    """Show the modern form of DAG files of Airflow 1 and 2, as a diff; --write rewrites them.

    What the files mean stays the same. What has to be decided by you is left alone and printed as a
    note, with its line. Template files (.sql, .sh) are not looked at. Exit code 1 if a file could
    not be read or is not Python 3.
    """
    changed = looked_at = failed = 0
    today = datetime.now(UTC).date()
    for path in _files(paths):
        looked_at += 1
        try:
            source = _read(path)
            result = _upgraded(source, path, today)
            if write and result.source != source:
                _write(path, result.source)
        except TradewindError as error:
            failed += 1
            _say_failure(error)
            continue
        if result.source != source:
            changed += 1
            if diff or not write:
                _print_diff(path, source, result.source)
        for note in result.notes:
            click.echo(f"{path}:{note.line}: {note.text}", err=True)
    _say_result(looked_at, changed, failed, write)
    if failed:
        raise click.exceptions.Exit(1)


def _files(paths: Sequence[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            for file in sorted(path.rglob("*.py")):
                folders = file.relative_to(path).parts[:-1]
                if not any(name in _NOT_OURS or name.startswith(".") for name in folders):
                    yield file
        elif path.exists():
            yield path
        else:
            raise NotFound(f"There is no file or folder {path}.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def _upgraded(source: bytes, path: Path, today: date) -> "Upgraded":
    from tradewind.upgrade.file import upgrade  # libcst takes a while to load

    return upgrade(source, str(path), today=today)


def _write(path: Path, source: bytes) -> None:
    """Replace the file at once and keep its mode: a DAG processor may be looking at it."""
    target = path.resolve()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".upgrade-") as folder:
            new = Path(folder) / target.name
            new.write_bytes(source)
            new.chmod(target.stat().st_mode & 0o7777)
            os.replace(new, target)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _print_diff(path: Path, before: bytes, after: bytes) -> None:
    old, new = (text.decode("utf-8", "replace").splitlines(True) for text in (before, after))
    for line in difflib.unified_diff(old, new, str(path), str(path)):
        text = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        click.secho(text, fg=_COLOURS.get(line[0]), nl=False)


def _say_failure(error: TradewindError) -> None:
    click.secho(str(error), fg="red", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def _say_result(looked_at: int, changed: int, failed: int, write: bool) -> None:
    said = "rewritten" if write else "would change"
    parts = [f"{changed} of {looked_at} files {said}" if looked_at else "There are no Python files"]
    if failed:
        parts.append(f"{failed} could not be upgraded")
    click.echo(f"{', '.join(parts)}.", err=True)

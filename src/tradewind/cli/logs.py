"""Printing task logs: JSON lines into what a person reads."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from tradewind.core.states import AttemptState
from tradewind.store import attempts
from tradewind.store.engine import Store

LEVELS = ("debug", "info", "warning", "error", "critical")
_STYLES = {"warning": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
_FOLLOW_SECONDS = 0.2


class Record(msgspec.Struct):
    """One line of a log file."""

    ts: str = ""
    level: str = "info"
    event: str = ""
    logger: str = ""
    source: str = ""
    exception: str = ""


def print_log(file: Path, level: str = "debug") -> None:
    """Print a whole log; a missing file is said, not an error: a lost attempt may have none."""
    if not file.is_file():
        click.secho(f"(no log at {file})", fg="bright_black")
        return
    with file.open("rb") as lines:
        for line in lines:
            print_record(line, level)


def follow_log(store: Store, folder: Path, attempt: Any, level: str) -> None:
    """Print a log as it grows, until its attempt has ended."""
    for line in _growing(store, folder / attempt.log_file, attempt.id):
        print_record(line, level)


def _growing(store: Store, file: Path, attempt_id: int) -> Iterator[bytes]:
    position = 0
    while True:
        with store.read() as tx:
            row = attempts.by_pks(tx, [attempt_id])[0]
        ended = row.state in (AttemptState.ENDED, AttemptState.FENCED)
        if file.is_file():
            with file.open("rb") as lines:
                lines.seek(position)
                for line in lines:
                    if not line.endswith(b"\n") and not ended:
                        break  # half written: next time whole
                    position += len(line)
                    yield line
        if ended:
            return
        time.sleep(_FOLLOW_SECONDS)


def print_record(line: bytes, level: str) -> None:
    try:
        record = msgspec.json.decode(line, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        click.echo(line.decode(errors="replace").rstrip("\n"))
        return
    if (
        record.level in LEVELS
        and level in LEVELS
        and LEVELS.index(record.level) < LEVELS.index(level)
    ):
        return
    when = _shown(record.ts)
    who = record.logger or record.source
    head = click.style(f"{when} {record.level.upper():<7}", fg=_STYLES.get(record.level))
    click.echo(f"{head} {click.style(who, fg='bright_black')}{' ' if who else ''}{record.event}")
    if record.exception:
        click.echo(record.exception.rstrip("\n"))


def _shown(ts: str) -> str:
    """The moment in the user's zone, or the text as it is: user code may write to its log."""
    try:
        return datetime.fromisoformat(ts).astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError):
        return ts

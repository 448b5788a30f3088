"""How commands print: one list of rows in four formats, times in the user's zone."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

Row = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", "json", "yaml", "plain")


def output_option(command: Command) -> Command:
    """The `-o/--output` option that every listing takes."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print.",
    )(command)


def print_rows(rows: Sequence[Row], output: str, *, empty: str = "Nothing found.") -> None:
    """Print rows that share their keys. `empty` is what a person reads when there are none."""
    if output == "json":
        click.echo(json.dumps([_plain(row) for row in rows], indent=2, ensure_ascii=False))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump([_plain(row) for row in rows], sort_keys=False), nl=False)
    elif output == "plain":
        _print_plain(rows)
    elif rows:
        _print_table(rows)
    else:
        click.echo(empty)


def print_record(record: Row, output: str) -> None:
    """Print one thing, a line a field in a table."""
    if output in ("table", "plain"):
        print_rows([{"property": k, "value": v} for k, v in record.items()], output)
    elif output == "json":
        click.echo(json.dumps(_plain(record), indent=2, ensure_ascii=False))
    else:
        import yaml

        click.echo(yaml.safe_dump(_plain(record), sort_keys=False), nl=False)


def local_time(value: datetime | None) -> str:
    """The moment in the user's zone, to the second, with its offset."""
    return "" if value is None else value.astimezone().isoformat(sep=" ", timespec="seconds")


def _plain(value: Any) -> Any:
    """What JSON and YAML can say; times stay exact, in UTC."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def cell(value: Any) -> str:
    """A value as text for people."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return local_time(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _print_plain(rows: Sequence[Row]) -> None:
    """Columns parted by spaces, for `awk` and `cut`."""
    if not rows:
        return
    table = [list(rows[0])] + [[cell(value) for value in row.values()] for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        click.echo("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


STATE_STYLES = {
    "success": "green",
    "running": "bright_green",
    "failed": "red",
    "upstream_failed": "yellow",
    "up_for_retry": "yellow",
    "up_for_reschedule": "cyan",
    "deferred": "magenta",
    "skipped": "bright_black",
    "queued": "blue",
    "scheduled": "bright_blue",
}


def _print_table(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no width: cut nothing
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(
            *(
                Text(cell(value), style=STATE_STYLES.get(str(value), "") if value else "")
                for value in row.values()
            )
        )
    console.print(table)

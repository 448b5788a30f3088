"""Write docs/cli.md from the commands: `python docs/generate_cli.py`."""

from collections.abc import Iterator
from pathlib import Path

import click

from tradewind.cli.main import cli

PAGE = Path(__file__).with_name("cli.md")

HEADER = """\
# Commands

<!-- Written by docs/generate_cli.py from src/tradewind/cli: change it there. -->

Commands and options are Airflow's where Airflow has them. `-h` or `--help` explains each command.

| | |
|---|---|
| `-o table\\|json\\|yaml\\|plain` | how a listing is printed |
| times that are shown | in your zone (`TZ`) in tables and plain text, in UTC in JSON and YAML |
| a date that you give | `2026-01-15`, `2026-01-15T06:00+01:00` or `now`; UTC without an offset |
| a run | its run id, or its logical date |
| exit code 0 | done; for `dags test` and `tasks test`: it succeeded |
| exit code 1 | it failed, or a mistake that the message explains |
| exit code 2 | the command line is not right |
"""


def page() -> str:
    return "\n".join([HEADER, *_commands(cli, "tradewind")])


def _commands(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield f"## {name}\n\n{_prose(command)}\n"
            yield from _commands(command, f"{path} {name}")
        else:
            yield from _command(command, f"{path} {name}", top=group is cli)


def _command(command: click.Command, path: str, *, top: bool) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"{'##' if top else '###'} {path.removeprefix('tradewind ')}\n"
    yield f"```\n{path} {usage}\n```\n"
    yield f"{_prose(command)}\n"
    records = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context))
        and "--help" not in parameter.opts
    ]
    if records:
        yield "| option | meaning |\n|---|---|"
        for option, meaning in records:
            yield f"| `{_cell(option)}` | {_cell(meaning)} |"
        yield ""


def _prose(command: click.Command) -> str:
    return " ".join((command.help or "").split())


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page())

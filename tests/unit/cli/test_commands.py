"""The tree of commands: complete, documented, and light where it only looks."""

import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tradewind.cli.main import cli

DOCS = Path(__file__).parents[3] / "docs"


def commands(group: click.Group = cli, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


ALL = dict(commands())


def test_every_command_says_what_it_does() -> None:
    assert [path for path, command in ALL.items() if not command.help] == []


@pytest.mark.parametrize("path", [path for path in ALL if path.endswith(("list", "list-runs"))])
def test_every_listing_takes_a_format(path: str) -> None:
    options = {option for parameter in ALL[path].params for option in parameter.opts}
    assert {"-o", "--output"} <= options


@pytest.mark.parametrize("option", ["--retry", "--retry-delay"])
def test_db_check_refuses_less_than_nothing(option: str) -> None:
    result = CliRunner().invoke(cli, ["db", "check", option, "-1"])
    assert result.exit_code == 2
    assert f"'{option}': -1" in result.output


def test_no_option_is_there_twice() -> None:
    for path, command in ALL.items():
        options = [option for parameter in command.params for option in parameter.opts]
        assert len(options) == len(set(options)), path


def test_what_only_looks_loads_no_scheduler() -> None:
    modules = [f"tradewind.cli.{name}" for name in ("dags", "tasks", "variables", "config")]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "tradewind.store.engine" in loaded
    heavy = ("tradewind.scheduler", "tradewind.executors", "tradewind.runner", "alembic")
    assert [name for name in loaded if name.startswith(heavy)] == []


def test_odd_names_are_printed_in_any_terminal() -> None:
    """Escaped, where the terminal's encoding or the name itself does not allow more."""
    odd = "\udcff日"
    code = "import click, sys; from tradewind.cli.main import cli, main; cli.add_command("
    code += f"click.Command('odd', callback=lambda: click.echo({odd!a}))); main(['odd'])"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "latin-1"}
    )
    assert printed.stdout == rb"\udcff\u65e5" + b"\n", printed.stderr


def test_the_page_of_commands_is_current() -> None:
    module = runpy.run_path(str(DOCS / "generate_cli.py"))
    assert (DOCS / "cli.md").read_text() == module["page"](), "make docs"

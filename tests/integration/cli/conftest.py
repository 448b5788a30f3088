"""The command line in this process, on a database of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tradewind.cli.main import cli
from tradewind.core.errors import TradewindError

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("variables", "list")`: the result of a command that is to succeed."""
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    runner = CliRunner()

    def command(*arguments: str, input: str | None = None) -> Result:
        result = runner.invoke(cli, arguments, input=input, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result

    command("db", "migrate")
    return command


@pytest.fixture
def refused(run: Run) -> Callable[..., TradewindError]:
    """`refused("variables", "get", "x")`: the user's error that a command ends with."""
    runner = CliRunner()

    def command(*arguments: str, input: str | None = None) -> TradewindError:
        result = runner.invoke(cli, arguments, input=input)
        assert isinstance(result.exception, TradewindError), result.output
        return result.exception

    return command

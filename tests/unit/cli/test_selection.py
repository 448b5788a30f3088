import json
from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from tradewind.cli import selection
from tradewind.cli.app import MOMENT
from tradewind.cli.selection import change
from tradewind.core.errors import NotFound, UserError
from tradewind.core.states import TaskInstanceState
from tradewind.scheduler.actions import Affected

KNOWN = ["extract", "extract_more", "load"]


@pytest.mark.parametrize(
    ("regex", "ids", "chosen"),
    [
        (None, (), None),
        ("ext", (), {"extract", "extract_more"}),
        ("extract$", (), {"extract"}),
        (".*more", ("load",), {"extract_more", "load"}),
        (None, ("load",), {"load"}),
    ],
)
def test_tasks_by_name_and_by_beginning(
    regex: str | None, ids: tuple[str, ...], chosen: set[str] | None
) -> None:
    assert selection._tasks(KNOWN, regex, ids) == chosen


def test_tasks_that_are_not_there() -> None:
    with pytest.raises(NotFound, match="There is no task lod") as caught:
        selection._tasks(KNOWN, None, ("lod",))
    assert caught.value.hint == "Tasks: extract, extract_more, load."
    with pytest.raises(NotFound, match="No task matches xtract"):
        selection._tasks(KNOWN, "xtract", ())
    with pytest.raises(UserError, match="not a regular expression"):
        selection._tasks(KNOWN, "[", ())


AFFECTED = [Affected("r", "t", -1, TaskInstanceState.SUCCESS)]


class Action:
    """An action that counts what is asked of it."""

    def __init__(self, affected: list[Affected]) -> None:
        self.affected = affected
        self.done = 0

    def __call__(self, dry_run: bool) -> list[Affected]:
        self.done += not dry_run
        return self.affected


def changed(
    action: Action, *arguments: str, input: str | None = None, whole_run: bool = False
) -> str:
    @click.command()
    @click.option("--dry-run", is_flag=True)
    @click.option("--yes", is_flag=True)
    @click.option("-o", "output", default="table")
    def command(dry_run: bool, yes: bool, output: str) -> None:
        change(action, "Clear", dry_run=dry_run, yes=yes, output=output, whole_run=whole_run)

    result = CliRunner().invoke(command, arguments, input=input)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_dry_run_changes_nothing() -> None:
    action = Action(AFFECTED)
    assert json.loads(changed(action, "--dry-run", "-o", "json"))[0]["task_id"] == "t"
    assert action.done == 0


def test_a_change_is_shown_before_the_question() -> None:
    action = Action(AFFECTED)
    output = changed(action, input="y\n")
    assert output.index("success") < output.index("Clear: 1 task instances change. Go on?")
    assert action.done == 1


def test_without_yes_nothing_is_changed() -> None:
    action = Action(AFFECTED)
    with pytest.raises(UserError, match="Nothing was changed"):
        changed(action, input="n\n")
    assert action.done == 0


def test_with_nothing_to_change_nobody_is_asked() -> None:
    action = Action([])
    assert changed(action) == "No task instance is concerned.\n"
    assert action.done == 0
    assert changed(action, "--yes", whole_run=True) == "Clear: done, 0 task instances changed.\n"
    assert action.done == 1


def test_what_programs_read_is_only_json() -> None:
    assert json.loads(changed(Action(AFFECTED), "--yes", "-o", "json"))[0]["run_id"] == "r"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15", datetime(2026, 1, 15, tzinfo=UTC)),
        ("2026-01-15T06:00", datetime(2026, 1, 15, 6, tzinfo=UTC)),
        ("2026-01-15 06:00:00+01:00", datetime(2026, 1, 15, 5, tzinfo=UTC)),
        ("2026-01-15T06:00:00Z", datetime(2026, 1, 15, 6, tzinfo=UTC)),
    ],
)
def test_a_date_without_offset_is_utc(text: str, moment: datetime) -> None:
    assert MOMENT.convert(text, None, None) == moment


def test_now_and_nonsense() -> None:
    assert abs(MOMENT.convert("now", None, None) - datetime.now(UTC)) < timedelta(minutes=1)
    for text in ("yesterday", "2026-13-01", "", "0001-01-01T00:00+14:00", "9999-12-31T23:00-01:00"):
        with pytest.raises(click.BadParameter, match=r"is not a date\. Write 2026-01-15"):
            MOMENT.convert(text, None, None)

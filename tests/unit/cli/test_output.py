import json
from datetime import UTC, datetime

import pytest
import yaml

from tradewind.cli.output import print_record, print_rows

ROWS = [
    {"dag_id": "a", "when": datetime(2026, 1, 15, 6, tzinfo=UTC), "tags": ["x", "y"], "none": None},
    {"dag_id": "b", "when": None, "tags": [], "none": 3},
]


def test_json_keeps_exact_times_and_types(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, "json")
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {
        "dag_id": "a",
        "when": "2026-01-15T06:00:00+00:00",
        "tags": ["x", "y"],
        "none": None,
    }
    assert rows[1]["none"] == 3


def test_yaml_says_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, "json")
    as_json = json.loads(capsys.readouterr().out)
    print_rows(ROWS, "yaml")
    assert yaml.safe_load(capsys.readouterr().out) == as_json


@pytest.mark.parametrize("output", ["table", "plain"])
def test_text_has_a_header_and_a_line_a_row(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    print_rows(ROWS, output)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["dag_id", "when", "tags", "none"]
    assert len(lines) == 3
    assert "x, y" in lines[1]


@pytest.mark.parametrize(
    ("output", "shown"), [("json", "[]"), ("table", "No runs."), ("plain", "")]
)
def test_nothing(capsys: pytest.CaptureFixture[str], output: str, shown: str) -> None:
    print_rows([], output, empty="No runs.")
    assert capsys.readouterr().out.strip() == shown


def test_a_record_is_a_line_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_record({"a": 1, "b": "two"}, "plain")
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["a", "1"],
        ["b", "two"],
    ]

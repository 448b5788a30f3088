"""An upgraded file makes the same DAGs, needs no old name, and has nothing left to upgrade."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tradewind.upgrade.file import upgrade

TESTS = Path(__file__).parents[2]
OLD = [
    *sorted(Path(__file__).with_name("old_dags").glob("*.py")),
    TESTS / "compat" / "dags" / "old_intervals.py",
    TESTS / "compat" / "dags" / "old_style.py",
]
MODERN = sorted({*(TESTS / "compat" / "dags").glob("*.py")} - {*OLD})[::4]
MODERN += sorted((TESTS.parent / "examples").glob("*.py"))
TODAY = datetime.now(UTC).date()  # what `days_ago` counts from when the old files are loaded


def upgraded(file: Path) -> bytes:
    return upgrade(file.read_bytes(), file.name, today=TODAY).source


def documents(folder: Path) -> dict[str, Any]:
    """The serialized DAGs of all files, from a process of its own."""
    script = TESTS / "compat" / "serialize_corpus.py"
    run = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)["documents"]
    return found


def test_the_upgraded_files_make_the_same_dags(tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    for file in OLD:
        shutil.copy(file, tmp_path / "before")
        (tmp_path / "after" / file.name).write_bytes(upgraded(file))
    before, after = (documents(tmp_path / name) for name in ("before", "after"))

    assert {name: meaning(dag) for name, dag in after.items()} == {
        name: meaning(dag) for name, dag in before.items()
    }
    assert all(dag.get("warnings") for dag in before.values())
    assert not any(dag.get("warnings") for dag in after.values())


def meaning(document: dict[str, Any]) -> dict[str, Any]:
    """All but the notes on old names; catch-up has none for a DAG that does not repeat itself."""
    left_out = {"warnings"}
    if document.get("timetable_summary") in (None, "None", "@once"):
        left_out.add("catchup")
    return {key: value for key, value in document.items() if key not in left_out}


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.name)
def test_an_upgraded_file_stays_as_it_is(file: Path) -> None:
    once = upgraded(file)
    again = upgrade(once, file.name, today=TODAY + timedelta(days=1))

    assert once != file.read_bytes()
    assert again.source == once


@pytest.mark.parametrize("file", MODERN, ids=lambda file: file.name)
def test_a_modern_file_stays_as_it_is(file: Path) -> None:
    assert upgraded(file) == file.read_bytes()

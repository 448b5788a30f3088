"""`tradewind dags upgrade`: what it prints, what it writes, files that it cannot read."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tradewind.cli.upgrade import upgrade

OLD = "from airflow.operators.dummy import DummyOperator\n\nDummyOperator(task_id='x', sla=1)\n"
NEW = (
    "from airflow.providers.standard.operators.empty import EmptyOperator\n\n"
    "EmptyOperator(task_id='x')\n"
)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(upgrade, [str(argument) for argument in arguments])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.py"
    path.write_text(OLD)
    return path


def test_by_default_the_difference_is_printed_and_nothing_written(old: Path) -> None:
    result = run(old)

    assert result.exit_code == 0
    assert "-DummyOperator(task_id='x', sla=1)" in result.stdout
    assert "+EmptyOperator(task_id='x')" in result.stdout
    assert f"{old}:3: sla is gone" in result.stderr
    assert "1 of 1 files would change." in result.stderr
    assert old.read_text() == OLD


def test_the_difference_is_a_patch(old: Path) -> None:
    """Also for a file whose last line does not end."""
    old.write_text(OLD.strip())
    patch = run(old).stdout

    subprocess.run(["patch", str(old)], input=patch, text=True, check=True, capture_output=True)
    assert old.read_text() == NEW.strip()


def test_a_file_is_written_with_its_mode_and_behind_its_link(old: Path, tmp_path: Path) -> None:
    old.chmod(0o640)
    link = tmp_path / "link.py"
    link.symlink_to(old)
    result = run("--write", link)

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 of 1 files rewritten." in result.stderr
    assert link.is_symlink()
    assert old.read_text() == NEW
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.py", "old.py"]
    assert "0 of 1 files rewritten." in run("--write", old).stderr


def test_a_folder_is_searched_but_for_what_is_not_the_users(old: Path, tmp_path: Path) -> None:
    for folder in ("sub", ".hidden", "venv", "__pycache__"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "dag.py").write_text(OLD)
    (tmp_path / "query.sql").write_text("{{ execution_date }}")

    assert "2 of 2 files would change." in run(tmp_path).stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = (\n", "bad.py, line 1: '(' was never closed."),
        (b"import airflow\nprint 'x'\n", "bad.py, line 2: Missing parentheses"),
        (b"\x00\x01", "bad.py: source code string cannot contain null bytes."),
        (b"# \xff\n", "bad.py: invalid or missing encoding declaration."),
    ],
)
def test_a_file_that_is_not_python_3_is_named_and_the_others_go_on(
    old: Path, content: bytes, message: str
) -> None:
    (old.parent / "bad.py").write_bytes(content)
    result = run(old.parent)

    assert result.exit_code == 1
    assert message in result.stderr
    assert "+EmptyOperator" in result.stdout
    assert "1 of 2 files would change, 1 could not be upgraded." in result.stderr
    assert ("This is Python 2" in result.stderr) == (b"print 'x'" in content)


def test_what_cannot_be_read_or_written_is_named(old: Path, tmp_path: Path) -> None:
    (tmp_path / "dag.py").mkdir()
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere")
    result = run(tmp_path)

    assert result.exit_code == 1
    assert f"{tmp_path}/dangling.py cannot be read: No such file or directory." in result.stderr
    missing = run(tmp_path / "none.py")
    assert str(missing.exception) == f"There is no file or folder {tmp_path}/none.py."


def test_a_file_that_cannot_be_written_is_named_and_stays(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "replace", refuse)
    result = run("--write", old)

    assert result.exit_code == 1
    assert f"{old} cannot be written: Read-only file system." in result.stderr
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    assert old.read_text() == OLD


def test_a_file_that_does_not_use_airflow_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import os\n")

    assert "0 of 1 files would change." in run(path).stderr
    (tmp_path / "empty").mkdir()
    assert "There are no Python files." in run(tmp_path / "empty").stderr


def test_libcst_is_loaded_for_this_command_only() -> None:
    code = "import sys, tradewind.cli.dags, tradewind.cli.upgrade; print('libcst' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"

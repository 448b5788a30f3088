"""`tradewind dags check` on files of every kind, each loaded in a real child."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from tradewind.cli.main import cli
from tradewind.core.errors import NotFound

GOOD = "from airflow.sdk import DAG\nwith DAG({0!r}, schedule=None):\n    pass\n"
FILES = {
    "a_good.py": GOOD.format("good"),
    "b_old.py": "from airflow import DAG\nfrom airflow.operators.dummy_operator import"
    " DummyOperator\nwith DAG('old', schedule_interval=None):\n    DummyOperator(task_id='a')\n",
    "c_provider.py": "from airflow.sdk import DAG\n"
    "from airflow.providers.docker.operators.docker import DockerOperator\n",
    "d_package.py": "from airflow.sdk import DAG\nimport package_of_nobody.deep\n",
    "e_variable.py": "from airflow.sdk import DAG, Variable\nVariable.get('bucket')\n",
    "f_connection.py": "from airflow.sdk import DAG, BaseHook\nBaseHook.get_connection('lake')\n",
    "g_broken.py": "from airflow.sdk import DAG\ndag = DAG('g', schedule='61 * * * *')\n",
    "h_python2.py": "import airflow  # dag\nprint 'hello'\n",
    "i_twice.py": GOOD.format("good"),
    "j_moving.py": "import uuid\nfrom airflow.sdk import DAG\n"
    "dag = DAG(f'd{uuid.uuid4()}', schedule=None)\n",
    "helper.py": "VALUE = 1\n",
    "ignored/x.py": "raise RuntimeError('airflow dag')\n",
    ".airflowignore": "ignored/\n",
}
VERDICTS = {
    "a_good.py": ("loads", None, None),
    "b_old.py": ("loads with warnings", None, None),
    "c_provider.py": ("missing provider", 2, "apache-airflow-providers-docker"),
    "d_package.py": ("missing package", 2, "package_of_nobody"),
    "e_variable.py": ("missing variable", 2, "bucket"),
    "f_connection.py": ("missing connection", 2, "lake"),
    "g_broken.py": ("fails", 2, None),
    "h_python2.py": ("fails", 2, None),
    "i_twice.py": ("fails", None, None),
    "j_moving.py": ("fails", None, None),
}


def check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["dags", "check", *map(str, arguments)])


def document(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(check(*arguments, "-o", "json").stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    root = tmp_path / "dags"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_each_file_gets_its_verdict(folder: Path) -> None:
    found = document(folder)
    assert {
        Path(row["file"]).name: (
            row["result"],
            row["error"] and row["error"]["line"],
            row["error"] and row["error"]["missing"],
        )
        for row in found["files"]
    } == VERDICTS
    assert found["summary"]["files"] == len(VERDICTS)
    assert found["summary"]["fails"] == 4
    assert found["missing"] == {
        "missing provider": ["apache-airflow-providers-docker"],
        "missing package": ["package_of_nobody"],
        "missing variable": ["bucket"],
        "missing connection": ["lake"],
    }
    errors = {Path(row["file"]).name: row["error"] for row in found["files"]}
    assert errors["i_twice.py"]["message"] == "The DAG id 'good' is also used in a_good.py."
    assert errors["j_moving.py"]["kind"] == "unsteady"


def test_the_report_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    result = check(folder)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["a_good.py: loads (1 DAG)", "b_old.py: loads with warnings (1 DAG)"]
    assert any("line 2: airflow.operators.dummy_operator.DummyOperator" in line for line in lines)
    assert "c_provider.py: missing provider apache-airflow-providers-docker" in lines
    assert "  Hint: This is Python 2: write print(...) with parentheses." in lines
    assert lines[-3:] == [
        "10 files: 1 loads, 1 loads with warnings, 1 missing provider, 1 missing package,"
        " 1 missing variable, 1 missing connection, 4 fails.",
        "missing provider: tradewind providers install docker",
        "missing package: pip install package_of_nobody",
    ]


def test_warnings_alone_are_a_success(folder: Path) -> None:
    result = check(folder / "a_good.py", folder / "b_old.py", "-o", "yaml")
    assert result.exit_code == 0
    files = yaml.safe_load(result.stdout)["files"]
    assert [row["dags"] for row in files] == [["good"], ["old"]]
    assert len(files[1]["warnings"]) == 2


def test_a_named_file_is_looked_at_even_if_it_does_not_mention_dags(folder: Path) -> None:
    assert [row["result"] for row in document(folder / "helper.py")["files"]] == ["loads"]


def test_imports_start_at_the_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "team").mkdir()
    (folder / "team" / "uses.py").write_text(f"from helper import VALUE\n{GOOD.format('uses')}")
    assert document(folder / "team")["summary"]["missing package"] == 1
    monkeypatch.setenv("TRADEWIND_CORE__DAGS_FOLDER", str(folder))
    assert document(folder / "team")["summary"]["loads"] == 1
    assert document(folder / "team" / "uses.py")["summary"]["loads"] == 1


def test_paths_may_go_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "ignored")
    (row,) = document("../a_good.py", "../../dags/a_good.py")["files"]
    assert (row["file"], row["result"]) == (str(folder / "a_good.py"), "loads")


def test_values_come_from_the_environment_and_the_database(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", "postgres://h")
    files = (folder / "e_variable.py", folder / "f_connection.py")
    assert [row["result"] for row in document(*files)["files"]] == ["missing variable", "loads"]
    runner = CliRunner()
    assert runner.invoke(cli, ["db", "migrate"]).exit_code == 0
    assert runner.invoke(cli, ["variables", "set", "bucket", "b"]).exit_code == 0
    assert document(*files)["summary"]["loads"] == 2


def test_a_file_that_never_ends_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT", "0.5")
    (folder / "loop.py").write_text("while True:\n    pass\n")
    (row,) = document(folder / "loop.py")["files"]
    assert (row["result"], row["error"]["kind"]) == ("fails", "timeout")


def test_paths_that_are_not_there_are_named(folder: Path) -> None:
    result = check(folder / "nothing.py")
    assert isinstance(result.exception, NotFound)
    assert str(folder / "nothing.py") in str(result.exception)


def test_a_folder_without_dag_files(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = check(tmp_path / "empty")
    assert (result.exit_code, result.stdout) == (0, "No DAG files.\n")


def test_many_files_keep_their_order(folder: Path) -> None:
    many = folder.parent / "many"
    many.mkdir()
    for number in range(60):
        (many / f"f{number:02}.py").write_text(GOOD.format(f"dag_{number}"))
    found = document(many)["files"]
    assert [os.path.basename(row["file"]) for row in found] == [f"f{n:02}.py" for n in range(60)]
    assert {row["result"] for row in found} == {"loads"}

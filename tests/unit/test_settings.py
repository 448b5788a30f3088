from pathlib import Path

import pytest

from tradewind import settings
from tradewind.core.errors import UserError


def test_defaults_lie_below_the_home_folder(tmp_path: Path) -> None:
    loaded = settings.load({"TRADEWIND_HOME": str(tmp_path)})
    assert loaded.home == tmp_path
    assert loaded.sections.core.dags_folder == f"{tmp_path}/dags"
    assert loaded.sections.database.url == f"sqlite:///{tmp_path}/tradewind.db"
    assert loaded.sources["core", "dags_folder"] == "default"
    assert [bundle.path for bundle in loaded.bundles] == [f"{tmp_path}/dags"]


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "tradewind.toml").write_text("[core]\nparallelism = 5\nexecutor = 'local'\n")
    loaded = settings.load({"TRADEWIND_HOME": str(tmp_path), "TRADEWIND_CORE__PARALLELISM": "7"})
    assert loaded.sections.core.parallelism == 7
    assert loaded.sources["core", "parallelism"] == "TRADEWIND_CORE__PARALLELISM"
    assert loaded.sources["core", "executor"] == str(tmp_path / "tradewind.toml")


def test_airflows_names_are_aliases_and_ours_win(tmp_path: Path) -> None:
    env = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": "/a",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "3",
        "AIRFLOW__CORE__XCOM_BACKEND": "airflow.sdk.execution_time.xcom.BaseXCom",
        "TRADEWIND_CORE__PARALLELISM": "4",
    }
    loaded = settings.load(env)
    assert loaded.home == tmp_path
    assert loaded.sections.core.dags_folder == "/a"
    assert loaded.sections.core.parallelism == 4


def test_variables_and_connections_are_not_settings(tmp_path: Path) -> None:
    env = {"TRADEWIND_HOME": str(tmp_path), "TRADEWIND_VAR_A__B": "1", "TRADEWIND_CONN_X__Y": "z"}
    settings.load(env)


def test_bundles_as_json(tmp_path: Path) -> None:
    env = {
        "TRADEWIND_HOME": str(tmp_path),
        "TRADEWIND_CORE__BUNDLES": '[{"name": "a", "path": "/x"}, {"name": "b", "path": "/y"}]',
    }
    assert [bundle.name for bundle in settings.load(env).bundles] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRADEWIND_CORE__PARALLELISM", "many", ["TRADEWIND_CORE__PARALLELISM", "many", "int"]),
        ("TRADEWIND_CORE__PARALLELISM", "0", ["TRADEWIND_CORE__PARALLELISM", "0", ">= 1"]),
        ("TRADEWIND_CORE__PARALLELISM", "\udcff", ["TRADEWIND_CORE__PARALLELISM", "udcff"]),
        ("TRADEWIND_CORE__NONSENSE", "1", ["TRADEWIND_CORE__NONSENSE", "nonsense"]),
        ("TRADEWIND_NONSENSE__X", "1", ["TRADEWIND_NONSENSE__X", "nonsense"]),
        ("AIRFLOW__CORE__XCOM_BACKEND", "my.S3", ["AIRFLOW__CORE__XCOM_BACKEND", "my.S3"]),
        ("TRADEWIND_CORE__BUNDLES", "[{", ["TRADEWIND_CORE__BUNDLES", "JSON"]),
        ("TRADEWIND_CORE__EXECUTOR", "Kubernetic", ["TRADEWIND_CORE__EXECUTOR", "Kubernetic"]),
        ("TRADEWIND_LOGGING__LOGGING_LEVEL", "LOUD", ["LOUD", "TRADEWIND_LOGGING__"]),
    ],
)
def test_a_bad_setting_says_its_name_and_value(
    tmp_path: Path, name: str, value: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as raised:
        settings.load({"TRADEWIND_HOME": str(tmp_path), name: value})
    assert all(word in str(raised.value) for word in words)
    assert raised.value.hint or "JSON" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[core\n", "not valid TOML"),
        ("parallelism = 3\n", "outside of a section"),
        ("[core]\nparalelism = 3\n", "paralelism"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "tradewind.toml").write_text(text)
    with pytest.raises(UserError, match=words) as raised:
        settings.load({"TRADEWIND_HOME": str(tmp_path)})
    assert str(tmp_path / "tradewind.toml") in str(raised.value)


def test_the_configuration_page_is_current() -> None:
    import runpy

    docs = Path(__file__).parents[2] / "docs"
    module = runpy.run_path(str(docs / "generate_configuration.py"))
    assert module["page"]() == (docs / "configuration.md").read_text()

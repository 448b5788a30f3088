import json
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tradewind.bundles.discovery import Discovery, is_ignored, mentions_dag, read_rules

FACTS = json.loads((Path(__file__).parent / "facts" / "airflowignore.json").read_text())


def write(root: Path, files: dict[str, str]) -> dict[str, str]:
    """Lay out the files; their hashes, made of the content itself."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return dict(files)


@pytest.mark.parametrize("case", FACTS["cases"], ids=lambda case: case["name"])
def test_ignore_files_mean_what_airflow_takes_them_to_mean(
    case: dict[str, Any], tmp_path: Path
) -> None:
    hashes = write(tmp_path, dict.fromkeys(FACTS["tree"], "") | case["ignore_files"])
    found = Discovery(syntax=case["syntax"], safe_mode=False).candidates(tmp_path, hashes)
    assert found == case["found"]


@pytest.mark.parametrize(
    ("source", "mentioned"),
    [
        (b"from airflow import DAG", True),
        (b"from tradewind.sdk import dag", True),
        (b"from AIRFLOW.sdk import Asset", True),
        (b"import pandas  # of the dag", False),
        (b"import airflow", False),
        (b"", False),
    ],
)
def test_safe_mode(source: bytes, mentioned: bool) -> None:
    assert mentions_dag(source) is mentioned


def test_safe_mode_leaves_helpers_alone_and_can_be_turned_off(tmp_path: Path) -> None:
    hashes = write(
        tmp_path,
        {"etl.py": "from airflow.sdk import DAG", "helper.py": "X = 1", "notes.md": "airflow dag"},
    )
    assert Discovery().candidates(tmp_path, hashes) == ["etl.py"]
    assert Discovery(safe_mode=False).candidates(tmp_path, hashes) == ["etl.py", "helper.py"]


def test_what_a_file_mentions_is_judged_anew_when_its_content_changes(tmp_path: Path) -> None:
    discovery = Discovery()
    assert discovery.candidates(tmp_path, write(tmp_path, {"etl.py": "X = 1"})) == []
    changed = write(tmp_path, {"etl.py": "from airflow.sdk import DAG"})
    assert discovery.candidates(tmp_path, changed) == ["etl.py"]


def test_zip_files_count_by_their_top_level_modules(tmp_path: Path) -> None:
    def pack(name: str, members: dict[str, str]) -> None:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, text in members.items():
                archive.writestr(member, text)

    pack("dags.zip", {"etl.py": "from airflow.sdk import DAG", "lib/helper.py": ""})
    pack("library.zip", {"lib/etl.py": "from airflow.sdk import DAG", "other.py": "X = 1"})
    (tmp_path / "broken.zip").write_text("airflow dag, but no archive")
    names = ["dags.zip", "library.zip", "broken.zip"]
    assert Discovery().candidates(tmp_path, {name: name for name in names}) == ["dags.zip"]


@pytest.mark.parametrize(
    ("line", "name", "ignored"),
    [
        ("***.py", "a.py", True),
        ("*" * 70 + "x", "a" * 40 + ".py", False),  # took for ever
        (r"\*****", "*a.py", True),
        (r"\*****", "a.py", False),
    ],
)
def test_many_asterisks_are_one(line: str, name: str, ignored: bool) -> None:
    rules = read_rules(line, PurePosixPath(), "glob")
    assert is_ignored(PurePosixPath(name), False, rules) is ignored

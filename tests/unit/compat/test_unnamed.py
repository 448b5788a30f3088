"""What a provider package imports of the libraries that Airflow brings along."""

from pathlib import Path

from packaging.requirements import Requirement

from tradewind.compat.unnamed import BROUGHT_BY_AIRFLOW, unnamed_requirements


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_imports_anywhere_in_the_package_count(tmp_path: Path) -> None:
    write(tmp_path, "hooks/s3.py", "from tenacity import retry\nimport boto3\n")
    write(tmp_path, "log/handler.py", "def look():\n    import structlog\n")

    assert unnamed_requirements(tmp_path) == ["structlog>=25", "tenacity>=8.3"]


def test_file_systems_want_paths(tmp_path: Path) -> None:
    write(tmp_path, "fs/s3.py", "def get_fs(conn_id, storage_options=None):\n    pass\n")

    assert unnamed_requirements(tmp_path) == ["universal-pathlib>=0.3.8"]


def test_parts_of_airflows_own_machinery_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, "executors/ecs.py", "import psutil\n")
    write(tmp_path, "example_dags/one.py", "import httpx\n")

    assert unnamed_requirements(tmp_path) == []


def test_where_the_package_lies_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "cli", "hooks.py", "import attr\n")

    assert unnamed_requirements(tmp_path / "cli") == ["attrs>=24.2"]


def test_all_are_requirements_that_pip_reads() -> None:
    assert all(Requirement(text).specifier for text in BROUGHT_BY_AIRFLOW.values())

"""What a DAG file's first import line costs: by module list, since times depend on the machine."""

import subprocess
import sys

import pytest

HEAVY = {
    "alembic",
    "asyncio",
    "attr",
    "cronsim",
    "dateutil",
    "jinja2",
    "jsonschema",
    "kubernetes",
    "msgspec",
    "pendulum",
    "pydantic",
    "sqlalchemy",
    "structlog",
    "yaml",
}

PROBE = """
import sys
before = set(sys.modules)
{line}
print(",".join(sorted({{name.split(".")[0] for name in set(sys.modules) - before}})))
print(len(set(sys.modules) - before))
"""


def loaded_by(line: str) -> tuple[set[str], int]:
    run = subprocess.run(
        [sys.executable, "-c", PROBE.format(line=line)],
        capture_output=True,
        text=True,
        check=True,
    )
    packages, count = run.stdout.splitlines()
    return set(packages.split(",")), int(count)


@pytest.mark.parametrize(
    "line",
    [
        "import tradewind.sdk",
        "from tradewind.sdk import DAG, task",
        "from tradewind.sdk import DAG, Asset, Param, TaskGroup, chain, dag, task, task_group",
    ],
)
def test_authoring_imports_the_standard_library_only(line: str) -> None:
    packages, count = loaded_by(line)

    assert packages.isdisjoint(HEAVY)
    assert packages - set(sys.stdlib_module_names) <= {"tradewind"}
    assert count < 120


def test_a_small_dag_needs_no_heavy_package() -> None:
    line = (
        "from tradewind.sdk import DAG, task\n"
        "with DAG('d', schedule='@daily'):\n"
        "    @task\n"
        "    def a(): return 1\n"
        "    a()\n"
    )
    packages, _ = loaded_by(line)

    assert packages.isdisjoint(HEAVY)


def test_every_export_exists() -> None:
    line = "import tradewind.sdk as sdk; [getattr(sdk, name) for name in sdk.__all__]"

    packages, _ = loaded_by(line)

    assert "tradewind" in packages


def test_the_dag_decorator_is_not_hidden_by_its_module() -> None:
    line = (
        "import tradewind.sdk.dag; from tradewind.sdk import DAG, dag; "
        "assert dag.__name__ == 'dag' and DAG.__name__ == 'DAG'"
    )

    loaded_by(line)

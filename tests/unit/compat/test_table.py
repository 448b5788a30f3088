"""Every row of the table imports, old names say what to write today, missing ones what to do."""

import importlib
import warnings
from pathlib import Path

import pytest

from tradewind import compat
from tradewind.compat import docs, finder, table
from tradewind.compat.table_missing import MISSING
from tradewind.sdk.old_names import OldNameWarning

compat.install()

MODULES = sorted(table.modules())


def is_a_providers(module: str, name: str) -> bool:
    found = table.row(module).names.get(name)
    return found is not None and (
        found.module.startswith("airflow.providers.") and found.module not in MODULES
    )


OLD_NAMES = [
    (module, name)
    for module in MODULES
    for name, found in table.row(module).names.items()
    if found.advice is not None and not is_a_providers(module, name)
]
MOVED_NAMES = [
    (module, name)
    for module in MODULES
    for name in table.row(module).names
    if is_a_providers(module, name)
]


@pytest.mark.parametrize("module", MODULES)
def test_every_row_imports(module: str) -> None:
    loaded = importlib.import_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldNameWarning)
        for name in finder.offered(module):
            if is_a_providers(module, name):
                continue
            assert getattr(loaded, name) is not None or name == "NEW_SESSION"
        assert set(finder.offered(module)) <= set(dir(loaded))


@pytest.mark.parametrize("module", MODULES)
def test_names_of_today_make_no_notes(module: str) -> None:
    current = [
        name
        for name in finder.offered(module)
        if name not in table.row(module).names or table.row(module).names[name].advice is None
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in current:
            exec(f"from {module} import {name}", {})


@pytest.mark.parametrize(("module", "name"), OLD_NAMES)
def test_old_names_make_one_note_at_the_importing_line(module: str, name: str) -> None:
    source = compile(f"\n\nfrom {module} import {name}", "the_dag_file.py", "exec")
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        exec(source, {})
    (note,) = [n for n in notes if f"{module}.{name} " in str(n.message)]
    assert note.category is OldNameWarning
    assert (note.filename, note.lineno) == ("the_dag_file.py", 3)


def test_what_has_moved_names_the_provider_that_has_it() -> None:
    assert len(MOVED_NAMES) > 500
    for module, name in MOVED_NAMES:
        assert f"`from {table.row(module).names[name].module} import" in (
            table.row(module).names[name].advice or ""
        )
        with pytest.raises(compat.AirflowNameError) as raised:
            exec(f"from {module} import {name}", {})
        package = table.provider_of(raised.value.wanted)
        assert package is not None
        source = table.row(module).names[name].module.split(".")
        assert package.removeprefix("apache-airflow-providers-").split("-")[0] == source[2]
        assert package in str(raised.value)


@pytest.mark.parametrize(("module", "name"), OLD_NAMES)
def test_the_modern_form_in_the_note_gives_the_same_object(module: str, name: str) -> None:
    found = table.row(module).names[name]
    assert found.advice is not None
    if "write `from " not in found.advice:
        return
    modern = found.advice.partition("write `")[2].rstrip("`.")
    namespace: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldNameWarning)
        exec(modern, namespace)
        old = getattr(importlib.import_module(module), name)
    namespace.pop("__builtins__")
    assert list(namespace.values()) == [old]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("from airflow.operators.bash import Nonsense", "'airflow.operators.bash.Nonsense'"),
        ("from airflow import nonsense", "It is not planned."),
        ("from airflow.models import Varable", "Did you mean airflow.models.Variable?"),
        ("from airflow.utils import PythonOperator", "airflow.operators.python.PythonOperator"),
        ("import airflow.nonsense.deeper", "'airflow.nonsense'"),
        ("from airflow.providers.standard.operators.x import X", "docs/compatibility.md"),
        (
            "from airflow.providers.http.operators.http import HttpOperator",
            "providers install http`",
        ),
        (
            "from airflow.providers.microsoft.mssql.hooks.mssql import H",
            "providers install microsoft-mssql`",
        ),
        ("from airflow.providers.cncf.kubernetes.operators.pod import P", "planned"),
        ("from airflow.contrib.operators.kubernetes_pod_operator import P", "planned"),
        ("from airflow.kubernetes.secret import Secret", "planned"),
        ("from airflow.hooks.S3_hook import S3Hook", "providers install amazon`"),
        ("from airflow.contrib.hooks.gcs_hook import G", "providers install google`"),
        ("from airflow.contrib.sensors.ftp_sensor import F", "providers install ftp`"),
        ("from airflow.operators.hive_operator import H", "providers install apache-hive`"),
        ("from airflow.sensors.sql import SqlSensor", "providers install common-sql`"),
        ("from airflow.contrib.operators.qubole_operator import Q", "providers install qubole"),
        ("from airflow.www import app", "Tradewind replaces"),
        ("from airflow.secrets.metastore import M", "AIRFLOW_CONN_<ID>"),
    ],
)
def test_what_is_missing_is_explained(statement: str, says: str) -> None:
    with pytest.raises(ModuleNotFoundError) as raised:
        exec(statement, {})
    assert isinstance(raised.value, compat.AirflowNameError)
    assert says in str(raised.value)


def test_asking_for_a_missing_name_is_possible() -> None:
    import airflow.models

    assert not hasattr(airflow.models, "Nonsense")
    assert getattr(airflow.models, "Nonsense", 5) == 5


@pytest.mark.parametrize("name", sorted(MISSING))
def test_nothing_is_both_there_and_missing(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    here = name in table.modules() or attribute in table.row(module).names
    below = any(known.startswith(f"{name}.") for known in table.modules())
    partly_there = {"airflow.models.asset", "airflow.settings"}
    assert not here or below or name in partly_there


def test_star_import_and_modules_as_names() -> None:
    namespace: dict[str, object] = {}
    exec("from airflow.sdk import *", namespace)
    assert {"DAG", "task", "Asset"} <= namespace.keys()
    old: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldNameWarning)
        exec("from airflow.models import *\nfrom airflow.operators import *", old)
    assert {"DAG", "Variable", "DagRun", "BashOperator", "SubDagOperator"} <= old.keys()
    assert "ImportError" not in old  # Airflow's model would hide Python's exception
    import airflow

    assert airflow.models.DAG is namespace["DAG"]
    assert airflow.operators.bash.__name__ == "airflow.operators.bash"


def test_the_page_in_the_documentation_is_current() -> None:
    page = Path(__file__).parents[3] / "docs" / "compatibility.md"
    assert page.read_text() == docs.page(), "run: python -m tradewind.compat.docs > " + str(page)

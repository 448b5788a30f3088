"""The importer in fresh processes: what it leaves alone, what it costs, and other packages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(code: str, *folders: Path) -> Any:
    """What the code prints, as JSON; `folders` are in front on the path."""
    prelude = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_apache_airflow_is_left_alone_when_it_is_installed(tmp_path: Path) -> None:
    write(tmp_path, {"airflow/__init__.py": "REAL = True", "airflow/models/__init__.py": ""})
    code = """
import json
from tradewind import compat
installed = compat.install()
import airflow
print(json.dumps([installed, airflow.REAL]))
"""
    assert run(code, tmp_path) == [False, True]


def test_importing_airflow_loads_nothing_that_is_not_used() -> None:
    code = """
import json, sys
from tradewind import compat
assert compat.install() and compat.install()
before = set(sys.modules)
import airflow, airflow.operators.bash, airflow.utils.dates, airflow.sdk
new = {name for name in set(sys.modules) - before if not name.startswith("airflow")}
print(json.dumps(sorted(new)))
"""
    assert run(code) == []


def test_a_dag_file_imports_without_heavy_packages() -> None:
    code = """
import json, sys
from tradewind import compat
compat.install()
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.empty import EmptyOperator
with DAG("d", schedule="@daily"):
    BashOperator(task_id="a", bash_command="true") >> EmptyOperator(task_id="b")
heavy = ["pendulum", "jinja2", "jsonschema", "dateutil", "asyncio", "sqlalchemy", "ssl", "yaml"]
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    assert run(code) == []


def test_provider_packages_without_the_core_are_used(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write(
        first,
        {
            "airflow/providers/acme/__init__.py": "",
            "airflow/providers/acme/hooks.py": """
from airflow.sdk import BaseHook
from airflow.utils.log.logging_mixin import LoggingMixin
class AcmeHook(BaseHook):
    pass
""",
            "airflow/providers/standard/operators/acme.py": "",
        },
    )
    write(second, {"airflow/providers/common/things/__init__.py": "HERE = True"})
    code = """
import json
from tradewind import compat
compat.install()
from airflow.providers.acme.hooks import AcmeHook
from airflow.providers.common.things import HERE
from tradewind.sdk import BaseHook
try:
    import airflow.providers.standard.operators.acme
    mixed = True
except ImportError:
    mixed = False
print(json.dumps([issubclass(AcmeHook, BaseHook), HERE, mixed]))
"""
    assert run(code, first, second) == [True, True, False]


def test_an_installed_provider_goes_before_what_we_have_of_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "airflow/providers/smtp/__init__.py": "",
            "airflow/providers/smtp/operators/__init__.py": "",
            "airflow/providers/smtp/operators/smtp.py": "from airflow.sdk import DAG\nREAL = True",
            "airflow/providers/smtp/hooks.py": "REAL = True",
        },
    )
    code = """
import json
from tradewind import compat
compat.install()
import airflow.providers.smtp.operators.smtp as operators
try:
    from airflow.providers.smtp.hooks import REAL as hooks
except ImportError as error:
    hooks = str(error)
print(json.dumps([hasattr(operators, "REAL"), hooks]))
"""
    assert run(code, tmp_path) == [True, True]
    ours, missing = run(code)
    assert ours is False
    assert "`tradewind providers install smtp`" in missing


def test_old_places_lead_to_an_installed_provider(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "airflow/providers/docker/__init__.py": "",
            "airflow/providers/docker/operators/__init__.py": "",
            "airflow/providers/docker/operators/docker.py": "class DockerOperator: pass",
            "airflow/providers/amazon/__init__.py": "",
            "airflow/providers/amazon/aws/__init__.py": "",
            "airflow/providers/amazon/aws/hooks/__init__.py": "",
            "airflow/providers/amazon/aws/hooks/base_aws.py": "",
        },
    )
    code = """
import json, warnings
from tradewind import compat
compat.install()
with warnings.catch_warnings(record=True) as notes:
    warnings.simplefilter("always")
    from airflow.operators.docker_operator import DockerOperator
    from airflow.operators import DockerOperator as Plain
try:
    from airflow.contrib.hooks.aws_hook import AwsHook
except ImportError as error:
    said = str(error)
same = Plain is DockerOperator
print(json.dumps([DockerOperator.__module__, same, str(notes[0].message), said]))
"""
    module, same, note, said = run(code, tmp_path)
    assert (module, same) == ("airflow.providers.docker.operators.docker", True)
    assert "`from airflow.providers.docker.operators.docker import DockerOperator`" in note
    assert "AwsHook became airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook" in said
    assert "changelog" in said


def test_dag_files_that_get_apache_airflow_itself_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "site/airflow/__init__.py": "class DAG:\n    pass",
            "site/airflow/models/__init__.py": "",
            "dags/theirs.py": "from airflow import DAG\ndag = DAG()",
            "dags/ours.py": "from tradewind.sdk import DAG\ndag = DAG('ours', schedule=None)",
        },
    )
    code = f"""
import json
from tradewind.core.errors import InvalidDag
from tradewind.runner.load import load_dag_file
root = {str(tmp_path / "dags")!r}
loaded = [dag.dag_id for dag in load_dag_file(root, "ours.py")]
try:
    load_dag_file(root, "theirs.py")
except InvalidDag as error:
    print(json.dumps([loaded, str(error), error.hint]))
"""
    loaded, message, hint = run(code, tmp_path / "site")
    assert loaded == ["ours"]
    assert "theirs.py gets Apache Airflow itself" in message
    assert str(tmp_path / "site" / "airflow") in message
    assert "pip uninstall apache-airflow" in hint


RETIRED = {
    "airflow/providers/http/__init__.py": "",
    "airflow/providers/http/operators/__init__.py": "",
    "airflow/providers/http/operators/http.py": (
        "from airflow.utils.module_loading import import_string\n"  # an old name: not the user's
        "class HttpOperator: pass\n"
    ),
    "airflow/providers/postgres/__init__.py": "",
    "airflow/providers/common/sql/__init__.py": "",
    "airflow/providers/common/sql/operators/__init__.py": "",
    "airflow/providers/common/sql/operators/sql.py": """
from airflow.sdk import BaseOperator
class SQLExecuteQueryOperator(BaseOperator):
    def __init__(self, *, sql, conn_id=None, hook_params=None, **kwargs):
        super().__init__(**kwargs)
        self.said = [sql, conn_id, hook_params]
""",
}


def test_what_providers_once_had_is_there_while_they_are(tmp_path: Path) -> None:
    write(tmp_path, RETIRED)
    code = """
import json, warnings
from tradewind import compat
compat.install()
with warnings.catch_warnings(record=True) as noted:
    warnings.simplefilter("always")
    from airflow.providers.http.operators.http import HttpOperator, SimpleHttpOperator
    from airflow.providers.postgres.operators.postgres import PostgresOperator
from airflow.sdk import DAG
with DAG("d", schedule=None, default_args={"postgres_conn_id": "mine"}):
    said = PostgresOperator(task_id="t", sql="SELECT 1").said
errors = []
for statement in (
    "from airflow.providers.http.operators.http import ComplexHttpOperator",
    "import airflow.providers.postgres.operators.other",
    "from airflow.providers.snowflake.operators.snowflake import SnowflakeOperator",
):
    try:
        exec(statement)
    except ImportError as error:
        errors.append(str(error))
notes = [str(note.message) for note in noted]
print(json.dumps([SimpleHttpOperator is HttpOperator, said, notes, errors]))
"""
    same, said, notes, errors = run(code, tmp_path)
    assert same
    assert said == ["SELECT 1", "mine", None]
    assert len(notes) == 2
    assert "import HttpOperator`" in notes[0]
    assert "write SQLExecuteQueryOperator(conn_id=...)" in notes[1]
    assert errors[0].startswith("cannot import name 'ComplexHttpOperator'")
    assert errors[1] == "No module named 'airflow.providers.postgres.operators.other'"
    assert "`tradewind providers install snowflake`" in errors[2]

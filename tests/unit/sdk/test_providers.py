"""What installed providers bring, in fresh processes that have one of the test's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

INFO = {
    "package-name": "apache-airflow-providers-acme",
    "name": "Acme",
    "connection-types": [
        {
            "connection-type": "acme",
            "hook-class-name": "airflow.providers.acme.hooks.AcmeHook",
            "hook-name": "Acme Anvils",
        },
        {
            "connection-type": "broken",
            "hook-class-name": "airflow.providers.acme.nowhere.Hook",
        },
    ],
    "task-decorators": [{"name": "anvil", "class-name": "airflow.providers.acme.hooks.anvil_task"}],
    "dialects": [{"dialect-type": "acme", "dialect-class-name": "airflow.providers.acme.Dialect"}],
    "config": {
        "acme": {"options": {"weight": {"default": 7}, "unset": {"default": None}}},
        "operators": {"options": {"default_queue": {"default": "theirs"}}},
    },
}
HOOKS = """
from airflow.sdk import BaseHook

class AcmeHook(BaseHook):
    conn_name_attr = "acme_conn_id"

    def __init__(self, acme_conn_id, size=1):
        super().__init__()
        self.said = [acme_conn_id, size]

def anvil_task(function):
    return [function.__name__, "dropped"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with two provider distributions, the second of which fails to describe itself."""
    files = {
        "airflow/providers/acme/__init__.py": "",
        "airflow/providers/acme/hooks.py": HOOKS,
        "airflow/providers/acme/info.py": f"def info(): return {INFO!r}",
        "airflow/providers/bad/__init__.py": "",
        "airflow/providers/bad/info.py": "import not_to_be_found",
    }
    for name in ("acme", "bad"):
        folder = f"apache_airflow_providers_{name}-1.5.dist-info"
        files[f"{folder}/METADATA"] = f"Name: apache-airflow-providers-{name}\nVersion: 1.5\n"
        files[f"{folder}/entry_points.txt"] = (
            f"[apache_airflow_provider]\nprovider_info = airflow.providers.{name}.info:info\n"
        )
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(site: Path, code: str) -> Any:
    """The value that the code calls `found`."""
    program = (
        f"import json, sys; sys.path.insert(0, {str(site)!r})\n"
        "from tradewind import compat; compat.install()\n"
        f"{code}\nprint(json.dumps(found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_provider_is_found_and_a_broken_one_is_left_out(site: Path) -> None:
    code = """
from airflow.providers_manager import ProvidersManager
manager = ProvidersManager()
found = {
    "versions": {name: provider.version for name, provider in manager.providers.items()},
    "hook": manager.hooks["acme"],
    "broken": manager.hooks["broken"],
    "dialects": [d.dialect_class_name for d in manager.dialects.values()],
}
"""
    found = run(site, code)
    assert found["versions"] == {"apache-airflow-providers-acme": "1.5"}
    assert found["hook"][:4] == [
        "airflow.providers.acme.hooks.AcmeHook",
        "acme_conn_id",
        "apache-airflow-providers-acme",
        "Acme Anvils",
    ]
    assert found["broken"] is None
    assert found["dialects"] == ["airflow.providers.acme.Dialect"]


def test_a_connection_has_the_hook_of_its_type(site: Path) -> None:
    code = """
import os
os.environ["AIRFLOW_CONN_MINE"] = "acme://host"
from airflow.sdk import BaseHook, Connection
hook = BaseHook.get_hook("mine", hook_params={"size": 3})
try:
    Connection(conn_id="c", conn_type="acmee").get_hook()
except Exception as error:
    own = Connection(conn_id="p", conn_type="package_index").get_hook()
    found = [hook.said, own.conn_type, str(error)]
"""
    said, own, refusal = run(site, code)
    assert said == ["mine", 3]
    assert own == "package_index"
    assert 'Unknown hook type "acmee"' in refusal
    assert "acme, broken, fs, package_index" in refusal


def test_task_decorators_and_configuration_defaults(site: Path) -> None:
    code = """
import os
from airflow.sdk import conf, task

@task.anvil
def drop():
    pass

defaults = [
    conf.getint("acme", "weight"),
    conf.getint("acme", "weight", fallback=1),
    conf.get("acme", "unset", fallback="mine"),
    conf.get("operators", "default_queue"),
]
os.environ["AIRFLOW__ACME__WEIGHT"] = "9"
try:
    task.anvils
except AttributeError as error:
    found = [drop, defaults, conf.getint("acme", "weight"), str(error)]
"""
    decorated, defaults, given, refusal = run(site, code)
    assert decorated == ["drop", "dropped"]
    assert defaults == [7, 7, "mine", "default"]  # a default of Airflow's own goes first
    assert given == 9
    assert "'anvils' not found; there are: anvil, bash" in refusal


def test_a_missing_module_says_which_provider_to_install_unless_that_is_there(site: Path) -> None:
    code = """
found = []
for module in ("airflow.providers.other.hooks", "airflow.providers.acme.other"):
    try:
        __import__(module)
    except ModuleNotFoundError as error:
        found.append(str(error))
"""
    absent, present = run(site, code)
    assert "`tradewind providers install other`" in absent
    assert present == "No module named 'airflow.providers.acme.other'"


def test_options_of_airflows_own_sections_do_not_read_the_providers(site: Path) -> None:
    code = """
from airflow.sdk import conf
conf.get("core", "allowed_deserialization_classes", fallback="")
before = "tradewind.sdk.providers" in sys.modules
conf.get("acme", "weight")
found = [before, "tradewind.sdk.providers" in sys.modules]
"""
    assert run(site, code) == [False, True]

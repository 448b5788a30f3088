"""`tradewind providers install` with wheels of the test's own, by pip and by uv, offline."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_INFO = """
def get_provider_info():
    return {{
        "package-name": "{name}",
        "name": "{short}",
        "hooks": [{{"python-modules": ["airflow.providers.{short}.hook"]}}],
    }}
"""


@dataclass
class Wheels:
    """A folder of wheels, which is the package index."""

    folder: Path

    def add(self, name: str, version: str, *requires: str, **files: str) -> None:
        """A wheel; `files` are modules by their dotted names."""
        stem = f"{name.replace('-', '_')}-{version}"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        contents = {f"{module.replace('.', '/')}.py": text for module, text in files.items()}
        contents[f"{stem}.dist-info/METADATA"] = metadata
        contents[f"{stem}.dist-info/WHEEL"] = (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        if name.startswith("apache-airflow-providers-"):
            contents[f"{stem}.dist-info/entry_points.txt"] = (
                "[apache_airflow_provider]\n"
                f"p = airflow.providers.{name.rpartition('-')[2]}.get_provider_info"
                ":get_provider_info\n"
            )
        record = [*contents, f"{stem}.dist-info/RECORD"]
        contents[record[-1]] = "".join(f"{path},,\n" for path in record)
        with zipfile.ZipFile(self.folder / f"{stem}-py3-none-any.whl", "w") as wheel:
            for path, text in contents.items():
                wheel.writestr(path, text)

    def provider(self, short: str, version: str, *requires: str, hook: str) -> None:
        name = f"apache-airflow-providers-{short}"
        package = f"airflow.providers.{short}"
        files = {
            f"{package}.__init__": "",
            f"{package}.get_provider_info": _INFO.format(name=name, short=short),
            f"{package}.hook": hook,
        }
        self.add(name, version, *requires, **files)


@dataclass
class Environment:
    """A Python environment of the test's own with Tradewind in it."""

    folder: Path
    wheels: Wheels
    settings: dict[str, str] = field(default_factory=dict)

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.tradewind("providers", "install", *arguments)

    def tradewind(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels.folder), **self.settings}
        return subprocess.run(
            [self.folder / "bin" / "tradewind", *arguments],
            env={**os.environ, "TRADEWIND_HOME": str(self.folder), **settings},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def versions(self) -> dict[str, str]:
        (site,) = self.folder.glob("lib/python*/site-packages")
        return {found.name: found.version for found in distributions(path=[str(site)])}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    wheels = Wheels(tmp_path_factory.mktemp("wheels"))
    works = "from airflow.sdk import BaseHook\nimport thing, airflow.providers.helper.hook"
    needs = ("apache-airflow-providers-helper>=1", "thing>=1")
    wheels.provider("acme", "1.0", "apache-airflow>=2.11", *needs, hook=works)
    wheels.provider("acme", "2.0", "apache-airflow>=3.4", *needs, hook=works)
    wheels.provider("helper", "1.0", "apache-airflow>=2.11", hook="import tabulate")
    wheels.provider("old", "1.0", "apache-airflow>=2.3.0", hook="from airflow.sdk import DAG")
    wheels.provider(
        "broken", "1.0", "apache-airflow>=2.11", hook="from airflow.models import Nonsense"
    )
    wheels.provider("choosy", "1.0", "apache-airflow>=2.11", hook="import an_optional_library")
    wheels.provider("mute", "1.0", "apache-airflow>=2.11", hook="")
    info = {"airflow.providers.mute.get_provider_info": "import nothing_like_that"}
    wheels.add("apache-airflow-providers-mute", "2.0", **info)
    wheels.add("thing", "1.0", thing="")
    wheels.add("thing", "2.0", thing="")
    wheels.add("tabulate", "0.9.1", tabulate="")  # what Airflow would bring, unnamed
    return wheels


@pytest.fixture(scope="module", params=["pip", "uv"])
def environment(
    request: pytest.FixtureRequest, wheels: Wheels, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    folder = tmp_path_factory.mktemp(request.param) / "venv"
    without = [] if request.param == "pip" else ["--without-pip"]
    subprocess.run([sys.executable, "-m", "venv", *without, folder], check=True)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", folder]
    subprocess.run([*uv, "-e", ROOT], check=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Environment(folder, wheels, {"PATH": path})


def test_all_that_a_provider_needs_but_airflow(environment: Environment) -> None:
    done = environment.install("apache-airflow-providers-acme")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "apache-airflow-providers-acme 1.0: 1 modules" in done.stdout
    found = environment.versions()
    assert found["apache-airflow"].endswith("+tradewind")
    assert found["apache-airflow-providers-acme"] == "1.0"  # 2.0 wants a newer Airflow
    assert {"apache-airflow-providers-helper", "tabulate", "tradewind"} <= found.keys()
    assert found["thing"] == "2.0"
    listed = environment.tradewind("providers", "list", "-o", "plain").stdout
    assert "apache-airflow-providers-acme" in listed
    assert "apache-airflow-providers-helper" in listed


def test_versions_constraints_and_further_arguments(
    environment: Environment, tmp_path: Path
) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("thing<2\n")
    done = environment.install("apache-airflow-providers-acme==1.0", "-c", str(constraints))
    assert done.returncode == 0, done.stdout + done.stderr
    assert environment.versions()["thing"] == "1.0"
    environment.install("apache-airflow-providers-acme", "--", "--upgrade", "thing")
    assert environment.versions()["thing"] == "2.0"


def test_conflicts_and_versions_that_are_not_there(
    environment: Environment, tmp_path: Path
) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("apache-airflow-providers-helper<1\n")
    done = environment.install("apache-airflow-providers-acme", "-c", str(constraints))
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "providers-helper" in done.stdout + done.stderr  # the installer's own words
    done = environment.install("apache-airflow-providers-acme==2.0")
    assert done.returncode == 1
    assert "Error: No set of versions meets all requirements" in done.stderr
    assert "Tradewind counts as Apache Airflow 3.3.2" in done.stderr
    done = environment.install("slack")
    assert done.returncode == 1
    assert "The package index has no apache-airflow-providers-slack" in done.stderr


def test_modules_that_do_not_work_are_named(environment: Environment) -> None:
    names = [f"apache-airflow-providers-{name}" for name in ("old", "broken", "choosy")]
    done = environment.install(*names)
    assert done.returncode == 1
    assert "was written for Airflow 2.3" in done.stdout
    assert "1 modules, 1 do not work\n  airflow.providers.broken.hook: Tradewind has no" in (
        done.stdout
    )
    assert "1 want something else that is not installed" in done.stdout
    assert environment.install(*names[::2]).returncode == 0
    mute = environment.install("apache-airflow-providers-mute")
    assert mute.returncode == 1
    assert "Provider apache-airflow-providers-mute cannot be used" in mute.stderr
    assert environment.install("apache-airflow-providers-mute==1.0").returncode == 0


def test_an_index_that_cannot_be_reached(environment: Environment) -> None:
    away = "http://127.0.0.1:1/simple"
    settings = {
        "PIP_NO_INDEX": "0",
        "PIP_INDEX_URL": away,
        "PIP_RETRIES": "1",
        "UV_HTTP_RETRIES": "0",
    }
    outside = Environment(environment.folder, environment.wheels, environment.settings | settings)
    done = outside.install("http")
    assert done.returncode == 1
    assert "Error: The package index could not be reached." in done.stderr


def test_apache_airflow_itself_is_not_mixed_in(environment: Environment) -> None:
    (site,) = environment.folder.glob("lib/python*/site-packages")
    (site / "airflow" / "models").mkdir(parents=True)
    (site / "airflow" / "__init__.py").touch()
    try:
        done = environment.install("http")
    finally:
        (site / "airflow" / "__init__.py").unlink()
        (site / "airflow" / "models").rmdir()
    assert done.returncode == 1
    assert f"Apache Airflow itself is installed in this environment ({site}/airflow)" in done.stderr


@pytest.mark.parametrize("environment", ["uv"], indirect=True)
def test_neither_pip_nor_uv(environment: Environment) -> None:
    bare = Environment(environment.folder, environment.wheels, {"PATH": "/usr/bin:/bin"})
    done = bare.install("http")
    assert done.returncode == 1
    assert "Neither pip nor uv is there to install with" in done.stderr

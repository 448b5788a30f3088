"""Functions in other interpreters: real virtual environments, without a network."""

import logging
import os
import sys
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.task_bench import Bench
from tradewind.core.protocol import ConnectionValue, Failure, SetVariable
from tradewind.sdk.dag import DAG
from tradewind.sdk.decorators import task
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowSkipException,
    DownstreamTasksSkipped,
)
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.operators.external_python import (
    ExternalPythonOperator,
    PythonVirtualenvOperator,
)


def external(function: Any, **kwargs: Any) -> Any:
    with DAG("d", schedule=None):
        return ExternalPythonOperator(
            task_id="t", python_callable=function, **{"python": sys.executable, **kwargs}
        )


def describe(*args: Any, **kwargs: Any) -> Any:
    import sys

    return [args, kwargs, virtualenv_string_args, sys.executable]  # noqa: F821 (a global there)


def test_arguments_travel_and_the_result_comes_back() -> None:
    args, kwargs, strings, python = Bench().execute(
        external(
            describe,
            op_args=[1, {"a": [2]}],
            op_kwargs={"when": datetime(2026, 1, 1)},
            string_args=["x", "y"],
        )
    )
    assert args == (1, {"a": [2]})
    assert kwargs["when"] == datetime(2026, 1, 1)
    assert kwargs["ds"] == "2026-01-15"
    assert type(kwargs["logical_date"]).__name__ == "DateTime"
    assert strings == ["x", "y"]
    assert python == sys.executable


def wants_context(ds: str, logical_date: Any, params: Any) -> Any:
    return [ds, logical_date.isoformat(), params]


def test_context_entries_by_name() -> None:
    operator = external(wants_context)
    assert Bench().execute(operator) == ["2026-01-15", "2026-01-15T06:00:00+00:00", {}]


def wants_the_previous_run(prev_start_date_success: Any, **context: Any) -> Any:
    return [prev_start_date_success is None, "prev_end_date_success" in context]


def test_values_that_need_a_request_travel_as_what_they_are() -> None:
    assert Bench().execute(external(wants_the_previous_run)) == [True, True]


def reads_from_the_control_plane() -> list[Any]:
    from tradewind.sdk import Connection, Variable
    from tradewind.sdk.exceptions import AirflowNotFoundException

    found = [Variable.get("v"), Variable.get("absent", default=None)]
    try:
        Connection.get("absent")
    except AirflowNotFoundException as error:
        found.append(type(error).__name__)
    return [*found, Connection.get("c").host]


def test_variables_and_connections_are_read_through_the_task() -> None:
    bench = Bench()
    bench.plane.variables["v"] = "a value"
    bench.plane.connections["c"] = ConnectionValue(conn_id="c", conn_type="http", host="h")
    found = bench.execute(external(reads_from_the_control_plane))
    assert found[:2] == ["a value", None]
    assert found[-1] == "h"


def sets_a_variable() -> None:
    from tradewind.sdk import Variable

    Variable.set("v", "new")


def test_a_refusal_is_raised_there() -> None:
    bench = Bench()
    bench.plane.answers[SetVariable] = Failure(kind="conflict", message="it may not write")
    with pytest.raises(AirflowException, match="Conflict: it may not write"):
        bench.execute(external(sets_a_variable))


def wants_ti(ti: Any) -> None: ...


def test_live_objects_are_refused_with_a_reason() -> None:
    with pytest.raises(AirflowException, match="ti cannot be handed"):
        Bench().execute(external(wants_ti))


def unpicklable(value: Any) -> None: ...


def test_what_cannot_be_pickled_is_named() -> None:
    with pytest.raises(AirflowException, match=r"cannot be pickled: \['value'\]"):
        Bench().execute(external(unpicklable, op_kwargs={"value": lambda: 1}))


def breaks() -> None:
    raise ValueError("that went wrong")


def exits(code: int) -> None:
    raise SystemExit(code)


def test_failures_and_exit_codes() -> None:
    with pytest.raises(AirflowException, match="ValueError: that went wrong"):
        Bench().execute(external(breaks))
    with pytest.raises(AirflowException, match="exit status 7"):
        Bench().execute(external(exits, op_args=[7]))
    with pytest.raises(AirflowSkipException):
        Bench().execute(external(exits, op_args=[7], skip_on_exit_code=7))


def says() -> None:
    print("hello from the other side")


def test_output_goes_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Bench().execute(external(says))
    assert "hello from the other side" in caplog.messages


def reads_environment(names: list[str]) -> list[str | None]:
    import os

    return [os.environ.get(name) for name in names]


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "inherited")
    names = {"op_args": [["MINE", "ADDED"]], "env_vars": {"ADDED": "1"}}
    assert Bench().execute(external(reads_environment, **names)) == ["inherited", "1"]
    alone = external(reads_environment, inherit_env=False, **names)
    assert Bench().execute(alone) == [None, "1"]


@pytest.mark.parametrize(
    ("function", "kwargs", "error"),
    [
        (lambda: 1, {}, ValueError),
        (print, {}, ValueError),
        (breaks, {"serializer": "json"}, AirflowException),
        (breaks, {"python": ""}, ValueError),
    ],
)
def test_bad_arguments_are_refused(function: Any, kwargs: dict, error: type) -> None:
    with pytest.raises(error):
        external(function, **kwargs)


@pytest.mark.parametrize("python", ["python", "/no/such/python"])
def test_the_interpreter_has_to_exist(python: str) -> None:
    with pytest.raises(ValueError, match="Python Path"):
        Bench().execute(external(breaks, python=python))


def test_decorated_forms() -> None:
    with DAG("d", schedule=None) as dag:

        @task.external_python(python=sys.executable)
        def add(a: int, b: int) -> int:
            return a + b

        @task.branch_external_python(python=sys.executable)
        def choose() -> str:
            return "left"

        add(1, b=2)
        choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
    assert Bench().execute(dag.get_task("add")) == 3
    with pytest.raises(DownstreamTasksSkipped) as end:
        Bench().execute(dag.get_task("choose"))
    assert end.value.tasks == ["right"]


# --- virtual environments -------------------------------------------------------------------------


def a_wheel(folder: Path) -> str:
    """A package that exists nowhere else; gives what to put into requirements."""
    path = folder / "tiny_parcel-1.0-py3-none-any.whl"
    info = "tiny_parcel-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_parcel.py", "ANSWER = 42\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-parcel\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", "")
    return f"tiny-parcel @ {path.as_uri()}"


def uses_parcel() -> Any:
    import sys

    import tiny_parcel

    try:
        import tradewind  # noqa: F401
    except ImportError:
        return tiny_parcel.ANSWER, sys.prefix, False
    return tiny_parcel.ANSWER, sys.prefix, True


@pytest.mark.parametrize("method", ["auto", "venv"])
def test_requirements_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("TRADEWIND_STANDARD__VENV_INSTALL_METHOD", method)
    with DAG("d", schedule=None):
        operator = PythonVirtualenvOperator(
            task_id="t",
            python_callable=uses_parcel,
            requirements=[a_wheel(tmp_path)],
            index_urls=[],
            system_site_packages=False,
        )
    answer, prefix, sees_tradewind = Bench().execute(operator)
    assert answer == 42
    assert not os.path.exists(prefix)
    assert not sees_tradewind


def test_system_packages_are_those_of_this_process_and_a_cached_one_is_kept(
    tmp_path: Path,
) -> None:
    def run(**kwargs: Any) -> str:
        with DAG("d", schedule=None) as dag:

            @task.virtualenv(venv_cache_path=str(tmp_path), **kwargs)
            def inside() -> Any:
                import sys

                import tradewind.sdk

                return sys.prefix, tradewind.sdk.DAG.__name__

            inside()
        prefix, name = Bench().execute(dag.get_task("inside"))
        assert name == "DAG"
        return prefix

    first = run()
    assert Path(first).parent == tmp_path
    made_at = os.stat(first).st_ctime_ns
    assert run() == first
    assert os.stat(first).st_ctime_ns == made_at
    (marker,) = Path(first).glob("*marker*")
    marker.unlink()  # as a crash while it was made would leave it
    assert run() == first
    assert marker.exists()
    assert run(pip_install_options=["-q"]) != first


def test_a_requirement_that_does_not_exist_fails_with_a_reason(tmp_path: Path) -> None:
    with DAG("d", schedule=None):
        operator = PythonVirtualenvOperator(
            task_id="t",
            python_callable=breaks,
            requirements=["no-such-parcel-anywhere"],
            index_urls=[],
            venv_cache_path=str(tmp_path),
        )
    with pytest.raises(AirflowException, match="virtual environment cannot be made"):
        Bench().execute(operator)


def test_package_indexes_come_from_connections_and_stay_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with DAG("d", schedule=None):
        operator = PythonVirtualenvOperator(
            task_id="t",
            python_callable=breaks,
            requirements=["no-such-parcel-anywhere"],
            index_urls="http://127.0.0.1:9/first",
            index_urls_from_connection_ids=["mine"],
            venv_cache_path=str(tmp_path),
        )
    bench = Bench()
    bench.plane.connections["mine"] = ConnectionValue(
        conn_id="mine",
        conn_type="package_index",
        host="http://127.0.0.1:9/second",
        login="me",
        password="s3cret",
    )
    seen: dict[str, str] = {}

    def run(command: Any, env: dict[str, str]) -> int:
        changed = {k: v for k, v in env.items() if os.environ.get(k) != v}
        seen.update({key: changed[key] for key in changed if "INDEX" in key})
        return 1 if "install" in command else 0

    operator._run = run
    operator.system_site_packages = False
    with caplog.at_level(logging.INFO), pytest.raises(AirflowException, match="exited with 1"):
        bench.execute(operator)
    assert list(seen.values()) == [
        *("http://127.0.0.1:9/first", "http://me:s3cret@127.0.0.1:9/second"),
    ]
    assert "s3cret" not in caplog.text
    assert not list(tmp_path.glob("venv-*/*marker*"))

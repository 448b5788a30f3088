"""Shell tasks against the recorded outcomes, and what the recording does not show."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from support.task_bench import Bench
from tradewind.sdk.dag import DAG
from tradewind.sdk.decorators import task
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.hooks.subprocess import SubprocessHook
from tradewind.sdk.operators.bash import BashOperator


def bash(command: str, **kwargs: object) -> object:
    with DAG("d", schedule=None):
        operator = BashOperator(task_id="t", bash_command=command, **kwargs)
    return Bench().execute(operator)


@pytest.mark.parametrize(
    ("command", "options", "result"),
    [
        ("echo first; echo last", {}, "last"),
        ("true", {}, ""),
        ("echo to-stderr >&2", {}, "to-stderr"),
        ("false | true; echo rc=$?", {}, "rc=0"),
        ("echo ${ONLY:-unset}-${HOME:-nohome}", {"env": {"ONLY": "me"}}, "me-nohome"),
        (
            'echo ${ONLY:-unset}-$([ -n "$PATH" ] && echo haspath)',
            {"env": {"ONLY": "me"}, "append_env": True},
            "me-haspath",
        ),
        ("echo '{\"a\": 1}'", {"output_processor": json.loads}, {"a": 1}),
        ("echo $D", {"env": {"D": "{{ ds }}"}}, "2026-01-15"),
        ("echo $AIRFLOW_CTX_DAG_ID/$AIRFLOW_CTX_TASK_ID/$AIRFLOW_CTX_DAG_RUN_ID", {}, "d/t/run_1"),
        ("echo $AIRFLOW_CTX_LOGICAL_DATE", {}, "2026-01-15T06:00:00+00:00"),
        (r"printf 'a\377b'", {}, r"a\xffb"),
        (r"printf 'a\344b'", {"output_encoding": "latin-1"}, "aäb"),
        ("pwd", {"cwd": "/usr"}, "/usr"),
    ],
)
def test_result_is_the_last_line(command: str, options: dict, result: object) -> None:
    assert bash(command, **options) == result


@pytest.mark.parametrize(
    ("command", "options", "error"),
    [
        ("exit 1", {}, AirflowException),
        ("exit 99", {}, AirflowSkipException),
        ("exit 42", {"skip_on_exit_code": 42}, AirflowSkipException),
        ("exit 8", {"skip_on_exit_code": [7, 8]}, AirflowSkipException),
        ("exit 99", {"skip_on_exit_code": None}, AirflowException),
        ("exit 99", {"skip_on_exit_code": 42}, AirflowException),
        ("no_such_command_zzz", {}, AirflowException),
        ("true", {"cwd": "/no/such/folder"}, AirflowException),
        ("true", {"cwd": "/etc/passwd"}, AirflowException),
    ],
)
def test_exit_codes_that_do_not_succeed(command: str, options: dict, error: type) -> None:
    with pytest.raises(AirflowException) as raised:
        bash(command, **options)
    assert type(raised.value) is error


def test_a_script_file_is_a_template_and_may_be_longer_than_an_argument(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text("# " + "x" * 200_000 + "\necho {{ run_id }} $0\n")
    with DAG("d", schedule=None, template_searchpath=str(tmp_path)) as dag:
        operator = BashOperator(task_id="t", bash_command="job.sh", cwd=str(tmp_path))
    dag.resolve_template_files()
    run_id, script = Bench().execute(operator).split()
    assert run_id == "run_1"
    assert script.endswith(".sh")
    assert os.listdir(tmp_path) == ["job.sh"]


def test_stopping_reaches_everything_the_command_started() -> None:
    hook = SubprocessHook()
    stopped = threading.Event()

    def stop() -> None:
        while hook.sub_process is None:
            time.sleep(0.01)
        hook.send_sigterm()
        stopped.set()

    thread = threading.Thread(target=stop)
    thread.start()
    result = hook.run_command(["bash", "-c", "sleep 100 & sleep 100"])
    thread.join()
    assert stopped.is_set()
    assert result.exit_code == -signal.SIGTERM


def test_stopping_before_the_start_or_after_the_end_does_nothing() -> None:
    hook = SubprocessHook()
    hook.send_sigterm()
    hook.run_command(["true"])
    hook.send_sigterm()


def test_decorated_function_gives_the_command_which_is_rendered() -> None:
    with DAG("d", schedule=None) as dag:

        @task.bash(env={"WHO": "you"})
        def greet(word: str, run_id: str | None = None) -> str:
            return f"echo {word} $WHO {run_id} {{{{ ds }}}}"

        @task.bash(multiple_outputs=True, output_processor=json.loads)
        def several() -> str:
            return "echo '{}'"

        @task.bash
        def nothing() -> str:
            return " "

        greet("hello")
        several()
        nothing()
    assert dag.get_task("several").multiple_outputs
    assert Bench().execute(dag.get_task("several")) == {}
    assert dag.get_task("greet").operator_name == "@task.bash"
    assert Bench().execute(dag.get_task("greet")) == "hello you run_1 2026-01-15"
    with pytest.raises(TypeError, match="non-empty string"):
        Bench().execute(dag.get_task("nothing"))

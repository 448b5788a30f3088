"""BashOperator: environment replaced or appended, cwd, skip codes, output processor, stderr,
empty output, templates in env.
"""

import json

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

with DAG("bash_details", schedule=None, catchup=False):

    def sh(name, command, **more):
        BashOperator(task_id=name, bash_command=command, **more)

    sh("env", 'echo "$A|$HOME|$AIRFLOW_CTX_DAG_ID"', env={"A": "{{ ds }}"})
    sh(
        "append",
        'test -n "$PATH" && echo "$A|$AIRFLOW_CTX_TASK_ID|$AIRFLOW_CTX_DAG_RUN_ID"',
        env={"A": "a"},
        append_env=True,
    )
    sh("cwd", "pwd", cwd="/usr")
    sh("no_cwd", "pwd", cwd="/nowhere/at/all")
    sh("skip", "exit 99")
    sh("skip_own", "exit 42", skip_on_exit_code=[42, 43])
    sh("skip_none", "exit 99", skip_on_exit_code=None)
    sh("processor", "echo '{\"a\": 1}'", output_processor=json.loads)
    sh("stderr", "echo out; echo err >&2")
    sh("empty", "true")
    sh("lines", "echo one; echo two; echo")
    sh("signal", "kill -9 $$")
    sh("pipe", "false | true")
    sh("no_push", "echo x", do_xcom_push=False)
    sh("unicode", "echo 'žlutý ☃'")

    @task.bash
    def decorated(n):
        return f"echo $(({n} + 1))"

    @task.bash
    def not_text():
        return 1

    decorated(1), not_text()

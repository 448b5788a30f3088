"""A DAG to start by hand with values of one's own: `params` make a checked form of them.

    tradewind dags trigger params_and_bash --conf '{"greeting": "Ahoy", "times": 2}'

Values that do not fit the schema are refused before there is a run.
"""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, task

with DAG(
    "params_and_bash",
    schedule=None,
    params={
        "greeting": Param("Hello", type="string", minLength=1, description="How to begin"),
        "times": Param(3, type="integer", minimum=1, maximum=10),
        "language": Param("en", enum=["en", "de", "fr"]),
    },
    default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},  # for every task
    tags=["example"],
):
    # env hands a value over safely: as text, whatever characters it has.
    greet = BashOperator(
        task_id="greet",
        bash_command='for i in $(seq {{ params.times }}); do echo "$GREETING, number $i"; done',
        env={"GREETING": "{{ params.greeting }}"},
        append_env=True,
    )

    # A function whose return value is the command to run.
    @task.bash
    def count_files() -> str:
        return "ls -1 / | wc -l"

    # Exit code 99 means: nothing to do, skip this task. Others than 0 are failures.
    only_german = BashOperator(
        task_id="only_german",
        bash_command="[ '{{ params.language }}' = de ] || exit 99; echo Guten Tag",
    )

    # The last line that a command prints is its result.
    @task
    def report(last_line: str, files: str) -> str:
        return f"{last_line!r}, and {files} entries in the root folder"

    summary = report(greet.output, count_files())
    greet >> only_german

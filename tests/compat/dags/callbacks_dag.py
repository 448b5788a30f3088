"""DAG callbacks: which fires, and what the context holds; on_success for a success, on_failure
for a failure.
"""

from airflow.sdk import DAG, Variable, task


def note(name):
    def callback(context):
        Variable.set(
            f"diff_{name}_{context['dag_run'].dag_id}",
            f"{context.get('reason')} {context['dag_run'].run_id}",
        )

    return callback


def build(dag_id, works):
    with DAG(
        dag_id,
        schedule=None,
        catchup=False,
        on_success_callback=note("success"),
        on_failure_callback=[note("failure"), note("failure_too")],
    ):

        @task
        def work():
            if not works:
                raise RuntimeError("broken")

        work()


build("callbacks_dag_works", True)
build("callbacks_dag_fails", False)

"""map_index_template with arguments, with a name set at run time, with an undefined name, and
of a failed instance.
"""

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, get_current_context, task

with DAG("mapping_index_names", schedule=None, catchup=False):

    @task(map_index_template="{{ task.op_kwargs['x'] }}-th")
    def by_argument(x):
        return x

    @task(map_index_template="{{ given }}")
    def at_run_time(x):
        get_current_context()["given"] = f"name {x}"
        return x

    @task(map_index_template="{{ nowhere }}")
    def undefined(x):
        return x

    @task(map_index_template="{{ given }}")
    def failed(x):
        get_current_context()["given"] = f"name {x}"
        raise RuntimeError("broken")

    by_argument.expand(x=[1, 2])
    at_run_time.expand(x=["a", "b"])
    undefined.expand(x=[1])
    failed.expand(x=[1])
    BashOperator.partial(task_id="shell", map_index_template="{{ task.bash_command }}").expand(
        bash_command=["true", "echo hi"]
    )

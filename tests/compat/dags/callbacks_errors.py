"""Errors in callbacks change no state; errors in pre_execute and post_execute do."""

from airflow.sdk import DAG, task
from airflow.sdk.bases.operator import BaseOperator


def breaks(*args, **kwargs):
    raise RuntimeError("broken hook")


class Own(BaseOperator):
    def pre_execute(self, context):
        context["ti"].xcom_push(key="pre", value=self.task_id)

    def execute(self, context):
        return "value"

    def post_execute(self, context, result=None):
        context["ti"].xcom_push(key="post", value=repr(result))


with DAG("callbacks_errors", schedule=None, catchup=False):

    @task
    def fine():
        return 1

    @task
    def fails():
        raise ValueError("no")

    fine.override(task_id="execute_callback", on_execute_callback=breaks)()
    fine.override(task_id="success_callback", on_success_callback=[breaks, breaks])()
    fails.override(task_id="failure_callback", on_failure_callback=breaks)()
    fine.override(task_id="pre_hook", pre_execute=breaks)()
    fine.override(task_id="post_hook", post_execute=breaks)()
    Own(task_id="own_hooks")
    fails.override(task_id="retry_callback", on_retry_callback=breaks, retries=1, retry_delay=1)()

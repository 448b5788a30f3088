"""An EmptyOperator with callbacks, with outlets, with an own class and mapped."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Variable


def note(context):
    Variable.set(f"diff_empty_{context['ti'].task_id}", context["ti"].task_id)


class Own(EmptyOperator):
    def execute(self, context):
        return "never called"


with DAG("empty_with_work", schedule=None, catchup=False):
    EmptyOperator(task_id="success", on_success_callback=note)
    EmptyOperator(task_id="execute", on_execute_callback=note)
    EmptyOperator(task_id="skipped", on_skipped_callback=note)
    Own(task_id="own")
    EmptyOperator.partial(task_id="mapped").expand(doc=["a", "b"])

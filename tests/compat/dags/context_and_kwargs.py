"""What functions receive: **kwargs with own keywords, context names as arguments, op_args with
templates, get_current_context, defaults.
"""

from airflow.providers.standard.operators.python import PythonOperator, get_current_context
from airflow.sdk import DAG, task

with DAG("context_and_kwargs", schedule=None, catchup=False, params={"p": 1}):

    @task
    def whole(mine, **kwargs):
        return [
            mine,
            [
                name
                for name in ("ds", "ti", "params", "macros", "mine", "nowhere")
                if name in kwargs
            ],
        ]

    @task
    def named(ds, ti, params, run_id=None, task=None):
        return [ds, ti.task_id, dict(params), run_id, task.task_id]

    @task
    def template(text, items):
        return [text, items]

    @task
    def current():
        return get_current_context()["ts"]

    @task
    def default(value="own", ds_nodash=None):
        return [value, ds_nodash]

    def classic(*args, **kwargs):
        return [list(args), kwargs["k"], "ti" in kwargs, kwargs["templates_dict"]]

    whole("own"), current(), default()
    named()
    template("{{ ds }}", ["{{ params.p }}", {"k": "{{ task.task_id }}"}])
    PythonOperator(
        task_id="classic",
        python_callable=classic,
        op_args=["{{ ds }}", 2],
        op_kwargs={"k": "{{ run_id }}"},
        templates_dict={"t": "{{ params.p }}"},
    )
    PythonOperator(
        task_id="no_context", python_callable=lambda x: x, op_kwargs={"x": "{{ ts_nodash }}"}
    )
    PythonOperator(task_id="clash", python_callable=lambda ds: ds, op_args=["own ds"])
    PythonOperator(task_id="missing", python_callable=lambda nowhere: nowhere)

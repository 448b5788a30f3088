"""run_if and skip_if decide in the worker before the function runs."""

from airflow.sdk import DAG, task

with DAG("run_if_skip_if", schedule=None, catchup=False):

    @task.run_if(lambda context: context["task"].task_id.endswith("yes"))
    @task
    def runs():
        return 1

    @task.skip_if(lambda context: context["params"].get("skip", True), skip_message="told to")
    @task
    def skips():
        return 1

    runs.override(task_id="run_yes")(), runs.override(task_id="run_no")(), skips()

"""A ResumableJobMixin operator submits its outside job once, and a later try goes on with it."""

from datetime import timedelta

from airflow.sdk import DAG, BaseOperator, ResumableJobMixin, Variable, task

SUBMITTED = "diff_submitted"


class Job(ResumableJobMixin, BaseOperator):
    def execute(self, context):
        return self.execute_resumable(context)

    def submit_job(self, context):
        count = int(Variable.get(SUBMITTED, default="0")) + 1
        Variable.set(SUBMITTED, str(count))
        return f"job-{count}"

    def get_job_status(self, external_id, context):
        return "RUNNING"

    def is_job_active(self, status):
        return status == "RUNNING"

    def is_job_succeeded(self, status):
        return status == "DONE"

    def poll_until_complete(self, external_id, context):
        if context["ti"].try_number == 1:
            raise RuntimeError("worker is gone")

    def get_job_result(self, external_id, context):
        return external_id


with DAG("resumable_job", schedule=None, catchup=False):

    @task
    def submitted():
        return Variable.get(SUBMITTED)

    Job(task_id="job", retries=1, retry_delay=timedelta(seconds=1)) >> submitted()

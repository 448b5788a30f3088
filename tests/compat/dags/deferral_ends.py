"""Deferral: timeout, failure after resuming with a retry from execute, a trigger that raises,
and two deferrals in a row.
"""

from datetime import timedelta

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


class Breaks(BaseTrigger):
    def serialize(self):
        return (f"{type(self).__module__}.Breaks", {})

    async def run(self):
        raise RuntimeError("broken trigger")
        yield TriggerEvent(1)


class Ends(BaseTrigger):
    def serialize(self):
        return (f"{type(self).__module__}.Ends", {})

    async def run(self):
        return
        yield TriggerEvent(1)


SHORT = timedelta(seconds=1)


class Waits(BaseOperator):
    def __init__(self, trigger=None, timeout=None, method="resume", **kwargs):
        super().__init__(**kwargs)
        self.trigger, self.wait_timeout, self.method = trigger, timeout, method

    def execute(self, context):
        context["ti"].xcom_push(
            key=f"execute_{context['ti'].try_number}", value=context["ti"].try_number
        )
        self.defer(
            trigger=self.trigger or TimeDeltaTrigger(SHORT),
            method_name=self.method,
            timeout=self.wait_timeout,
            kwargs={"n": 1},
        )

    def resume(self, context, event=None, n=0):
        return [context["ti"].try_number, n]

    def resume_fails(self, context, event=None, n=0):
        raise RuntimeError("after resuming")

    def resume_again(self, context, event=None, n=0):
        if n < 3:
            self.defer(
                trigger=TimeDeltaTrigger(SHORT), method_name="resume_again", kwargs={"n": n + 1}
            )
        return [context["ti"].try_number, n]


with DAG("deferral_ends", schedule=None, catchup=False, default_args={"retry_delay": SHORT}):
    Waits(task_id="resumes")
    Waits(
        task_id="times_out",
        trigger=TimeDeltaTrigger(timedelta(hours=1)),
        timeout=timedelta(seconds=2),
    )
    Waits(
        task_id="times_out_retry",
        trigger=TimeDeltaTrigger(timedelta(hours=1)),
        timeout=timedelta(seconds=2),
        retries=1,
    )
    Waits(task_id="fails_after", method="resume_fails", retries=1)
    Waits(task_id="trigger_breaks", trigger=Breaks())
    Waits(task_id="trigger_ends", trigger=Ends())
    Waits(task_id="twice", method="resume_again")
    Waits(task_id="no_such_method", method="nowhere")

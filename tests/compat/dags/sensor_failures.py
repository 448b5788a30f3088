"""soft_fail, silent_fail and never_fail with a timeout, AirflowFailException,
AirflowSkipException and another error in poke.
"""

from datetime import timedelta

from airflow.sdk import DAG, BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

with DAG(
    "sensor_failures",
    schedule=None,
    catchup=False,
    default_args={"retry_delay": timedelta(seconds=1)},
):

    class Sensor(BaseSensorOperator):
        def __init__(self, how, **kwargs):
            super().__init__(poke_interval=0.3, timeout=1, **kwargs)
            self.how = how

        def poke(self, context):
            if self.how == "fail":
                raise AirflowFailException("fail")
            if self.how == "skip":
                raise AirflowSkipException("skip")
            if self.how == "error":
                raise ValueError("error")
            return False

    for flag in ("", "soft_fail", "silent_fail", "never_fail"):
        for how in ("timeout", "fail", "skip", "error"):
            Sensor(
                task_id=f"{flag or 'plain'}_{how}",
                how=how,
                retries=1 if not flag else 0,
                **({flag: True} if flag else {}),
            )

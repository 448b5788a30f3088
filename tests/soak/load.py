"""The load: a DAG with tasks that wait and tasks that come back, triggered at a steady rate."""

import threading
import time
from datetime import UTC, datetime, timedelta

from tradewind.core.errors import InfrastructureError
from tradewind.scheduler.actions import trigger_run
from tradewind.store import cleanup
from tradewind.store.engine import Store

TASKS = 10

DAG_FILE = '''
from datetime import datetime, timedelta
from airflow.sdk import DAG, BaseSensorOperator, task
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor


class SecondLook(BaseSensorOperator):
    """Is content when it is asked again."""

    def poke(self, context):
        return context["dag_run"].run_after < datetime.now().astimezone() - timedelta(seconds=2)


with DAG(
    "steady",
    schedule=None,
    max_active_runs=64,
    max_active_tasks=64,
    default_args={"retries": 1, "retry_delay": timedelta(milliseconds=200)},
):

    @task
    def first():
        return [1, 2, 3, 4]

    @task
    def square(n):
        print("square of", n)
        return n * n

    @task
    def fails_once(**context):
        if context["ti"].try_number == 1:
            raise ValueError("the first time")

    @task
    def total(values):
        return sum(values)

    begun = first()
    deferred = TimeDeltaSensor(task_id="deferred", delta=timedelta(seconds=1), deferrable=True)
    sensor = SecondLook(task_id="sensor", mode="reschedule", poke_interval=1.5)
    begun >> [deferred, sensor, fails_once()] >> total(square.expand(n=begun))

with DAG("minutely", schedule="* * * * *", start_date=datetime(2024, 1, 1), catchup=False):

    @task
    def tick():
        pass

    tick()
'''


class Load:
    """Triggers runs so that `rate` tasks a second are due, and deletes those that are old.

    What is deleted makes room for what comes, so that with time every table stays as it is.
    """

    def __init__(self, store: Store, *, rate: float, keep: timedelta) -> None:
        self._store = store
        self._pause = TASKS / rate
        self._keep = keep
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._trigger, self._clean)]
        self.triggered = 0
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _trigger(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += self._pause
            try:
                trigger_run(self._store, "steady", now=datetime.now(UTC))
                self.triggered += 1
            except InfrastructureError as error:
                self.errors.append(str(error))

    def _clean(self) -> None:
        while not self._stop.wait(30):
            try:
                cleanup.clean(self._store, before=datetime.now(UTC) - self._keep)
            except InfrastructureError as error:
                self.errors.append(str(error))

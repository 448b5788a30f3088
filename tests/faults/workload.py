"""What runs in the storm: DAGs of every kind, about as many task instances as asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_HEAD = """
import time
from datetime import datetime, timedelta
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, task
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from record import record

AGAIN = {"retries": 1, "retry_delay": timedelta(milliseconds=100)}


def work(context, seconds=0.05):
    record("start", context)
    time.sleep(seconds)
    record("end", context)
"""

_SCHEDULED = """
with DAG(
    "scheduled",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    end_date=datetime.fromisoformat("{last_day}"),
    catchup=True,
    max_active_runs=4,
    max_active_tasks=6,
    default_args=AGAIN,
):

    @task
    def first(**context):
        work(context)
        return list(range(6))

    @task(pool="narrow", pool_slots=2)
    def wide(n, **context):
        work(context)
        return n

    @task(max_active_tis_per_dag=2)
    def alone(n, **context):
        work(context)

    @task
    def fails_once(**context):
        work(context)
        if context["ti"].try_number == 1:
            raise ValueError("the first time")

    @task
    def link(**context):
        work(context)

    @task(trigger_rule="all_done")
    def last(numbers, **context):
        assert sorted(numbers) == list(range(6)), numbers
        work(context)

    start = first()
    numbers = wide.expand(n=start)
    spread = alone.expand(n=[1, 2, 3, 4])
    chain = [link.override(task_id=f"link_{{n}}")() for n in range(8)]
    start >> spread
    start >> chain[0]
    for before, after in zip(chain, chain[1:]):
        before >> after
    [spread, chain[-1], fails_once()] >> last(numbers)
"""

_FAN = """
with DAG("fan", schedule=None, max_active_runs=3, max_active_tasks=10, default_args=AGAIN):

    @task
    def numbers(**context):
        work(context)
        return list(range(40))

    @task(max_active_tis_per_dagrun=5)
    def square(n, **context):
        work(context, 0.02)
        return n * n

    @task
    def total(squares, **context):
        assert sum(squares) == sum(n * n for n in range(40)), squares
        work(context)

    total(square.expand(n=numbers()))
"""

_WAITING = """
class Defers(BaseOperator):
    def execute(self, context):
        record("start", context)
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=0.5)), method_name="resume")

    def resume(self, context, event=None):
        work(context)


class SecondLook(BaseSensorOperator):
    def poke(self, context):
        record("start", context)
        return context["dag_run"].run_after < datetime.now().astimezone() - timedelta(seconds=2)

    def post_execute(self, context, result=None):
        record("end", context)


with DAG("waiting", schedule=None, max_active_runs=8, default_args=AGAIN):

    @task
    def begins(**context):
        work(context)

    @task
    def ends(**context):
        work(context)

    waits = [Defers(task_id=f"defers_{n}") for n in range(3)]
    looks = [SecondLook(task_id=f"looks_{n}", mode="reschedule", poke_interval=1) for n in range(2)]
    begins() >> [*waits, *looks] >> ends()
"""


_INSTANCES = {"scheduled": 21, "fan": 42, "waiting": 7}  # of one run


@dataclass(frozen=True)
class Workload:
    """How many runs there are of each DAG."""

    scheduled: int
    fan: int
    waiting: int

    @classmethod
    def of(cls, tasks: int) -> "Workload":
        """A third of each kind, by instances."""
        third = tasks / 3
        return cls(*(max(1, round(third / count)) for count in _INSTANCES.values()))

    def runs(self) -> dict[str, int]:
        return {"scheduled": self.scheduled, "fan": self.fan, "waiting": self.waiting}

    def instances(self) -> dict[str, int]:
        return {dag_id: runs * _INSTANCES[dag_id] for dag_id, runs in self.runs().items()}

    def days(self) -> list[datetime]:
        return [datetime(2024, 1, 1) + timedelta(days=n) for n in range(self.scheduled)]

    def files(self) -> dict[str, str]:
        last_day = self.days()[-1].isoformat()
        return {
            "scheduled.py": _HEAD + _SCHEDULED.format(last_day=last_day),
            "fan.py": _HEAD + _FAN,
            "waiting.py": _HEAD + _WAITING,
        }

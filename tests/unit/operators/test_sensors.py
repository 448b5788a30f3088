"""Modes, flags, time-outs and back-off of all sensors, and what each standard one waits for."""

import os
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.task_bench import AT, Bench
from tradewind.core import protocol
from tradewind.sdk.dag import DAG
from tradewind.sdk.decorators import task
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferralError,
    TaskDeferred,
)
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.sensors.base import BaseSensorOperator, PokeReturnValue, poke_mode_only
from tradewind.sdk.sensors.bash import BashSensor
from tradewind.sdk.sensors.date_time import DateTimeSensor, DateTimeSensorAsync
from tradewind.sdk.sensors.filesystem import FileSensor
from tradewind.sdk.sensors.python import PythonSensor
from tradewind.sdk.sensors.time import TimeSensor, TimeSensorAsync
from tradewind.sdk.sensors.time_delta import TimeDeltaSensor, TimeDeltaSensorAsync, WaitSensor
from tradewind.sdk.sensors.weekday import DayOfWeekSensor


class Answering(BaseSensorOperator):
    """Gives, or raises, one answer after the other; the last one for ever."""

    def __init__(self, *, answers: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = answers
        self.pokes = 0

    def poke(self, context: Any) -> Any:
        answer = self.answers[min(self.pokes, len(self.answers) - 1)]
        self.pokes += 1
        if isinstance(answer, BaseException):
            raise answer
        return answer


def sensor(cls: Any, **kwargs: Any) -> Any:
    with DAG("d", schedule=None):
        return cls(task_id="wait", **kwargs)


def answering(*answers: Any, **kwargs: Any) -> Any:
    return sensor(Answering, answers=list(answers), **{"poke_interval": 0, **kwargs})


def test_pokes_until_the_answer_is_true_and_returns_its_value() -> None:
    waiting = answering(False, None, PokeReturnValue(is_done=True, xcom_value={"a": 1}))
    assert Bench().execute(waiting) == {"a": 1}
    assert waiting.pokes == 3
    assert Bench().execute(answering(True)) is None


def test_reschedule_ends_the_process_and_counts_time_from_the_first_poke() -> None:
    waiting = answering(False, mode="reschedule", poke_interval=600, timeout=3600)
    before = datetime.now(UTC)
    with pytest.raises(AirflowRescheduleException) as raised:
        Bench().execute(waiting)
    assert raised.value.reschedule_date >= before + timedelta(seconds=600)
    bench = Bench()
    bench.first_start_date = datetime.now(UTC) - timedelta(hours=2)
    with pytest.raises(AirflowSensorTimeout, match="timeout of 3600"):
        bench.execute(waiting)


@pytest.mark.parametrize(
    ("raised", "flags", "end"),
    [
        (AirflowFailException("x"), {"soft_fail": True}, AirflowSkipException),
        (AirflowFailException("x"), {"never_fail": True}, AirflowSkipException),
        (AirflowFailException("x"), {"silent_fail": True}, AirflowFailException),
        (AirflowSensorTimeout("x"), {"soft_fail": True}, AirflowSkipException),
        (ValueError("x"), {"soft_fail": True}, ValueError),
        (ValueError("x"), {"never_fail": True}, AirflowSkipException),
        (ValueError("x"), {}, ValueError),
        (AirflowSkipException("x"), {"silent_fail": True}, AirflowSkipException),
    ],
)
def test_flags_say_what_an_exception_means(raised: Exception, flags: dict, end: type) -> None:
    with pytest.raises(Exception) as seen:  # noqa: PT011
        Bench().execute(answering(raised, **flags))
    assert type(seen.value) is end


@pytest.mark.parametrize(
    ("flags", "end"),
    [
        ({}, AirflowSensorTimeout),
        ({"soft_fail": True}, AirflowSkipException),
        ({"never_fail": True}, AirflowSensorTimeout),
    ],
)
def test_time_out(flags: dict, end: type) -> None:
    with pytest.raises(AirflowException) as seen:
        Bench().execute(answering(False, timeout=0, **flags))
    assert type(seen.value) is end


def test_silent_fail_goes_on_after_errors() -> None:
    waiting = answering(ValueError("x"), KeyError("y"), True, silent_fail=True)
    Bench().execute(waiting)
    assert waiting.pokes == 3


def test_back_off_doubles_with_jitter_and_keeps_to_its_bounds() -> None:
    waiting = answering(False, poke_interval=10, exponential_backoff=True, timeout=10_000)
    pauses = [waiting._next_pause(0.0, 0.0, poke) for poke in range(1, 9)]
    for poke, pause in enumerate(pauses, start=1):
        shortest = max(int(10 * 2.0 ** (poke - 2)), 1)
        assert shortest <= pause < 2 * shortest
    assert pauses == [waiting._next_pause(0.0, 0.0, poke) for poke in range(1, 9)]
    assert waiting._next_pause(0.0, 9_990.0, 9) == 10
    waiting.max_wait = 3
    assert waiting._next_pause(0.0, 0.0, 5) == 3


def test_back_off_across_reschedules_goes_on_where_it_was() -> None:
    waiting = answering(
        False, poke_interval=10, exponential_backoff=True, timeout=1e9, mode="reschedule"
    )
    first = waiting._next_pause(AT, 0.0, 1)
    later = waiting._next_pause(AT, 5_000.0, 1)
    assert first < 20
    assert later > 1_000


@pytest.mark.parametrize(
    "arguments",
    [
        {"mode": "sometimes"},
        {"poke_interval": -1},
        {"timeout": "soon"},
        {"max_wait": -1},
        {"soft_fail": True, "never_fail": True},
    ],
)
def test_bad_arguments_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        answering(True, **arguments)


def test_poke_mode_only() -> None:
    @poke_mode_only
    class Stateful(Answering):
        pass

    assert sensor(Stateful, answers=[True]).mode == "poke"
    with pytest.raises(ValueError, match="Only 'poke'"):
        sensor(Stateful, answers=[True], mode="reschedule")


def test_a_deferred_sensor_times_out_as_others_do() -> None:
    late = {"error": "Trigger timeout"}
    with pytest.raises(AirflowSensorTimeout):
        Bench().resume(answering(True), "__fail__", late)
    with pytest.raises(AirflowSkipException):
        Bench().resume(answering(True, soft_fail=True), "__fail__", late)
    with pytest.raises(TaskDeferralError):
        Bench().resume(answering(True), "__fail__", {"error": "Trigger failure"})
    with pytest.raises(AirflowSkipException):
        Bench().resume(answering(True, never_fail=True), "__fail__", {"error": "Trigger failure"})


def test_python_sensor_gets_context_and_arguments() -> None:
    def check(wanted: str, ds: str, limit: int, templates_dict: Any) -> Any:
        assert (limit, templates_dict) == (3, {"r": "run_1"})
        return PokeReturnValue(ds == wanted, xcom_value=ds)

    waiting = sensor(
        PythonSensor,
        python_callable=check,
        op_args=["2026-01-15"],
        op_kwargs={"limit": 3},
        templates_dict={"r": "{{ run_id }}"},
    )
    assert Bench().execute(waiting) == "2026-01-15"


def test_decorated_sensor() -> None:
    with DAG("d", schedule=None) as dag:

        @task.sensor(poke_interval=0, timeout=30)
        def ready(name: str) -> Any:
            return PokeReturnValue(is_done=True, xcom_value=name)

        ready("x")
        ready("y")
    assert dag.task_ids == ["ready", "ready__1"]
    assert dag.get_task("ready").operator_name == "@task.sensor"
    assert Bench().execute(dag.get_task("ready__1")) == "y"


def test_bash_sensor(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    command = f"test -e {flag} || {{ touch {flag}; exit 1; }}"
    Bench().execute(sensor(BashSensor, bash_command=command, poke_interval=0))
    flag.unlink()
    Bench().execute(sensor(BashSensor, bash_command=command, poke_interval=0, retry_exit_code=1))
    with pytest.raises(AirflowFailException, match="code 3"):
        Bench().execute(sensor(BashSensor, bash_command="exit 3", retry_exit_code=1))
    environment = {"A": "{{ run_id }}", "PATH": os.environ["PATH"]}
    Bench().execute(sensor(BashSensor, bash_command='test "$A" = run_1', env=environment))


def test_file_sensor(tmp_path: Path) -> None:
    def found(pattern: str, **kwargs: Any) -> bool:
        return sensor(FileSensor, filepath=str(tmp_path / pattern), **kwargs).poke({})

    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "part-1.csv").touch()
    assert found("full/part-1.csv")
    assert found("full")
    assert found("*/part-*.csv")
    assert found("**/part-1.csv", recursive=True)
    assert not found("empty")
    assert not found("missing")


def test_file_sensor_reads_relative_paths_from_its_connection(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    bench = Bench()
    bench.plane.connections["files"] = protocol.ConnectionValue(
        conn_id="files", conn_type="fs", extra=f'{{"path": "{tmp_path}"}}'
    )
    bench.execute(sensor(FileSensor, filepath="there", fs_conn_id="files"))


def test_deferrable_file_sensor_looks_once_before_it_waits(tmp_path: Path) -> None:
    path = tmp_path / "f"
    waiting = sensor(FileSensor, filepath=str(path), deferrable=True, poke_interval=7, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        Bench().execute(waiting)
    assert deferred.value.trigger.serialize()[1] == {
        "filepath": str(path),
        "recursive": False,
        "poke_interval": 7,
    }
    assert deferred.value.timeout == timedelta(seconds=60)
    Bench().resume(waiting, "execute_complete", {"event": True})
    path.touch()
    Bench().execute(waiting)


PAST, FUTURE = AT, datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("target", "over"),
    [
        ("{{ logical_date }}", True),
        ("{{ data_interval_end.add(years=200) }}", False),
        ("2020-01-01T00:00:00+01:00", True),
        (PAST, True),
        (FUTURE, False),
    ],
)
def test_date_time_sensor(target: Any, over: bool) -> None:
    waiting = sensor(DateTimeSensor, target_time=target, timeout=0)
    if over:
        Bench().execute(waiting)
    else:
        with pytest.raises(AirflowSensorTimeout):
            Bench().execute(waiting)


def moment_waited_for(operator: Any, bench: Bench | None = None) -> datetime:
    with pytest.raises(TaskDeferred) as deferred:
        (bench or Bench()).execute(operator)
    assert deferred.value.method_name == "execute_complete"
    Bench().resume(operator, "execute_complete", {"event": None})
    return deferred.value.trigger.moment


def test_the_same_moments_in_the_triggerer() -> None:
    wanted = sensor(DateTimeSensorAsync, target_time="{{ logical_date }}")
    assert moment_waited_for(wanted) == AT
    wanted = sensor(TimeDeltaSensorAsync, delta=timedelta(days=40_000))
    assert moment_waited_for(wanted) == AT + timedelta(days=40_000)
    before = datetime.now(UTC)
    wanted = sensor(WaitSensor, time_to_wait=timedelta(hours=1), deferrable=True)
    assert moment_waited_for(wanted) >= before + timedelta(hours=1)


def test_time_delta_sensor_counts_from_the_end_of_the_interval() -> None:
    Bench().execute(sensor(TimeDeltaSensor, delta=timedelta(hours=1)))
    with pytest.raises(AirflowSensorTimeout):
        Bench().execute(sensor(TimeDeltaSensor, delta=timedelta(days=40_000), timeout=0))
    bench = Bench()
    bench.run = {"interval_start": None, "interval_end": None, "run_after": FUTURE}
    with pytest.raises(AirflowSensorTimeout):
        bench.execute(sensor(TimeDeltaSensor, delta=timedelta(0), timeout=0))
    assert Bench().execute(sensor(TimeDeltaSensor, delta=timedelta(0), deferrable=True)) is True


def test_time_sensor_means_the_dags_zone_and_the_day_it_began_to_wait() -> None:
    import pendulum

    with DAG("d", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Tokyo")):
        waiting = TimeSensorAsync(task_id="wait", target_time=time(9, 30))
    bench = Bench()
    bench.first_start_date = datetime(2026, 1, 14, 23, tzinfo=UTC)  # the 15th in Tokyo
    assert moment_waited_for(waiting, bench) == datetime(2026, 1, 15, 0, 30, tzinfo=UTC)
    bench.execute(sensor(TimeSensor, target_time=time(0)))


def test_day_of_week_sensor() -> None:
    Bench().execute(sensor(DayOfWeekSensor, week_day="Thursday", use_task_logical_date=True))
    with pytest.raises(AirflowSensorTimeout):
        Bench().execute(
            sensor(DayOfWeekSensor, week_day="Friday", use_task_logical_date=True, timeout=0)
        )
    every_day = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
    Bench().execute(sensor(DayOfWeekSensor, week_day=every_day))
    with pytest.warns(OldNameWarning, match="use_task_execution_day is now called"):
        old = sensor(DayOfWeekSensor, week_day="Thursday", use_task_execution_day=True)
    Bench().execute(old)

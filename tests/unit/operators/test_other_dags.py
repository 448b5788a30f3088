"""Waiting for other DAGs and starting them, on a control plane that answers from the test."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.task_bench import AT, Bench, connected
from tradewind.core.protocol import (
    CountDagRuns,
    CountReply,
    CountTaskInstances,
    DagReply,
    DagRunReply,
    Failure,
    GetDag,
    GetDagRun,
    GetTaskStates,
    RunInfo,
    TaskStatesReply,
    TriggerDagRun,
)
from tradewind.core.states import DagRunState, DagRunType, TaskInstanceState
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.operators.trigger_dagrun import (
    DagIsPaused,
    DagRunOrder,
    TriggerDagRunOperator,
)
from tradewind.sdk.sensors.external_task import (
    DuplicateStateError,
    ExternalDagFailedError,
    ExternalDagNotFoundError,
    ExternalTaskFailedError,
    ExternalTaskGroupFailedError,
    ExternalTaskGroupNotFoundError,
    ExternalTaskMarker,
    ExternalTaskNotFoundError,
    ExternalTaskSensor,
)
from tradewind.sdk.triggers.external_task import DagStateTrigger, WorkflowTrigger

T, R = TaskInstanceState, DagRunState


class Other:
    """A DAG elsewhere: state of its runs and their tasks, by logical date."""

    def __init__(self, bench: Bench) -> None:
        self.runs: dict[datetime, R] = {}
        self.tasks: dict[datetime, dict[str, T]] = {}
        bench.plane.answers[CountDagRuns] = self.count_runs
        bench.plane.answers[CountTaskInstances] = self.count_tasks
        bench.plane.answers[GetTaskStates] = self.states

    def count_runs(self, q: CountDagRuns) -> CountReply:
        found = [self.runs.get(date) for date in q.logical_dates or []]
        return CountReply(count=sum(state in (q.states or []) for state in found))

    def count_tasks(self, q: CountTaskInstances) -> CountReply:
        found = [
            self.tasks.get(date, {}).get(task_id)
            for date in q.logical_dates or []
            for task_id in q.task_ids or []
        ]
        return CountReply(count=sum(state in (q.states or []) for state in found))

    def states(self, q: GetTaskStates) -> TaskStatesReply:
        found = {str(date): self.tasks.get(date, {}) for date in q.logical_dates or []}
        return TaskStatesReply(states=found)


def sensor(**kwargs: Any) -> Any:
    with DAG("d", schedule=None):
        return ExternalTaskSensor(
            task_id="wait", external_dag_id="other", timeout=0, poke_interval=0, **kwargs
        )


def outcome(tasks: dict[str, T] | None, run: R | None, date: datetime = AT, **kwargs: Any) -> str:
    """How the sensor ends when the other DAG is like this at `date`."""
    bench = Bench()
    other = Other(bench)
    if tasks is not None:
        other.tasks[date] = tasks
    if run is not None:
        other.runs[date] = run
    waiting = sensor(**kwargs)
    try:
        bench.execute(waiting)
    except AirflowException as end:
        return type(end).__name__
    return "success"


ONE = {"external_task_id": "a"}
TWO = {"external_task_ids": ["a", "b"]}
GROUP = {"external_task_group_id": "g"}
BAD_FAILED = {"failed_states": ["failed"]}


@pytest.mark.parametrize(
    ("tasks", "run", "arguments", "end"),
    [
        ({"a": T.SUCCESS}, None, ONE, "success"),
        ({"a": T.FAILED}, None, ONE, "AirflowSensorTimeout"),
        ({"a": T.FAILED}, None, {**ONE, **BAD_FAILED}, "ExternalTaskFailedError"),
        ({"a": T.FAILED}, None, {**ONE, **BAD_FAILED, "soft_fail": True}, "AirflowSkipException"),
        ({"a": T.SKIPPED}, None, {**ONE, "skipped_states": ["skipped"]}, "AirflowSkipException"),
        ({"a": T.FAILED}, None, {**ONE, "allowed_states": ["failed"]}, "success"),
        (None, None, ONE, "AirflowSensorTimeout"),
        ({"a": T.SUCCESS, "b": T.SUCCESS}, None, TWO, "success"),
        ({"a": T.SUCCESS}, None, TWO, "AirflowSensorTimeout"),
        ({"a": T.SUCCESS, "b": T.FAILED}, None, {**TWO, **BAD_FAILED}, "ExternalTaskFailedError"),
        ({"g.x": T.SUCCESS, "g.y": T.SUCCESS}, None, GROUP, "success"),
        ({"g.x": T.SUCCESS, "g.y": T.RUNNING}, None, GROUP, "AirflowSensorTimeout"),
        ({"g.x": T.FAILED}, None, {**GROUP, **BAD_FAILED}, "ExternalTaskGroupFailedError"),
        (None, R.SUCCESS, {}, "success"),
        (None, R.RUNNING, {}, "AirflowSensorTimeout"),
        (None, R.FAILED, BAD_FAILED, "ExternalDagFailedError"),
    ],
)
def test_external_task_sensor(tasks: Any, run: Any, arguments: dict, end: str) -> None:
    assert outcome(tasks, run, **arguments) == end


def test_which_run_it_looks_at() -> None:
    yesterday = AT - timedelta(days=1)
    done = {"a": T.SUCCESS}
    assert outcome(done, None, yesterday, **ONE, execution_delta=timedelta(days=1)) == "success"
    assert outcome(done, None, AT, **ONE, execution_delta=timedelta(days=1)) != "success"

    def both(date: datetime, run_id: str, **context: Any) -> list[datetime]:
        assert run_id == "run_1"
        assert "ti" in context
        return [date, yesterday]

    bench = Bench()
    other = Other(bench)
    other.tasks[AT] = done
    waiting = sensor(**ONE, execution_date_fn=both)
    with pytest.raises(AirflowSensorTimeout):
        bench.execute(waiting)
    other.tasks[yesterday] = done
    bench.execute(waiting)
    assert outcome(done, None, yesterday, **ONE, execution_date_fn=lambda d: yesterday) == "success"


@pytest.mark.parametrize(
    ("reply", "arguments", "error"),
    [
        (DagReply(exists=False), ONE, ExternalDagNotFoundError),
        (DagReply(exists=True, missing_task_ids=["a"]), ONE, ExternalTaskNotFoundError),
        (DagReply(exists=True, has_task_group=False), GROUP, ExternalTaskGroupNotFoundError),
    ],
)
def test_existence_is_checked_if_wanted(reply: DagReply, arguments: dict, error: type) -> None:
    bench = Bench()
    bench.plane.answers[GetDag] = reply
    with pytest.raises(error):
        bench.execute(sensor(check_existence=True, **arguments))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({**ONE, **TWO}, ValueError),
        ({**ONE, **GROUP}, ValueError),
        ({"execution_delta": timedelta(1), "execution_date_fn": print}, ValueError),
        ({**ONE, "allowed_states": ["nonsense"]}, ValueError),
        ({"allowed_states": ["skipped"]}, ValueError),
        ({**ONE, "failed_states": ["success"]}, DuplicateStateError),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, error: type) -> None:
    with pytest.raises(error):
        sensor(**arguments)


@pytest.mark.parametrize(
    ("event", "arguments", "end"),
    [
        ({"status": "success"}, ONE, None),
        ({"status": "skipped"}, ONE, AirflowSkipException),
        ({"status": "failed"}, ONE, ExternalTaskFailedError),
        ({"status": "failed"}, GROUP, ExternalTaskGroupFailedError),
        ({"status": "failed"}, {}, ExternalDagFailedError),
        ({"status": "failed"}, {"soft_fail": True}, AirflowSkipException),
        (None, ONE, ExternalTaskNotFoundError),
    ],
)
def test_deferred_sensor(event: Any, arguments: dict, end: type | None) -> None:
    waiting = sensor(deferrable=True, **arguments)
    with pytest.raises(TaskDeferred) as deferred:
        Bench().execute(waiting)
    assert deferred.value.trigger.target.logical_dates == [AT]
    if end is None:
        Bench().resume(waiting, "execute_complete", {"event": event})
    else:
        with pytest.raises(end):
            Bench().resume(waiting, "execute_complete", {"event": event})


def first_event(trigger: Any, bench: Bench) -> Any:
    async def first() -> Any:
        return (await anext(rebuilt(trigger).run())).payload

    with connected(bench.plane):
        return asyncio.run(asyncio.wait_for(first(), 30))


def rebuilt(trigger: Any) -> Any:
    """As the triggerer makes it, from what was stored."""
    path, kwargs = trigger.serialize()
    assert path.rpartition(".")[2] == type(trigger).__name__
    return type(trigger)(**kwargs)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([T.RUNNING, T.SUCCESS], "success"),
        ([T.RUNNING, T.FAILED], "failed"),
        ([T.SKIPPED], "skipped"),
    ],
)
def test_workflow_trigger_asks_until_it_is_over(states: list[T], status: str) -> None:
    bench = Bench()
    trigger = WorkflowTrigger(
        external_dag_id="other",
        external_task_ids=["a"],
        logical_dates=[AT],
        allowed_states=["success"],
        failed_states=["failed"],
        skipped_states=["skipped"],
        poke_interval=0,
    )
    asked = 0

    def answer(question: CountTaskInstances) -> CountReply:
        nonlocal asked
        state = states[min(asked // 3, len(states) - 1)]
        asked += 1
        return CountReply(count=int(state in (question.states or [])))

    bench.plane.answers[CountTaskInstances] = answer
    assert first_event(trigger, bench) == {"status": status}


def run(state: R, run_id: str = "child") -> RunInfo:
    return RunInfo(
        dag_id="other",
        run_id=run_id,
        run_type=DagRunType.OPERATOR_TRIGGERED,
        run_after=AT,
        state=state,
    )


def test_dag_state_trigger() -> None:
    bench = Bench()
    replies = iter([None, run(R.RUNNING), run(R.FAILED)])
    bench.plane.answers[GetDagRun] = lambda q: DagRunReply(run=next(replies))
    trigger = DagStateTrigger("other", ["success", "failed"], run_ids=["child"], poll_interval=0)
    path, payload = first_event(trigger, bench)
    assert path == "tradewind.sdk.triggers.external_task.DagStateTrigger"
    assert payload["run_ids"] == ["child"]
    assert payload["child"] == "failed"


def trigger_task(**kwargs: Any) -> Any:
    with DAG("d", schedule=None):
        return TriggerDagRunOperator(
            task_id="t", trigger_dag_id="other", **{"poke_interval": 0, **kwargs}
        )


def test_trigger_hands_over_conf_and_dates() -> None:
    bench = Bench()
    bench.plane.answers[TriggerDagRun] = DagRunReply(run=run(R.QUEUED, "made"))
    operator = trigger_task(
        trigger_run_id="for_{{ run_id }}",
        conf={"from": "{{ dag.dag_id }}", "n": 1},
        logical_date="{{ logical_date }}",
        note="why",
        reset_dag_run=True,
    )
    bench.execute(operator)
    (order,) = bench.plane.of_type(TriggerDagRun)
    assert order == TriggerDagRun(
        dag_id="other",
        run_id="for_run_1",
        conf={"from": "d", "n": 1},
        logical_date=AT,
        reset=True,
        note="why",
        triggered_by_attempt=7,
    )
    assert bench.plane.xcoms == {"trigger_run_id": "made"}


@pytest.mark.parametrize(
    ("arguments", "has_date", "run_after"),
    [
        ({}, True, None),
        ({"logical_date": None}, False, None),
        ({"run_after": AT}, False, AT),
        ({"run_after": AT, "logical_date": AT}, True, AT),
        ({"execution_date": AT}, True, None),
    ],
)
def test_dates_of_the_new_run(arguments: dict, has_date: bool, run_after: Any) -> None:
    bench = Bench()
    bench.plane.answers[TriggerDagRun] = DagRunReply(run=run(R.QUEUED))
    bench.execute(trigger_task(**arguments))
    (order,) = bench.plane.of_type(TriggerDagRun)
    assert (order.logical_date is not None) == has_date
    assert order.run_after == run_after


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({}, AirflowFailException), ({"skip_when_already_exists": True}, AirflowSkipException)],
)
def test_a_run_that_exists(arguments: dict, error: type) -> None:
    bench = Bench()
    bench.plane.answers[TriggerDagRun] = Failure(kind="conflict", message="exists already.")
    with pytest.raises(error):
        bench.execute(trigger_task(**arguments))
    assert bench.plane.xcoms == {}


def test_a_paused_dag_is_an_error_if_wanted() -> None:
    bench = Bench()
    bench.plane.answers[GetDag] = DagReply(exists=True, is_paused=True)
    with pytest.raises(DagIsPaused):
        bench.execute(trigger_task(fail_when_dag_is_paused=True))


ANY_STATE = {"allowed_states": ["success", "failed"], "failed_states": []}


@pytest.mark.parametrize(
    ("ends_as", "arguments", "fails"),
    [
        (R.SUCCESS, {}, False),
        (R.FAILED, {}, True),
        (R.FAILED, ANY_STATE, False),
        (R.SUCCESS, {"allowed_states": ["failed"], "failed_states": ["success"]}, True),
    ],
)
def test_waiting_for_the_run(ends_as: R, arguments: dict, fails: bool) -> None:
    bench = Bench()
    bench.plane.answers[TriggerDagRun] = DagRunReply(run=run(R.QUEUED))
    states = iter([R.QUEUED, R.RUNNING, ends_as])
    bench.plane.answers[GetDagRun] = lambda q: DagRunReply(run=run(next(states)))
    operator = trigger_task(wait_for_completion=True, **arguments)
    if fails:
        with pytest.raises(AirflowException, match="failed with failed state"):
            bench.execute(operator)
    else:
        bench.execute(operator)
    deferred = trigger_task(wait_for_completion=True, deferrable=True, **arguments)
    with pytest.raises(TaskDeferred) as waiting:
        bench.execute(deferred)
    assert ends_as in waiting.value.trigger.states
    event = ("path", {"run_ids": ["child"], "child": str(ends_as)})
    if fails:
        with pytest.raises(AirflowException, match="failed with failed state"):
            bench.resume(deferred, "execute_complete", {"event": event})
    else:
        bench.resume(deferred, "execute_complete", {"event": event})


def test_the_function_of_airflow_1_decides_on_the_run() -> None:
    def decide(context: Any, order: DagRunOrder) -> DagRunOrder | None:
        if context["params"]["go"]:
            order.payload = {"of": context["run_id"]}
            return order
        return None

    bench = Bench()
    made = RunInfo(dag_id="o", run_id="r", run_type=DagRunType.OPERATOR_TRIGGERED, run_after=AT)
    bench.plane.answers[TriggerDagRun] = DagRunReply(run=made)
    with DAG("d", schedule=None):
        for go in (False, True):
            with pytest.warns(OldNameWarning, match="python_callable is Airflow 1's"):
                task = TriggerDagRunOperator(
                    task_id=f"go_{go}",
                    trigger_dag_id="o",
                    python_callable=decide,
                    params={"go": go},
                )
            bench.execute(task)
    (order,) = bench.plane.of_type(TriggerDagRun)
    assert order.conf == {"of": "run_1"}
    assert order.run_id is not None
    assert order.run_id.startswith("trig__")


def test_conf_has_to_be_json() -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="JSON Serializable"):
        bench.execute(trigger_task(conf={"a": {1, 2}}))
    with pytest.raises(TypeError, match="run_after"):
        trigger_task(run_after=5)


def test_marker() -> None:
    with DAG("d", schedule=None):
        marker = ExternalTaskMarker(
            task_id="m", external_dag_id="other", external_task_id="a", execution_date=AT
        )
        with pytest.raises(ValueError, match="positive"):
            ExternalTaskMarker(
                task_id="n", external_dag_id="o", external_task_id="a", recursion_depth=0
            )
    assert marker.logical_date == AT.isoformat()
    assert AT.tzinfo is UTC

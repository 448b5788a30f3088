"""Which children a branch skips, what it leaves as XCom, and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

import pytest

from support.task_bench import Bench
from tradewind.core.states import DagRunType
from tradewind.sdk.dag import DAG
from tradewind.sdk.decorators import task
from tradewind.sdk.exceptions import AirflowException, DownstreamTasksSkipped
from tradewind.sdk.operators.datetime import BranchDateTimeOperator
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.operators.latest_only import LatestOnlyOperator
from tradewind.sdk.operators.python import BranchPythonOperator, ShortCircuitOperator
from tradewind.sdk.operators.weekday import BranchDayOfWeekOperator
from tradewind.sdk.taskgroup import TaskGroup
from tradewind.sdk.weekday import WeekDay


def skipped_by(operator: Any, bench: Bench | None = None) -> tuple[set[str], Any]:
    """The skipped task ids, and the XCom that says why."""
    bench = bench or Bench()
    try:
        bench.execute(operator)
    except DownstreamTasksSkipped as end:
        return set(end.tasks), bench.plane.xcoms.get("skipmixin_key")
    return set(), bench.plane.xcoms.get("skipmixin_key")


def branching_dag(answer: Any) -> Any:
    """choose >> [left, right, join, group]; left >> join."""
    with DAG("d", schedule=None) as dag:
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: answer)
        left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
        join = EmptyOperator(task_id="join")
        with TaskGroup("group") as group:
            first, second = EmptyOperator(task_id="first"), EmptyOperator(task_id="second")
            first >> EmptyOperator(task_id="last")
        choose >> [left, right, join, group]
        left >> join
        assert second
    return dag.get_task("choose")


@pytest.mark.parametrize(
    ("answer", "followed"),
    [
        ("left", {"left", "join"}),
        (["left"], {"left", "join"}),
        (("right", "join"), {"right", "join"}),
        ("group", {"group.first", "group.second"}),
        (["group.first", "right"], {"group.first", "right"}),
        (None, set()),
        ([], set()),
        ("group.last", set()),
    ],
)
def test_children_off_the_followed_paths_are_skipped(answer: Any, followed: set[str]) -> None:
    children = {"left", "right", "join", "group.first", "group.second"}
    skipped, xcom = skipped_by(branching_dag(answer))
    assert skipped == children - followed
    assert set(xcom["followed"]) == followed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("no_such_task", "Invalid tasks found"),
        (42, "must be either None, a task ID, or an Iterable"),
        (["left", 7], "invalid 'branch_task_ids': 7"),
    ],
)
def test_answers_that_name_no_task_fail(answer: Any, message: str) -> None:
    with pytest.raises(AirflowException, match=message):
        Bench().execute(branching_dag(answer))


def test_without_anything_to_skip_the_answer_is_the_result() -> None:
    with DAG("d", schedule=None):
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "only")
        choose >> EmptyOperator(task_id="only")
    bench = Bench()
    assert bench.execute(choose) == "only"
    assert bench.plane.xcoms == {"skipmixin_key": {"followed": ["only"]}}


def test_a_mapped_instance_skips_as_well() -> None:
    bench = Bench()
    bench.map_index = 3
    skipped, _ = skipped_by(branching_dag("left"), bench)
    assert skipped == {"right", "group.first", "group.second"}


def test_decorated_branch_and_short_circuit() -> None:
    with DAG("d", schedule=None) as dag:

        @task.branch
        def choose(ds: str | None = None) -> str:
            assert ds == "2026-01-15"
            return "left"

        @task.short_circuit
        def gate(open_it: bool) -> bool:
            return open_it

        choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        gate(False) >> EmptyOperator(task_id="behind")
    assert dag.get_task("choose").operator_name == "@task.branch"
    assert skipped_by(dag.get_task("choose")) == ({"right"}, {"followed": ["left"]})
    assert skipped_by(dag.get_task("gate")) == ({"behind"}, {"skipped": ["behind"]})


@pytest.mark.parametrize(
    ("value", "ignore_rules", "skipped"),
    [
        (False, True, {"near", "near_all_done", "far", "far_all_done"}),
        (0, True, {"near", "near_all_done", "far", "far_all_done"}),
        (False, False, {"near", "near_all_done"}),
        ("truthy", True, set()),
    ],
)
def test_short_circuit(value: Any, ignore_rules: bool, skipped: set[str]) -> None:
    with DAG("d", schedule=None):
        gate = ShortCircuitOperator(
            task_id="gate",
            python_callable=lambda: value,
            ignore_downstream_trigger_rules=ignore_rules,
        )
        near = EmptyOperator(task_id="near")
        far_all_done = EmptyOperator(task_id="far_all_done", trigger_rule="all_done")
        gate >> near >> [EmptyOperator(task_id="far"), far_all_done]
        gate >> EmptyOperator(task_id="near_all_done", trigger_rule="all_done")
        near >> EmptyOperator(task_id="cleanup").as_teardown()
    found, xcom = skipped_by(gate)
    assert found == skipped
    assert (xcom is None) == (not skipped)
    if xcom:
        assert set(xcom["skipped"]) == skipped


def yes_or_no(make: Callable[..., Any], **run: Any) -> str:
    with DAG("d", schedule=None):
        branch = make(follow_task_ids_if_true="yes", follow_task_ids_if_false="no", task_id="b")
        branch >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    bench = Bench()
    bench.run = run
    _, xcom = skipped_by(branch, bench)
    (followed,) = xcom["followed"]
    return followed


@pytest.mark.parametrize(
    ("lower", "upper", "answer"),
    [
        (datetime(2026, 1, 15, 5), datetime(2026, 1, 15, 7), "yes"),
        (datetime(2026, 1, 16), datetime(2026, 1, 17), "no"),
        (time(5), time(7), "yes"),
        (time(22), time(6, 30), "no"),
        (time(5), time(4), "yes"),
        (datetime(2026, 1, 1), None, "yes"),
        (None, datetime(2026, 1, 1), "no"),
        (datetime(2026, 1, 15, 6), datetime(2026, 1, 15, 6), "yes"),
    ],
)
def test_branch_by_time_window(lower: Any, upper: Any, answer: str) -> None:
    def make(**kwargs: Any) -> Any:
        return BranchDateTimeOperator(
            target_lower=lower, target_upper=upper, use_task_logical_date=True, **kwargs
        )

    assert yes_or_no(make) == answer
    later = datetime(2026, 1, 15, 6, tzinfo=UTC)
    assert yes_or_no(make, logical_date=None, run_after=later) == answer


def test_branch_by_time_window_needs_a_bound() -> None:
    with DAG("d", schedule=None), pytest.raises(AirflowException, match="At least one"):
        BranchDateTimeOperator(
            task_id="b",
            target_lower=None,
            target_upper=None,
            follow_task_ids_if_true="x",
            follow_task_ids_if_false="y",
        )


@pytest.mark.parametrize(
    ("week_day", "answer"),
    [
        (WeekDay.THURSDAY, "yes"),
        ({WeekDay.SATURDAY, WeekDay.SUNDAY}, "no"),
        ("thursday", "yes"),
        (["Friday", "Thursday"], "yes"),
    ],
)
def test_branch_by_day_of_week(week_day: Any, answer: str) -> None:
    def make(**kwargs: Any) -> Any:
        return BranchDayOfWeekOperator(week_day=week_day, use_task_logical_date=True, **kwargs)

    assert yes_or_no(make) == answer


def test_day_names_that_do_not_exist_are_refused() -> None:
    with pytest.raises(AttributeError, match='"Thu"'):
        WeekDay.validate_week_day("Thu")
    with pytest.raises(TypeError, match="int"):
        WeekDay.validate_week_day(4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "logical_date", "run_type", "goes_on"),
    [
        ("@yearly", datetime(2001, 1, 1, tzinfo=UTC), DagRunType.SCHEDULED, False),
        ("@yearly", datetime.now(UTC).replace(month=1, day=1), DagRunType.SCHEDULED, True),
        ("@yearly", datetime(2001, 1, 1, tzinfo=UTC), DagRunType.MANUAL, True),
        ("@once", datetime(2001, 1, 1, tzinfo=UTC), DagRunType.SCHEDULED, True),
        ("@hourly", datetime(2001, 1, 1, tzinfo=UTC), DagRunType.BACKFILL, False),
    ],
)
def test_latest_only(
    schedule: str, logical_date: datetime, run_type: DagRunType, goes_on: bool
) -> None:
    logical_date = logical_date.replace(hour=0, minute=0, second=0, microsecond=0)
    with DAG("d", schedule=schedule, start_date=datetime(2000, 1, 1)):
        latest = LatestOnlyOperator(task_id="latest")
        latest >> EmptyOperator(task_id="child") >> EmptyOperator(task_id="grandchild")
    bench = Bench()
    bench.run = {
        "run_type": run_type,
        "logical_date": logical_date,
        "interval_start": logical_date,
        "interval_end": logical_date,
        "run_after": logical_date,
    }
    skipped, xcom = skipped_by(latest, bench)
    assert skipped == (set() if goes_on else {"child"})
    assert xcom == {"followed": ["child"] if goes_on else []}

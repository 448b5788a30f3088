"""A person's answer, or none: the question, the trigger, and what each operator makes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.task_bench import Bench, connected
from tradewind.core.protocol import AnswerHitl, CreateHitl, GetHitl, HitlReply, Ok
from tradewind.sdk import Param
from tradewind.sdk.dag import DAG
from tradewind.sdk.exceptions import DownstreamTasksSkipped, ParamValidationError, TaskDeferred
from tradewind.sdk.old_names import OldNameWarning
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.operators.hitl import (
    ApprovalOperator,
    HITLBranchOperator,
    HITLEntryOperator,
    HITLOperator,
    HITLRejectException,
    HITLTimeoutError,
    HITLTriggerEventError,
)
from tradewind.sdk.triggers.hitl import HITLTrigger


def make(cls: Any, *children: str, **kwargs: Any) -> Any:
    with DAG("d", schedule=None, params={"of_the_dag": 1}):
        asking = cls(task_id="ask", **{"subject": "go {{ run_id }}?", **kwargs})
        asking >> [EmptyOperator(task_id=child) for child in children]
        for child in children:
            asking.dag.get_task(child) >> EmptyOperator(task_id=f"after_{child}")
    return asking


def choose(*options: str, **kwargs: Any) -> dict[str, Any]:
    """The event of an answer."""
    return {
        "chosen_options": list(options),
        "params_input": kwargs.get("params", {}),
        "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "responded_by_user": {"id": "u", "name": "u"},
    }


def resume(operator: Any, event: dict[str, Any]) -> tuple[Any, set[str]]:
    """Its result and what it skips."""
    try:
        return Bench().resume(operator, "execute_complete", {"event": event}), set()
    except DownstreamTasksSkipped as end:
        return None, set(end.tasks)


def test_the_question_is_put_and_the_task_waits_in_the_triggerer() -> None:
    notified = []
    asking = make(
        HITLOperator,
        body="**{{ ds }}**",
        options=["x", "y"],
        defaults="y",
        params={"note": Param("n", type="string", description="why")},
        assigned_users={"id": "1", "name": "ann"},
        notifiers=lambda context: notified.append(context["ti"].task_id),
        response_timeout=timedelta(hours=1),
    )
    bench = Bench()
    bench.plane.answers[CreateHitl] = Ok()
    with pytest.raises(TaskDeferred) as deferred:
        bench.execute(asking)
    (question,) = bench.plane.of_type(CreateHitl)
    assert (question.attempt_id, question.subject, question.body) == (
        *(7, "go run_1?", "**2026-01-15**"),
    )
    assert (question.options, question.defaults, question.multiple) == (["x", "y"], ["y"], False)
    assert question.assignees == [{"id": "1", "name": "ann"}]
    assert question.params["note"]["value"] == "n"
    assert question.params["note"]["schema"] == {"type": "string"}
    assert list(question.params) == ["note"]
    assert notified == ["ask"]
    trigger = deferred.value.trigger
    assert (trigger.ti_id, trigger.defaults) == (11, ["y"])
    assert trigger.params_defaults == {"note": "n"}
    assert trigger.timeout_datetime > datetime.now(UTC) + timedelta(minutes=50)


def event_of(trigger: HITLTrigger, bench: Bench) -> dict[str, Any]:
    async def first() -> Any:
        again = HITLTrigger(**trigger.serialize()[1])
        return (await anext(again.run())).payload

    with connected(bench.plane):
        return asyncio.run(asyncio.wait_for(first(), 30))


def test_trigger_fires_with_the_answer_when_it_is_there() -> None:
    bench = Bench()
    replies = iter([HitlReply(answered=False), HitlReply(answered=True, chosen=["x"], by="ann")])
    bench.plane.answers[GetHitl] = lambda question: next(replies)
    event = event_of(HITLTrigger(ti_id=11, poke_interval=0), bench)
    assert event["chosen_options"] == ["x"]
    assert event["responded_by_user"] == {"id": "ann", "name": "ann"}
    assert event["timedout"] is False


def test_trigger_takes_the_defaults_in_the_end() -> None:
    bench = Bench()
    bench.plane.answers[GetHitl] = HitlReply(answered=False)
    bench.plane.answers[AnswerHitl] = lambda answer: HitlReply(
        answered=True, chosen=answer.chosen, params=answer.params
    )
    trigger = HITLTrigger(
        ti_id=11,
        defaults=["y"],
        params_defaults={"note": "n"},
        timeout_datetime=datetime.now(UTC) + timedelta(seconds=0.2),
    )
    event = event_of(trigger, bench)
    assert (event["chosen_options"], event["params_input"]) == (["y"], {"note": "n"})
    assert (event["timedout"], event["responded_by_user"]) == (True, None)


def test_trigger_without_defaults_reports_the_time_out() -> None:
    bench = Bench()
    bench.plane.answers[GetHitl] = HitlReply(answered=False)
    trigger = HITLTrigger(ti_id=11, timeout_datetime=datetime.now(UTC))
    assert event_of(trigger, bench)["error_type"] == "timeout"
    asking = make(HITLOperator, options=["x"])
    with pytest.raises(HITLTimeoutError):
        resume(asking, event_of(trigger, bench))
    with pytest.raises(HITLTriggerEventError):
        resume(asking, {"error": "broken", "error_type": "unknown"})


def test_the_answer_is_the_result() -> None:
    asking = make(HITLOperator, options=["x", "y"], params={"n": Param(1, type="integer")})
    result, _ = resume(asking, choose("x", params={"n": 5}))
    assert result == choose("x", params={"n": 5})
    with pytest.raises(ValueError, match="not in"):
        resume(asking, choose("z"))
    with pytest.raises(ValueError, match="does not match"):
        resume(asking, choose("x", params={"m": 5}))
    with pytest.raises(ParamValidationError):
        resume(asking, choose("x", params={"n": "five"}))


def test_approval() -> None:
    approval = make(ApprovalOperator, "a", "b", defaults="Approve")
    assert resume(approval, choose("Approve"))[1] == set()
    assert resume(approval, choose("Reject"))[1] == {"a", "b"}
    everything = make(ApprovalOperator, "a", ignore_downstream_trigger_rules=True)
    assert resume(everything, choose("Reject"))[1] == {"a", "after_a"}
    with pytest.raises(HITLRejectException):
        resume(make(ApprovalOperator, "a", fail_on_reject=True), choose("Reject"))
    result, skipped = resume(make(ApprovalOperator), choose("Reject"))
    assert result["chosen_options"] == ["Reject"]
    assert skipped == set()


def test_branch() -> None:
    branch = make(HITLBranchOperator, "a", "b", options=["a", "b"])
    assert resume(branch, choose("a"))[1] == {"b"}
    mapped = make(HITLBranchOperator, "a", "b", options=["yes", "b"], options_mapping={"yes": "a"})
    assert resume(mapped, choose("yes"))[1] == {"b"}
    several = make(HITLBranchOperator, "a", "b", "c", options=["a", "b", "c"], multiple=True)
    assert resume(several, choose("a", "b"))[1] == {"c"}


def test_entry() -> None:
    entry = make(HITLEntryOperator, params={"n": 1})
    assert (entry.options, entry.defaults) == (["OK"], ["OK"])
    assert make(HITLEntryOperator, options=["Send"]).defaults is None


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (HITLOperator, {"options": []}),
        (HITLOperator, {"options": ["x"], "defaults": "z"}),
        (HITLOperator, {"options": ["x", "y"], "defaults": ["x", "y"]}),
        (HITLOperator, {"options": ["x"], "params": {"_options": 1}}),
        (ApprovalOperator, {"options": ["x"]}),
        (HITLBranchOperator, {"options": ["x"], "options_mapping": {"y": "a"}}),
        (HITLBranchOperator, {"options": ["x"], "options_mapping": {"x": 1}}),
    ],
)
def test_bad_arguments_are_refused(cls: Any, arguments: dict) -> None:
    with pytest.raises(ValueError, match=r"."):
        make(cls, **arguments)


def test_execution_timeout_once_meant_the_time_to_answer() -> None:
    with pytest.warns(OldNameWarning, match="write response_timeout"):
        asking = make(HITLOperator, options=["x"], execution_timeout=timedelta(hours=1))
    assert asking.response_timeout == timedelta(hours=1)
    assert asking.execution_timeout is None


def test_link_with_an_answer_filled_in() -> None:
    asking = make(HITLOperator, options=["x"], params={"n": 1})

    class Instance:
        dag_id, run_id, task_id, map_index = "d", "manual__1+00:00", "ask", -1

    link = asking.generate_link_to_ui(
        task_instance=Instance, base_url="http://t/", options="x", params_input={"n": 2}
    )
    url = urlsplit(link)
    assert url.path == "/dags/d/runs/manual__1%2B00%3A00/tasks/ask/required_actions"
    assert parse_qs(url.query) == {"_options": ["['x']"], "n": ["2"], "map_index": ["-1"]}
    with pytest.raises(ValueError, match="not valid options"):
        asking.generate_link_to_ui(task_instance=Instance, base_url="http://t", options="z")

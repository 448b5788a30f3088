"""Random DAGs against what Apache Airflow 3.3.2's own scheduling functions decided for them.

The facts (tests/tools/record_scheduling_facts.py) are 696 DAGs with all trigger rules, mapped tasks
and groups, setups and teardowns, branches, and clears in between; for each the events in the order
in which they happened, and all states whenever nothing was left to do.
"""

import json
import lzma
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.worlds import START, finish, new_run
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import Failed, Outcome, Skipped, Succeeded, XComValue
from tradewind.core.runs import clearing
from tradewind.core.runs.run import Run

FACTS: list[dict[str, Any]] = json.loads(
    lzma.decompress((Path(__file__).parent / "facts" / "scheduling.json.xz").read_bytes())
)
CHUNK = 100


def outcome(state: str, length: int | None, skip: list[str]) -> Outcome:
    if state == "failed":
        return Failed(error_type="ValueError", message="as recorded")
    if state == "skipped":
        return Skipped()
    pushed = [] if length is None else [XComValue(key="return_value", value=None, length=length)]
    return Succeeded(xcoms=pushed, skip=skip)


def cleared(run: Run, event: list[Any]) -> Run:
    """Clear what the event says; it must concern the recorded instances."""
    _, task_ids, downstream, upstream, expected = event
    request = clearing.Request(
        task_ids=frozenset(task_ids), downstream=downstream, upstream=upstream
    )
    instances = run.instances()
    chosen = clearing.select(run.plan, instances, request)
    assert sorted([ti.task_id, ti.map_index] for ti in chosen) == expected
    clearing.clear(run.plan, run.facts, instances, request, START)
    again = Run(run.plan, run.facts, instances)
    again.begin(START)
    again.advance(START)
    return again


def replay(fact: dict[str, Any]) -> None:
    run = new_run(msgspec.convert(fact["dag"] | {"max_active_tasks": 1000}, SerializedDag))
    for event in fact["events"]:
        if event[0] == "settled":
            found = [[t.task_id, t.map_index, str(t.state), t.try_number] for t in run.instances()]
            assert sorted(found) == sorted(event[2])
            assert str(run.facts.state) == event[1]
        elif event[0] == "clear":
            run = cleared(run, event)
        else:
            task_id, map_index, state, length, skip = event
            finish(run, task_id, outcome(state, length, skip), map_index)


@pytest.mark.parametrize("start", range(0, len(FACTS), CHUNK))
def test_decides_as_recorded(start: int) -> None:
    for number, fact in enumerate(FACTS[start : start + CHUNK], start):
        try:
            replay(fact)
        except (AssertionError, ValueError) as error:
            error.add_note(f"fact {number}: {json.dumps(fact)}")
            raise

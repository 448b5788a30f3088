"""Whole runs against what Apache Airflow 3.3.2 recorded for the conformance DAGs.

Each executed instance is given its recorded outcomes, try by try; what the scheduler derives from
them (the states of all others, try numbers, the run's state) must be as recorded.
"""

import json
import lzma
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.worlds import SECOND, START, is_over, new_run
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import Failed, Outcome, Skipped, Succeeded, XComValue
from tradewind.core.runs.instances import TaskInstance
from tradewind.core.runs.run import Run

FACTS: list[dict[str, Any]] = json.loads(
    lzma.decompress((Path(__file__).parent / "facts" / "outcomes.json.xz").read_bytes())
)
TIMED_OUT = {("dagrun_timeout", "slow")}  # still running when the run's time was over


def recorded_outcome(state: str, result: dict[str, Any], is_last: bool) -> Outcome:
    if state == "failed":
        return Failed(error_type="ValueError", message="as recorded", retryable=not is_last)
    if state == "skipped":
        return Skipped()
    value = XComValue(key="return_value", value=None, length=result["length"])
    return Succeeded(xcoms=[value] if result["pushed"] else [], skip=result["skip"])


def play(run: Run, recorded: dict[tuple[str, int], Any], dag_id: str) -> None:
    now, attempt = START, 0
    while not is_over(run):
        if not run.claimable():
            now = max(now, run.next_wake() or now)
        run.advance(now)
        for ti in run.claimable():
            attempt += 1
            run.claimed(ti, attempt, now)
            run.started(ti, now)
            if (dag_id, ti.task_id) not in TIMED_OUT:
                run.reported(ti, outcome_of(ti, recorded), now)
        run.advance(now)
        now += SECOND


def outcome_of(ti: TaskInstance, recorded: dict[tuple[str, int], Any]) -> Outcome:
    state, tries, result = recorded[ti.task_id, ti.map_index]
    all_tries = [*tries, state]
    is_last = ti.try_number == len(all_tries)
    return recorded_outcome(all_tries[ti.try_number - 1], result, is_last)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["dag"]["dag_id"])
def test_derives_the_recorded_states(fact: dict[str, Any]) -> None:
    document = msgspec.convert(fact["dag"] | {"max_active_tasks": 1000}, SerializedDag)
    for expected in fact["runs"]:
        rows = expected["instances"]
        recorded = {(row[0], row[1]): (row[2], row[4], row[6]) for row in rows}
        run = new_run(document)

        play(run, recorded, document.dag_id)

        assert str(run.facts.state) == expected["state"]
        found = {(t.task_id, t.map_index): (str(t.state), t.try_number) for t in run.instances()}
        assert found.keys() == recorded.keys()
        for task_id, map_index, state, try_number, _, accepted, _ in rows:
            got_state, got_try = found[task_id, map_index]
            assert got_state in {state or "none", *accepted}, (task_id, map_index)
            if got_state == state:
                assert got_try == try_number, (task_id, map_index)

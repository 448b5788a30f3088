"""The incremental run against the plain reference model, over random DAGs and random events."""

from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.random_dags import Author
from support.worlds import START, get, is_over, new_run, reload, start
from tradewind.core.dag import SerializedDag
from tradewind.core.protocol import (
    Deferred,
    Failed,
    Outcome,
    Rescheduled,
    Resume,
    Skipped,
    Succeeded,
    XComValue,
)
from tradewind.core.runs import clearing
from tradewind.core.states import TaskInstanceState
from unit.core.reference import Instance, Reference

HOUR = timedelta(hours=1)
OUTCOMES = ["success"] * 6 + ["failed"] * 3 + ["skipped"] * 2 + ["deferred", "rescheduled", "lost"]

# --- playing both models ------------------------------------------------------------------------


class Both:
    """The run and the reference, given the same events and compared after each."""

    def __init__(self, document: SerializedDag) -> None:
        self.run = new_run(document)
        self.reference = Reference(document)
        self.reference.settle()
        self.now = START
        self.compare()

    def compare(self) -> None:
        found = {
            (ti.task_id, ti.map_index): (str(ti.state), ti.try_number)
            for ti in self.run.instances()
        }
        assert found == self.reference.states()
        assert str(self.run.facts.state) == self.reference.run_state

    def twin(self, task_id: str, map_index: int) -> Instance:
        return dict(self.reference.numbered(task_id))[map_index]

    def in_state(self, state: TaskInstanceState) -> list[tuple[str, int]]:
        return [(t.task_id, t.map_index) for t in self.run.instances() if t.state is state]

    def advance(self) -> None:
        self.run.advance(self.now)
        self.reference.settle()
        self.compare()

    def finish(self, key: tuple[str, int], kind: str, length: int, skip: list[str]) -> None:
        ti, twin = start(self.run, *key, self.now), self.twin(*key)
        if kind == "lost":  # to the infrastructure: the same try again
            assert self.run.lost(ti, "infra_lost", "host gone", self.now)
            self.reference.lose(twin)
        else:
            assert self.run.reported(ti, self.outcome(kind, length, skip), self.now)
            result = None if kind != "success" else length if key[1] < 0 else 1
            self.reference.finish(twin, kind, result, skip)
        self.advance()

    def outcome(self, kind: str, length: int, skip: list[str]) -> Outcome:
        match kind:
            case "success":
                value = XComValue(key="return_value", value=None, length=length)
                return Succeeded(xcoms=[value], skip=skip)
            case "failed":
                return Failed(error_type="ValueError", message="no")
            case "skipped":
                return Skipped()
            case "deferred":
                return Deferred(trigger_classpath="T", trigger_kwargs={}, method="go_on")
        return Rescheduled(at=self.now + HOUR)

    def fire(self, key: tuple[str, int]) -> None:
        self.run.trigger_fired(get(self.run, *key), Resume(method="go_on"), self.now)
        self.reference.resume(self.twin(*key))
        self.advance()

    def wait(self) -> None:
        assert self.run.next_wake() is not None, "the run goes on, but nothing will happen"
        self.now += HOUR
        self.reference.time_passes()
        self.advance()

    def clear(self, request: clearing.Request) -> None:
        instances = self.run.instances()
        chosen = clearing.select(self.run.plan, instances, request)
        twins = [self.twin(ti.task_id, ti.map_index) for ti in chosen]
        clearing.clear(self.run.plan, self.run.facts, instances, request, self.now)
        self.reference.clear(twins)
        self.run = reload(self.run)
        self.run.begin(self.now)
        self.advance()


def play(both: Both, chance: Random, clears: int) -> None:
    children = both.run.plan.downstream
    for _ in range(60):
        if chance.random() < 0.1:
            both.run = reload(both.run)
        scheduled = both.in_state(TaskInstanceState.SCHEDULED)
        deferred = both.in_state(TaskInstanceState.DEFERRED)
        if scheduled:
            key = chance.choice(scheduled)
            kind = chance.choice(OUTCOMES)
            skip = []
            if kind == "success" and children[key[0]] and chance.random() < 0.2:
                skip = chance.sample(children[key[0]], 1)
            both.finish(key, kind, chance.randint(0, 3), skip)
        elif deferred:
            both.fire(chance.choice(deferred))
        elif str(both.run.facts.state) == "running":
            both.wait()
        elif clears:
            clears -= 1
            ids = frozenset(chance.choices(sorted(children), k=2))
            both.clear(clearing.Request(task_ids=ids, downstream=chance.random() < 0.5))
        else:
            return


def play_in_some_order(
    document: SerializedDag, chance: Random, kinds: dict[tuple[str, int], tuple[str, int]]
) -> dict[str, str]:
    """Each instance has one outcome, in `kinds` once it is known; the order is up to chance."""
    both = Both(document)
    while not is_over(both.run):
        ready = both.in_state(TaskInstanceState.SCHEDULED)
        if not ready:
            both.wait()
            continue
        key = chance.choice(ready)
        kind = chance.choice(["success", "success", "failed", "skipped"])
        both.finish(key, *kinds.setdefault(key, (kind, chance.randint(0, 2))), [])
    return {ti.label: f"{ti.state} {ti.try_number}" for ti in both.run.instances()} | {
        "run": str(both.run.facts.state)
    }


QUICK = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
SIZE = st.integers(2, 9)
CHANCE = st.integers(0, 2**32).map(Random)


@QUICK
@given(SIZE, CHANCE)
def test_run_agrees_with_the_reference_at_each_step(size: int, chance: Random) -> None:
    play(Both(Author(chance).write(size)), chance, clears=2)


@QUICK
@given(SIZE, CHANCE)
def test_order_of_events_does_not_change_the_end(size: int, chance: Random) -> None:
    document = Author(chance, confluent=True).write(size)
    kinds: dict[tuple[str, int], tuple[str, int]] = {}
    first = play_in_some_order(document, chance, kinds)
    assert play_in_some_order(document, chance, kinds) == first

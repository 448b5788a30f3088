"""The incremental run against the plain reference model, over random DAGs and random events."""

from datetime import timedelta
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.worlds import START, dag, get, group, is_over, new_run, over, reload, start, task
from tradewind.core import clearing
from tradewind.core.dag import (
    ConcatLength,
    GroupSpec,
    LengthSource,
    LiteralLength,
    SerializedDag,
    TaskSpec,
    XComLength,
    ZipLength,
)
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
from tradewind.core.states import TaskInstanceState, TriggerRule
from unit.core.reference import Instance, Reference

HOUR = timedelta(hours=1)
OUTCOMES = ["success"] * 6 + ["failed"] * 3 + ["skipped"] * 2 + ["deferred", "rescheduled", "lost"]
CONFLUENT = [rule for rule in TriggerRule if rule is not TriggerRule.ALL_SUCCESS]
"""Rules whose verdict cannot depend on which upstream ends first. That of a task mapped over
results can under any rule: a failed, a skipped and a missing result compete."""

# --- random DAGs ------------------------------------------------------------------------------


class Author:
    """Writes a DAG by chance. Hypothesis draws only its size and seed: it would draw small ones.

    `confluent`: only what makes the end independent of the order of events.
    """

    def __init__(self, chance: Random, *, confluent: bool = False) -> None:
        self.chance = chance
        self.confluent = confluent
        self.rules = CONFLUENT if confluent else list(TriggerRule)
        self.tasks: list[TaskSpec] = [task("t0")]
        self.groups = self.some_groups()
        self.mapped = any(g.expansion is not None for g in self.groups)

    def write(self, size: int) -> SerializedDag:
        for n in range(1, size):
            self.tasks.append(self.some_task(f"t{n}"))
        return dag(*self.tasks, groups=self.groups)

    def some_groups(self) -> list[GroupSpec]:
        """A group, mapped or not; perhaps with another one of literal length inside."""
        shapes = ["none", "plain", "literal"] + ([] if self.confluent else ["xcom", "nested"] * 2)
        match self.chance.choice(shapes):
            case "none":
                return []
            case "plain":
                return [group("g")]
            case "literal":
                return [group("g", self.chance.randint(0, 3))]
            case "xcom":
                return [group("g", "t0"), group("g.plain", parent="g")]
        return [group("g", "t0"), group("g.h", self.chance.randint(1, 2), parent="g")]

    def some_task(self, task_id: str) -> TaskSpec:
        chance = self.chance
        earlier = [t.task_id for t in self.tasks]
        upstream = set(chance.choices(earlier, k=chance.choice([0, 1, 1, 2, 2, 3])))
        group_id = chance.choice([None, None, *(g.group_id for g in self.groups)])
        fields: dict[str, Any] = {
            "trigger_rule": chance.choice([TriggerRule.ALL_DONE, *self.rules, *self.rules]),
            "group_id": group_id,
            "retries": chance.choice([0, 0, 0, 1]),
            "is_empty": chance.random() < 0.2,
        }
        if group_id is not None and self.mapped and not self.confluent:
            upstream.add("t0")  # what the group is mapped over
        elif group_id is None and chance.random() < 0.25:
            sources = [self.some_source() for _ in range(chance.choice([1, 1, 2]))]
            fields["expansion"] = over(*sources)
            upstream |= set().union(*(named_in(source) for source in sources))
        kind = "work" if self.confluent else chance.choice(["work"] * 4 + ["setup", "teardown"])
        if kind == "setup":
            fields["is_setup"] = True
        elif kind == "teardown" and upstream:
            fields["is_teardown"] = True
            fields["trigger_rule"] = TriggerRule.ALL_DONE_SETUP_SUCCESS
            fields["on_failure_fail_dagrun"] = chance.random() < 0.5
        return task(task_id, *upstream, **fields)

    def some_source(self, depth: int = 0) -> LengthSource:
        chance = self.chance
        if depth == 0 and chance.random() < 0.3:
            parts = [self.some_source(1) for _ in range(2)]
            if chance.random() < 0.5:
                return ConcatLength(sources=parts)
            return ZipLength(sources=parts, longest=chance.random() < 0.5)
        producers = [t.task_id for t in self.tasks if t.group_id is None and not t.is_empty]
        if self.confluent or chance.random() < 0.3:
            return LiteralLength(length=chance.randint(0, 3))
        return XComLength(task_id=chance.choice(producers))


def named_in(source: LengthSource) -> set[str]:
    if isinstance(source, LiteralLength):
        return set()
    if isinstance(source, XComLength):
        return {source.task_id}
    return set().union(*(named_in(part) for part in source.sources))


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

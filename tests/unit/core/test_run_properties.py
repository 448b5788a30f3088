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


@st.composite
def sources(draw: st.DrawFn, producers: list[str]) -> LengthSource:
    plain = [st.builds(LiteralLength, length=st.integers(0, 3))]
    if producers:
        plain.append(st.builds(XComLength, task_id=st.sampled_from(producers)))
    one = st.one_of(plain)
    many = st.lists(one, min_size=1, max_size=2)
    return draw(
        st.one_of(
            one,
            st.builds(ZipLength, sources=many, longest=st.booleans()),
            st.builds(ConcatLength, sources=many),
        )
    )


def named_in(source: LengthSource) -> set[str]:
    if isinstance(source, LiteralLength):
        return set()
    if isinstance(source, XComLength):
        return {source.task_id}
    return set().union(*(named_in(part) for part in source.sources))


@st.composite
def dags(draw: st.DrawFn, *, confluent: bool = False) -> SerializedDag:
    """Up to nine tasks, some in a mapped group, perhaps with another one inside.

    `confluent`: only what makes the end independent of the order of events.
    """
    rules = CONFLUENT if confluent else list(TriggerRule)
    groups, group_producers = draw(groups_over(None if confluent else "t0"))
    group_ids = [None, None, *(g.group_id for g in groups)]
    mapped_ids = {g.group_id for g in groups if g.expansion is not None}
    tasks: list[TaskSpec] = [task("t0")]
    for n in range(1, draw(st.integers(2, 9))):
        group_id = draw(st.sampled_from(group_ids))
        fields: dict[str, Any] = {
            "trigger_rule": draw(st.sampled_from(rules)),
            "group_id": group_id,
            "retries": draw(st.sampled_from([0, 0, 0, 1])),
            "is_empty": draw(st.sampled_from([False, False, False, True])),
        }
        upstream = set(draw(st.lists(st.sampled_from([t.task_id for t in tasks]), max_size=3)))
        if group_id is not None and mapped_ids:
            upstream |= group_producers
        elif draw(st.integers(0, 3)) == 0:
            outside = [t.task_id for t in tasks if t.group_id is None and not t.is_empty]
            outside = [] if confluent else outside
            found = draw(st.lists(sources(outside), min_size=1, max_size=2))
            fields["expansion"] = over(*found)
            upstream |= set().union(*(named_in(source) for source in found))
        kind = draw(st.sampled_from(["work", "work", "work", "setup", "teardown"]))
        if not confluent and kind == "setup":
            fields["is_setup"] = True
        elif not confluent and kind == "teardown" and upstream:
            fields["is_teardown"] = True
            fields["trigger_rule"] = TriggerRule.ALL_DONE_SETUP_SUCCESS
            fields["on_failure_fail_dagrun"] = draw(st.booleans())
        tasks.append(task(f"t{n}", *upstream, **fields))
    return dag(*tasks, groups=groups)


@st.composite
def groups_over(draw: st.DrawFn, producer: str | None) -> tuple[list[GroupSpec], set[str]]:
    shape = draw(st.sampled_from(["none", "plain", "literal", "xcom", "nested"]))
    if shape == "none":
        return [], set()
    if shape == "plain":
        return [group("g")], set()
    if shape == "literal" or producer is None:
        return [group("g", draw(st.integers(0, 3)))], set()
    if shape == "xcom":
        return [group("g", producer), group("g.plain", parent="g")], {producer}
    return [group("g", producer), group("g.h", draw(st.integers(1, 2)), parent="g")], {producer}


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
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
CHANCE = st.integers(0, 2**32).map(Random)


@QUICK
@given(dags(), CHANCE)
def test_run_agrees_with_the_reference_at_each_step(
    document: SerializedDag, chance: Random
) -> None:
    play(Both(document), chance, clears=2)


@QUICK
@given(dags(confluent=True), CHANCE)
def test_order_of_events_does_not_change_the_end(document: SerializedDag, chance: Random) -> None:
    kinds: dict[tuple[str, int], tuple[str, int]] = {}
    first = play_in_some_order(document, chance, kinds)
    assert play_in_some_order(document, chance, kinds) == first

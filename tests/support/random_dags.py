"""DAGs written by chance: all trigger rules, groups, mapping, setups and teardowns."""

from random import Random
from typing import Any

from support.worlds import dag, group, over, task
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
from tradewind.core.states import TriggerRule

CONFLUENT = [rule for rule in TriggerRule if rule is not TriggerRule.ALL_SUCCESS]
"""Rules whose verdict cannot depend on which upstream ends first. That of a task mapped over
results can under any rule: a failed, a skipped and a missing result compete."""


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

"""Record what Apache Airflow decides for random DAGs: facts for test_recorded_decisions.py.

Run it with a Python that has Apache Airflow 3.3 and a database of its own:

    export AIRFLOW_HOME=$(mktemp -d) && airflow db migrate
    python tests/tools/record_scheduling_facts.py 700 tests/unit/core/facts/scheduling.json.xz

No task runs. Airflow's own `DagRun.update_state` and `schedule_tis` judge a run until nothing
moves; then one scheduled instance gets an outcome, and so on; in between tasks are cleared.
"""

import json
import logging
import lzma
import os
import random
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from airflow import settings  # noqa: E402
from airflow.models.dagbundle import DagBundleModel  # noqa: E402
from airflow.models.serialized_dag import SerializedDagModel  # noqa: E402
from airflow.models.taskinstance import TaskInstance, clear_task_instances  # noqa: E402
from airflow.models.taskmap import TaskMap  # noqa: E402
from airflow.models.xcom import XComModel  # noqa: E402
from airflow.providers.standard.operators.empty import EmptyOperator  # noqa: E402
from airflow.sdk import DAG, BaseOperator, task_group  # noqa: E402
from airflow.sdk.definitions.mappedoperator import MappedOperator  # noqa: E402
from airflow.sdk.definitions.taskgroup import MappedTaskGroup  # noqa: E402
from airflow.sdk.definitions.xcom_arg import (  # noqa: E402
    ConcatXComArg,
    PlainXComArg,
    ZipXComArg,
)
from airflow.serialization.definitions.dag import SerializedDAG  # noqa: E402
from airflow.serialization.serialized_objects import (  # noqa: E402
    DagSerialization,
    LazyDeserializedDAG,
)
from airflow.ti_deps.deps.mapped_task_upstream_dep import MappedTaskUpstreamDep  # noqa: E402
from airflow.ti_deps.deps.not_in_retry_period_dep import NotInRetryPeriodDep  # noqa: E402
from airflow.ti_deps.deps.not_previously_skipped_dep import (  # noqa: E402
    NotPreviouslySkippedDep,
)
from airflow.ti_deps.deps.prev_dagrun_dep import PrevDagrunDep  # noqa: E402
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep  # noqa: E402
from airflow.utils.state import DagRunState, TaskInstanceState  # noqa: E402
from airflow.utils.types import DagRunTriggeredByType, DagRunType  # noqa: E402
from sqlalchemy import delete, select  # noqa: E402

AT = datetime(2026, 1, 1, tzinfo=UTC)
RULES = [
    "all_success",
    "all_failed",
    "all_done",
    "all_done_min_one_success",
    "all_done_setup_success",
    "all_skipped",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
]
PROFILES = {
    "plain": set(),
    "mapped": {"mapped"},
    "group": {"group"},
    "setup": {"setup"},
    "branch": {"branch"},
    "guarded group": {"group", "setup"},
    "everything": {"mapped", "group", "setup", "branch"},
}

ACCIDENTS = {308, 383, 532, 697}
"""DAGs for which Airflow's answer hangs on the moment: one dependency reads the database, with what
was decided an instant ago in it, and the others do not; and what a branch decided before a clear
still counts until the branch has really started again."""

# In which order an instance's dependencies are judged is an accident of hashing. It is fixed here,
# so that what is recorded is one of the answers that Airflow can give, and always the same one.
for number, dependency in enumerate(
    [
        NotInRetryPeriodDep,
        PrevDagrunDep,
        TriggerRuleDep,
        MappedTaskUpstreamDep,
        NotPreviouslySkippedDep,
    ]
):
    dependency.__hash__ = lambda self, number=number: number


class Op(BaseOperator):
    template_fields = ("arg", "other")

    def __init__(self, arg: Any = None, other: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arg, self.other = arg, other


class Branch(Op):
    _can_skip_downstream = True


# --- a random DAG ------------------------------------------------------------------------------


class Author:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.traits = PROFILES[rng.choice(list(PROFILES))]
        self.ops: list[Any] = []
        self.count = 0
        self.grouped = False

    def write(self, dag_id: str) -> DAG:
        wanted = self.rng.randint(3, 8)
        with DAG(dag_id, schedule=None) as dag:
            while len(self.ops) < wanted:
                chance = self.rng.random()
                if "group" in self.traits and not self.grouped and self.ops and chance < 0.5:
                    self.group()
                elif "setup" in self.traits and chance < 0.6:
                    self.guarded_work()
                else:
                    self.ops.append(self.op(self.ops))
        return dag

    def task_id(self, letter: str = "t") -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def rule(self) -> str:
        rules = RULES[:-1] if self.grouped else RULES  # groups do not allow "always"
        return "all_success" if self.rng.random() < 0.4 else self.rng.choice(rules)

    def producers(self) -> list[Any]:
        return [op for op in self.ops if isinstance(op, Op) and op.task_group.group_id is None]

    def argument(self) -> Any:
        found = self.producers() + [op for op in self.ops if isinstance(op, MappedOperator)]
        if not found or self.rng.random() < 0.35:
            return list(range(self.rng.randint(0, 3)))
        value, other = self.rng.choice(found).output, self.rng.choice(found).output
        return self.rng.choice([value] * 8 + [value.zip(other), value.concat(other)])

    def op(self, earlier: list[Any]) -> Any:
        chance, task_id, rule = self.rng.random(), self.task_id(), self.rule()
        if "mapped" in self.traits and chance < 0.4:
            over = {"arg": self.argument()}
            if self.rng.random() < 0.25:
                over["other"] = self.argument()
            op = Op.partial(task_id=task_id, trigger_rule=rule).expand(**over)
        elif "branch" in self.traits and chance < 0.6:
            op = Branch(task_id=task_id, trigger_rule=rule)
        else:
            op = (EmptyOperator if chance > 0.85 else Op)(task_id=task_id, trigger_rule=rule)
        self.connect(earlier, op, 0.35)
        return op

    def connect(self, earlier: list[Any], op: Any, probability: float) -> None:
        for other in earlier:
            if self.rng.random() < probability and op.task_id not in other.downstream_task_ids:
                other >> op

    def guarded_work(self) -> None:
        setup = Op(task_id=self.task_id("s")).as_setup()
        self.connect(self.ops, setup, 0.2)
        work: list[Any] = []
        for _ in range(self.rng.randint(1, 3)):
            op = self.op(work)
            if not work or self.rng.random() < 0.8:
                setup >> op
            work.append(op)
        if self.rng.random() < 0.8:
            teardown = Op(task_id=self.task_id("d")).as_teardown(
                setups=setup if self.rng.random() < 0.9 else None,
                on_failure_fail_dagrun=self.rng.random() < 0.3,
            )
            self.connect(work, teardown, 0.7)
            if not teardown.upstream_task_ids:
                work[-1] >> teardown
        self.ops += work

    def group(self) -> None:
        self.grouped = True
        producers = self.producers()
        literal = not producers or self.rng.random() < 0.3
        over = list(range(self.rng.randint(0, 3))) if literal else self.rng.choice(producers).output
        members: list[Any] = []

        @task_group(group_id="g")
        def members_of_group(value: Any) -> None:
            for _ in range(self.rng.randint(1, 4)):
                op = self.rng.choice([Op] * 6 + [EmptyOperator])(
                    task_id=self.task_id(), trigger_rule=self.rule()
                )
                if isinstance(op, Op):
                    op.arg = value
                    op._set_xcomargs_dependency("arg", value)
                self.connect(members, op, 0.5)
                self.connect(self.ops, op, 0.12)
                members.append(op)
            if "setup" in self.traits and self.rng.random() < 0.7:
                setup = Op(task_id=self.task_id("s")).as_setup()
                teardown = Op(task_id=self.task_id("d")).as_teardown(setups=setup)
                setup >> members[0]
                members[-1] >> teardown

        members_of_group.expand(value=over)
        self.ops += members


# --- as a document -------------------------------------------------------------------------------


def source(value: Any) -> dict[str, Any]:
    if isinstance(value, PlainXComArg):
        return {"type": "xcom", "task_id": value.operator.task_id}
    if isinstance(value, ZipXComArg | ConcatXComArg):
        kind = "zip" if isinstance(value, ZipXComArg) else "concat"
        return {"type": kind, "sources": [source(arg) for arg in value.args]}
    return {"type": "literal", "length": len(value)}


def expansion(given: Any) -> dict[str, Any]:
    return {"arguments": [{"name": k, "source": source(v)} for k, v in given.value.items()]}


def tasks_in(found: dict[str, Any]) -> list[str]:
    if found["type"] == "xcom":
        return [found["task_id"]]
    return [task_id for part in found.get("sources", ()) for task_id in tasks_in(part)]


def document(dag: DAG) -> dict[str, Any]:
    groups = [
        {"group_id": g.group_id, "label": g.group_id, "expansion": expansion(g._expand_input)}
        for g in dag.task_group.children.values()
        if isinstance(g, MappedTaskGroup)
    ]
    tasks = []
    for op in dag.topological_sort():
        task = {
            "task_id": op.task_id,
            "label": op.task_id,
            "operator": op.task_type,
            "upstream": sorted(op.upstream_task_ids),
            "trigger_rule": str(getattr(op.trigger_rule, "value", op.trigger_rule)),
        }
        if op.task_group.group_id:
            task["group_id"] = op.task_group.group_id
        for flag in ("is_setup", "is_teardown", "on_failure_fail_dagrun"):
            if getattr(op, flag):
                task[flag] = True
        if isinstance(op, MappedOperator):
            task["expansion"] = expansion(op._get_specified_expand_input())
        if op.task_type == "EmptyOperator":
            task["is_empty"] = True
        tasks.append(task)
    schedule = {"type": "null"}
    return {
        "schema": 1,
        "dag_id": "d",
        "file": "x",
        "timetable": schedule,
        "tasks": tasks,
        "groups": groups,
    }


# --- playing it -----------------------------------------------------------------------------


class Play:
    """One run of one DAG in Airflow's database."""

    def __init__(self, rng: random.Random, dag: DAG, session: Any) -> None:
        self.rng, self.session, self.dag_id = rng, session, dag.dag_id
        self.document = document(dag)
        lazy = LazyDeserializedDAG.from_dag(dag)
        SerializedDAG.bulk_write_to_db("b", None, [lazy], session=session)
        session.flush()
        SerializedDagModel.write_dag(lazy, "b", session=session)
        session.flush()
        self.dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        for op in self.dag.task_dict.values():
            op.deps = frozenset(sorted(op.deps, key=hash))
        self.run = self.dag.create_dagrun(
            run_id="r",
            logical_date=AT,
            data_interval=(AT, AT),
            run_after=AT,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            start_date=AT,
            session=session,
        )
        self.run.dag = self.dag
        session.flush()
        nodes = self.document["tasks"] + self.document["groups"]
        self.mapped_over = {
            task_id
            for node in nodes
            if "expansion" in node
            for argument in node["expansion"]["arguments"]
            for task_id in tasks_in(argument["source"])
        }
        self.bias = rng.choice([0.5, 0.7, 0.85])
        self.events: list[list[Any]] = []

    def play(self) -> dict[str, Any]:
        clears = self.rng.choice([0, 1, 2, 3])
        while True:
            self.settle()
            ready = self.instances(TaskInstance.state == TaskInstanceState.SCHEDULED)
            if ready:
                self.finish(self.rng.choice(ready))
                continue
            self.events.append(["settled", str(self.run.state), self.states()])
            if not clears:
                return {"dag": self.document, "events": self.events}
            clears -= 1
            self.clear()

    def instances(self, *conditions: Any) -> list[Any]:
        mine = (TaskInstance.run_id == "r", TaskInstance.dag_id == self.dag_id)
        query = select(TaskInstance).where(*mine, *conditions)
        return self.session.scalars(
            query.order_by(TaskInstance.task_id, TaskInstance.map_index)
        ).all()

    def states(self) -> list[list[Any]]:
        return [
            [ti.task_id, ti.map_index, str(ti.state or "none"), ti.try_number]
            for ti in self.instances()
        ]

    def refresh(self) -> None:
        self.session.flush()
        self.session.expire_all()
        self.run.dag = self.dag

    def settle(self) -> None:
        while True:
            before = self.states()
            scheduled, _ = self.run.update_state(session=self.session, execute_callbacks=False)
            self.run.schedule_tis(scheduled, session=self.session)
            self.refresh()
            if not scheduled and self.states() == before:
                return

    def finish(self, ti: Any) -> None:
        chance = self.rng.random()
        failing = self.bias + (1 - self.bias) * 0.55
        outcome = "success" if chance < self.bias else "failed" if chance < failing else "skipped"
        key = {"dag_id": self.dag_id, "run_id": "r", "task_id": ti.task_id}
        self.session.execute(delete(XComModel).filter_by(**key, map_index=ti.map_index))
        length, skip = None, []
        if outcome == "success":
            length, skip = self.push_length(ti, key), self.push_branch(ti, key)
        self.events.append([ti.task_id, ti.map_index, outcome, length, skip])
        ti.state, ti.end_date = TaskInstanceState(outcome), AT
        self.refresh()

    def push_length(self, ti: Any, key: dict[str, str]) -> int | None:
        if ti.task_id not in self.mapped_over:
            return None
        length: int | None
        if ti.map_index < 0:
            length = self.rng.choice([0, 1, 2, 2, 3])
            self.session.execute(delete(TaskMap).filter_by(**key))
            self.session.add(TaskMap(**key, map_index=-1, length=length, keys=None))
        else:
            length = 1 if self.rng.random() < 0.8 else None
        if length is not None:
            self.push(ti, key, "return_value", [0] * length)
        return length

    def push_branch(self, ti: Any, key: dict[str, str]) -> list[str]:
        """As a branch does, and as the API then does with what it did not follow."""
        task = next(t for t in self.document["tasks"] if t["task_id"] == ti.task_id)
        if task["operator"] != "Branch" or ti.map_index >= 0 or "group_id" in task:
            return []
        children = [t["task_id"] for t in self.document["tasks"] if ti.task_id in t["upstream"]]
        skip = [child for child in children if self.rng.random() < 0.4]
        if skip:
            self.push(ti, key, "skipmixin_key", {"skipped": skip})
        decided = (TaskInstanceState.SUCCESS, TaskInstanceState.FAILED)
        for other in self.instances(TaskInstance.task_id.in_(skip), TaskInstance.map_index == -1):
            if other.state not in decided:
                other.state = TaskInstanceState.SKIPPED
        return skip

    def push(self, ti: Any, key: dict[str, str], name: str, value: Any) -> None:
        XComModel.set(key=name, value=value, map_index=ti.map_index, session=self.session, **key)

    def clear(self) -> None:
        ids = [task["task_id"] for task in self.document["tasks"]]
        chosen = self.rng.sample(ids, min(len(ids), self.rng.randint(1, 2)))
        down, up = self.rng.random() < 0.6, self.rng.random() < 0.2
        subset = self.dag.partial_subset(
            task_ids=set(chosen), include_downstream=down, include_upstream=up
        )
        instances = self.instances(TaskInstance.task_id.in_(subset.task_ids))
        concerned = sorted([ti.task_id, ti.map_index] for ti in instances)
        self.events.append(["clear", chosen, down, up, concerned])
        clear_task_instances(list(instances), self.session, dag_run_state=DagRunState.QUEUED)
        self.refresh()
        self.run.state, self.run.start_date = DagRunState.RUNNING, AT
        self.session.flush()


def main(count: int, target: Path) -> None:
    session = settings.Session()
    session.merge(DagBundleModel(name="b"))
    session.commit()
    facts = []
    for number in sorted(set(range(count)) - ACCIDENTS):
        rng = random.Random(number)
        facts.append(Play(rng, Author(rng).write(f"dag{number}"), session).play())
        session.commit()
    text = json.dumps(facts, separators=(",", ":")).encode()
    target.write_bytes(lzma.compress(text, preset=9))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

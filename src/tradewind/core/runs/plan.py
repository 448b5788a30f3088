"""`DagPlan`: a serialized DAG with the indexes that scheduling needs, built once for a version."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from tradewind.core.dag import (
    Expansion,
    SerializedDag,
    TaskSpec,
)
from tradewind.core.references import check_references, xcom_sources
from tradewind.core.runs.setup_teardown import guarding_setups, reachable, teardown_scope


class Relation(IntEnum):
    """Why a task watches another one."""

    UPSTREAM = 0  # direct upstream: the trigger rule
    SETUP = 1  # a setup further up that guards it
    SCOPE = 2  # the watcher is a teardown, and this lies between its setup and it


@dataclass(frozen=True, slots=True)
class Watcher:
    """`task_id` watches. With `group`, instance by instance inside that mapped group."""

    task_id: str
    relation: Relation
    group: str | None


@dataclass(frozen=True, slots=True)
class Watched:
    """What a task watches in one relation.

    With `by_rows` the existing instances are counted (something in it is mapped), else the tasks,
    those included that have no instance in this run.
    """

    task_ids: tuple[str, ...]
    by_rows: bool
    setups: int  # how many of them are setups


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task's place in the DAG.

    `mapped_groups`: ids of the mapped groups around it, innermost first. `expansions`: all that
    multiplies its instances, outermost first, by group or task id. `producers`: tasks whose failure
    or skip ends it before it is expanded. `produces_for`: tasks whose lengths its result decides.
    `guards`: the setups that must succeed before it may run.
    """

    spec: TaskSpec
    position: int
    downstream: tuple[str, ...]
    mapped_groups: tuple[str, ...]
    expansions: tuple[str, ...]
    producers: tuple[str, ...]
    produces_for: tuple[str, ...]
    guards: tuple[str, ...]
    watched: tuple[Watched, Watched, Watched]  # by Relation
    watchers: tuple[Watcher, ...]
    is_leaf: bool

    @property
    def is_expanded(self) -> bool:
        """Mapped itself or inside a mapped group."""
        return bool(self.expansions)


class DagPlan:
    """Immutable; safe to share between runs of the same version.

    `tasks` is in topological order. `executors`: those that tasks choose by name. `expansion`: what
    each mapped task or group is mapped over. `past_task_ids`: the tasks whose states
    `instances.Past` must hold.
    """

    def __init__(self, dag: SerializedDag) -> None:
        check_references(dag)
        self.dag = dag
        self.executors = frozenset(spec.executor for spec in dag.tasks if spec.executor)
        specs = {spec.task_id: spec for spec in dag.tasks}
        self.upstream = {task_id: tuple(spec.upstream) for task_id, spec in specs.items()}
        downstream: dict[str, list[str]] = {task_id: [] for task_id in specs}
        for spec in dag.tasks:
            for parent in spec.upstream:
                downstream[parent].append(spec.task_id)
        self.downstream = {task_id: tuple(children) for task_id, children in downstream.items()}
        self.expansion: dict[str, Expansion] = {
            group.group_id: group.expansion for group in dag.groups if group.expansion is not None
        } | {spec.task_id: spec.expansion for spec in dag.tasks if spec.expansion is not None}
        self.tasks = _Builder(self, specs).build()
        self.past_task_ids = frozenset(
            task_id
            for spec in dag.tasks
            for task_id in _past_needs(spec, self.downstream[spec.task_id])
        )

    def descendants(self, task_ids: Iterable[str]) -> set[str]:
        """All tasks after these; one of these too when it is after another one."""
        return reachable(task_ids, self.downstream)

    def ancestors(self, task_ids: Iterable[str]) -> set[str]:
        """All tasks before these; one of these too when it is before another one."""
        return reachable(task_ids, self.upstream)

    def teardowns_of(self, setup_id: str) -> list[str]:
        """The teardowns of a setup: those directly after it."""
        return [t for t in self.downstream[setup_id] if self.tasks[t].spec.is_teardown]

    def further_expansions(self, task_id: str, group_id: str) -> tuple[str, ...]:
        """What multiplies the task's instances inside the mapped group, outermost first."""
        expansions = self.tasks[task_id].expansions
        return expansions[expansions.index(group_id) + 1 :]

    def common_group(self, task_id: str, other_id: str) -> str | None:
        """The innermost mapped group that holds both tasks."""
        around_other = self.tasks[other_id].mapped_groups
        return next((g for g in self.tasks[task_id].mapped_groups if g in around_other), None)


def plan(dag: SerializedDag) -> DagPlan:
    """Work out the indexes of a DAG version. Raises `InvalidDag` for a damaged document."""
    return DagPlan(dag)


def _producers(expansion: Expansion) -> tuple[str, ...]:
    found = (t for argument in expansion.arguments for t in xcom_sources(argument.source))
    return tuple(dict.fromkeys(found))


def _past_needs(spec: TaskSpec, downstream: tuple[str, ...]) -> tuple[str, ...]:
    if spec.wait_for_downstream:
        return (spec.task_id, *downstream)
    return (spec.task_id,) if spec.depends_on_past else ()


class _Builder:
    """Puts the `TaskPlan`s of a DAG together."""

    def __init__(self, dag_plan: DagPlan, specs: dict[str, TaskSpec]) -> None:
        self.plan = dag_plan
        self.specs = specs
        self.mapped_groups = self._mapped_groups()
        self.expansions = {
            task_id: (
                *reversed(self.mapped_groups[task_id]),
                *((task_id,) if spec.expansion is not None else ()),
            )
            for task_id, spec in specs.items()
        }

    def build(self) -> dict[str, TaskPlan]:
        guards = guarding_setups(self.specs, self.plan.upstream, self.plan.downstream)
        watched = self._watched(guards)
        produces_for = self._produces_for()
        watchers = self._watchers(watched)
        leaves = self._leaves()
        return {
            task_id: TaskPlan(
                spec=spec,
                position=position,
                downstream=self.plan.downstream[task_id],
                mapped_groups=self.mapped_groups[task_id],
                expansions=self.expansions[task_id],
                producers=self._producers_of(task_id),
                produces_for=tuple(produces_for.get(task_id, ())),
                guards=tuple(guards.get(task_id, ())),
                watched=watched[task_id],
                watchers=tuple(watchers[task_id]),
                is_leaf=task_id in leaves,
            )
            for position, (task_id, spec) in enumerate(self.specs.items())
        }

    def _mapped_groups(self) -> dict[str, tuple[str, ...]]:
        around: dict[str | None, tuple[str, ...]] = {None: ()}
        for group in self.plan.dag.groups:  # parents come first
            outer = around[group.parent]
            around[group.group_id] = (group.group_id, *outer) if group.expansion else outer
        return {task_id: around[spec.group_id] for task_id, spec in self.specs.items()}

    def _producers_of(self, task_id: str) -> tuple[str, ...]:
        """A mapped task's own producers, else those of the closest mapped group around it."""
        own = self.specs[task_id].expansion
        if own is not None:
            return _producers(own)
        groups = self.mapped_groups[task_id]
        return _producers(self.plan.expansion[groups[0]]) if groups else ()

    def _produces_for(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for task_id, expansions in self.expansions.items():
            for producer in {p for e in expansions for p in _producers(self.plan.expansion[e])}:
                found.setdefault(producer, []).append(task_id)
        return found

    def _watched(self, guards: dict[str, list[str]]) -> dict[str, tuple[Watched, Watched, Watched]]:
        upstream, downstream = self.plan.upstream, self.plan.downstream
        return {
            task_id: (
                self._watched_tasks(upstream[task_id]),
                self._watched_tasks(
                    setup for setup in guards.get(task_id, ()) if setup not in upstream[task_id]
                ),
                self._watched_tasks(
                    sorted(teardown_scope(task_id, self.specs, upstream, downstream))
                    if spec.is_teardown
                    else ()
                ),
            )
            for task_id, spec in self.specs.items()
        }

    def _watched_tasks(self, task_ids: Iterable[str]) -> Watched:
        ids = tuple(task_ids)
        return Watched(
            task_ids=ids,
            by_rows=any(self.expansions[t] for t in ids),
            setups=sum(self.specs[t].is_setup for t in ids),
        )

    def _watchers(
        self, watched: dict[str, tuple[Watched, Watched, Watched]]
    ) -> dict[str, list[Watcher]]:
        watchers: dict[str, list[Watcher]] = {task_id: [] for task_id in self.specs}
        for task_id, relations in watched.items():
            groups = self.mapped_groups[task_id]
            for relation, sources in zip(Relation, relations, strict=True):
                for source in sources.task_ids:
                    around = self.mapped_groups[source]
                    group = next((g for g in groups if g in around), None)
                    watchers[source].append(Watcher(task_id, relation, group))
        return watchers

    def _leaves(self) -> set[str]:
        """Tasks that decide the run's state; all ends, if there are only ignorable teardowns."""

        def ignorable(task_id: str) -> bool:
            spec = self.specs[task_id]
            return spec.is_teardown and not spec.on_failure_fail_dagrun

        downstream = self.plan.downstream
        leaves = {
            task_id
            for task_id in self.specs
            if not ignorable(task_id) and all(ignorable(child) for child in downstream[task_id])
        }
        return leaves or {task_id for task_id in self.specs if not downstream[task_id]}

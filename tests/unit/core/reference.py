"""A second model of scheduling, slow and plain: it recomputes everything from scratch at each step.

Written from Airflow's documented rules, apart from the real one: it shares with it only the
vocabulary of a serialized DAG. It knows no counters and no indexes; to judge an instance it looks
at all instances of the run.
"""

from dataclasses import dataclass, field
from itertools import product

from tradewind.core.dag import ConcatLength, LiteralLength, SerializedDag, TaskSpec, XComLength

DONE = {"success", "failed", "skipped", "upstream_failed", "removed"}
ANY_UPSTREAM_DECIDES = {"one_success", "one_failed", "one_done", "none_failed_min_one_success"}


@dataclass(eq=False)
class Instance:
    """`place`: its index in each expansion around it, outermost first; empty when not expanded."""

    task: TaskSpec
    place: tuple[int, ...] = ()
    state: str = "none"
    tries: int = 0
    max_tries: int = 0
    result: int | None = None
    not_followed: list[str] = field(default_factory=list)
    losses: int = 0  # attempts of this try that the infrastructure lost
    waits: bool = False  # up for retry or reschedule, and not due yet


class Reference:
    """One run. Feed it events, then `settle`; compare `states`."""

    def __init__(self, dag: SerializedDag) -> None:
        self.dag = dag
        self.tasks = {task.task_id: task for task in dag.tasks}
        self.groups = {group.group_id: group for group in dag.groups}
        self.run_state = "running"
        self.instances: list[Instance] = []
        for task in dag.tasks:
            for place in self.places(task) or [()]:
                self.instances.append(Instance(task, place, max_tries=task.retries))

    # --- the DAG -----------------------------------------------------------------------------

    def before(self, task: TaskSpec) -> set[str]:
        return set(task.upstream).union(*(self.before(self.tasks[u]) for u in task.upstream))

    def after(self, task: TaskSpec) -> set[str]:
        return {t.task_id for t in self.dag.tasks if task.task_id in self.before(t)}

    def mapped_groups(self, task: TaskSpec) -> list[str]:
        """Outermost first."""
        found, group_id = [], task.group_id
        while group_id is not None:
            group = self.groups[group_id]
            if group.expansion is not None:
                found.insert(0, group_id)
            group_id = group.parent
        return found

    def expansions(self, task: TaskSpec) -> list:
        own = [task.expansion] if task.expansion is not None else []
        return [self.groups[g].expansion for g in self.mapped_groups(task)] + own

    def producers(self, task: TaskSpec) -> set[str]:
        groups = self.mapped_groups(task)
        expansion = task.expansion or (self.groups[groups[-1]].expansion if groups else None)
        return (
            set()
            if expansion is None
            else {p for argument in expansion.arguments for p in self.xcoms(argument.source)}
        )

    def xcoms(self, source) -> set[str]:
        if isinstance(source, LiteralLength):
            return set()
        if isinstance(source, XComLength):
            return {source.task_id}
        return {p for part in source.sources for p in self.xcoms(part)}

    # --- lengths -----------------------------------------------------------------------------

    def of(self, task_id: str) -> list[Instance]:
        return [i for i in self.instances if i.task.task_id == task_id]

    def length(self, source) -> int | None:
        if isinstance(source, LiteralLength):
            return source.length
        if isinstance(source, XComLength):
            producer = self.of(source.task_id)
            if not self.expansions(self.tasks[source.task_id]):
                return producer[0].result if producer else None
            if any(i.state not in DONE for i in producer):
                return None
            return sum(i.result is not None for i in producer if i.place)
        parts = [self.length(part) for part in source.sources]
        if None in parts:
            return None
        if isinstance(source, ConcatLength):
            return sum(parts)
        return max(parts) if source.longest else min(parts)

    def places(self, task: TaskSpec) -> list[tuple[int, ...]] | None:
        """All places that the task is to have instances at; None: not known, or not mapped."""
        ranges = []
        for expansion in self.expansions(task):
            for_arguments = [self.length(argument.source) for argument in expansion.arguments]
            if None in for_arguments:
                return None
            total = 1
            for length in for_arguments:
                total *= length
            ranges.append(range(total))
        return list(product(*ranges)) if ranges else None

    # --- judging -----------------------------------------------------------------------------

    def concerned(self, instance: Instance, task_ids: set[str]) -> list[Instance]:
        """The instances of those tasks that this one looks at."""
        task = instance.task
        groups = self.mapped_groups(task)
        broad = not instance.place and (
            task.trigger_rule in ANY_UPSTREAM_DECIDES or not self.places(task)
        )
        found = []
        for other in (i for i in self.instances if i.task.task_id in task_ids):
            theirs = self.mapped_groups(other.task)
            shared = sum(1 for mine, their in zip(groups, theirs, strict=False) if mine == their)
            elsewhere = not instance.place or instance.place[:shared] != other.place[:shared]
            if not (shared and other.place and elsewhere and not broad):
                found.append(other)
        return found

    def missing(self, task_ids: set[str]) -> int:
        """Tasks without any instance still count, unless something among them is mapped."""
        if any(self.expansions(self.tasks[t]) for t in task_ids):
            return 0
        return sum(not self.of(t) for t in task_ids)

    def index(self, instance: Instance) -> int:
        return next(n for n, i in self.numbered(instance.task.task_id) if i is instance)

    def judge(self, instance: Instance) -> str:
        """Say "run", "wait" or the state in which it ends."""
        if self.skipped_by_branch(instance):
            return "skipped"
        verdicts = [self.by_upstreams(instance), self.by_producers(instance.task)]
        for end in ("upstream_failed", "skipped", "removed", "wait"):
            if end in verdicts:
                return end
        return "run"

    def skipped_by_branch(self, instance: Instance) -> bool:
        me = instance.task.task_id
        for parent in self.concerned(instance, set(instance.task.upstream)):
            followed = me not in parent.not_followed or not self.belongs(parent, instance)
            if parent.state in DONE and not followed:
                return True
        return False

    def by_producers(self, task: TaskSpec) -> str:
        ended = {
            i.state
            for p in self.producers(task)
            for i in self.of(p)
            if not i.place and i.state in DONE - {"success"}
        }
        if ended & {"failed", "upstream_failed"}:
            return "upstream_failed"
        if "skipped" in ended:
            return "skipped"
        return "wait" if ended else "run"

    def by_upstreams(self, instance: Instance) -> str:
        task = instance.task
        if not task.upstream or task.trigger_rule == "always":
            return "run"
        if not task.is_teardown:
            verdict = self.by_setups(instance)
            if verdict not in ("run", "wait"):
                return verdict
            rule = self.by_rule(instance)
            return verdict if rule == "run" else rule
        rule = self.by_rule(instance)
        if rule != "run":
            return rule
        setups = [self.tasks[u] for u in task.upstream if self.tasks[u].is_setup]
        scope = (self.before(task) - set(task.upstream)) & set().union(
            *(self.after(setup) for setup in setups)
        )
        seen = self.concerned(instance, scope)
        done = all(i.state in DONE for i in seen) and not self.missing(scope)
        return "run" if done else "wait"

    def by_setups(self, instance: Instance) -> str:
        task = instance.task
        needed = set()
        for task_id in self.before(task) - set(task.upstream):
            setup = self.tasks[task_id]
            teardowns = {
                t.task_id for t in self.dag.tasks if t.is_teardown and task_id in t.upstream
            }
            if setup.is_setup and (not teardowns or teardowns & self.after(task)):
                needed.add(task_id)
        return self.all_success(instance, needed)

    def by_rule(self, instance: Instance) -> str:  # noqa: C901  thirteen rules, one after another
        rule, upstream = str(instance.task.trigger_rule), set(instance.task.upstream)
        if rule == "all_success":
            return self.all_success(instance, upstream)
        seen = self.concerned(instance, upstream)
        states = [i.state for i in seen]
        has = states.count
        failures = has("failed") + has("upstream_failed")
        done = all(s in DONE for s in states) and not self.missing(upstream)

        def when_done(verdict: str) -> str:
            return verdict if done else "wait"

        match rule:
            case "all_failed":
                return "skipped" if has("success") or has("skipped") else when_done("run")
            case "all_done":
                return when_done("run")
            case "all_done_min_one_success":
                if has("skipped"):
                    return "skipped"
                return when_done("run" if has("success") else "upstream_failed")
            case "all_done_setup_success":
                setups = [i.state for i in seen if i.task.is_setup]
                if not setups or "success" in setups:
                    return when_done("run")
                every = all(s == "skipped" for s in setups)
                return when_done("skipped" if every else "upstream_failed")
            case "all_skipped":
                if has("success") or failures:
                    return "skipped"
                return "wait" if has("removed") else when_done("run")
            case "one_success":
                if has("success"):
                    return "run"
                every = all(s == "skipped" for s in states)
                return when_done("skipped" if every else "upstream_failed")
            case "one_failed":
                return "run" if failures else when_done("skipped")
            case "one_done":
                return "run" if has("success") or has("failed") else when_done("skipped")
            case "none_failed":
                return "upstream_failed" if failures else when_done("run")
            case "none_failed_min_one_success":
                if failures:
                    return "upstream_failed"
                if has("success"):
                    return when_done("run")
                every = all(s == "skipped" for s in states)
                return when_done("skipped" if every else "upstream_failed")
            case "none_skipped":
                return "skipped" if has("skipped") else when_done("run")
        raise AssertionError(rule)

    def all_success(self, instance: Instance, task_ids: set[str]) -> str:
        states = [i.state for i in self.concerned(instance, task_ids)]
        if "failed" in states or "upstream_failed" in states:
            return "upstream_failed"
        if "skipped" in states:
            return "skipped"
        succeeded = states.count("success")
        if (
            "removed" in states
            and succeeded
            and instance.place
            and self.index(instance) >= succeeded
        ):
            return "removed"
        allowed = {"success", "removed"} if instance.place else {"success"}
        if task_ids == set(instance.task.upstream):
            allowed = {"success", "removed"}
        done = all(s in allowed for s in states) and not self.missing(task_ids)
        return "run" if done else "wait"

    # --- moving ------------------------------------------------------------------------------

    def settle(self) -> None:
        """Rounds of judging all that may start, each by how things stood when it began."""
        while self.run_state == "running":
            waiting = [
                i
                for i in self.instances
                if i.state == "none"
                or (i.state in ("up_for_retry", "up_for_reschedule") and not i.waits)
            ]
            verdicts = [(i, self.judge(i)) for i in waiting]
            moves = [(i, verdict) for i, verdict in verdicts if verdict != "wait"]
            for instance, verdict in moves:
                if instance.state == "removed":
                    continue  # a sibling has just found that there are too many
                if verdict == "run":
                    self.let_run(instance)
                else:
                    instance.state = verdict
            if not moves:
                break
        self.conclude()

    def let_run(self, instance: Instance) -> None:
        task = instance.task
        if self.expansions(task):
            places = self.places(task)
            if not instance.place:
                if not places:
                    instance.state = "skipped" if places == [] else "upstream_failed"
                    return
                instance.place = places[0]
                self.fit(task, places)
                return  # each is judged by its own index, in the next round
            if places is not None:
                self.fit(task, places)
                if instance.place not in places:
                    return
        self.schedule(instance)

    def fit(self, task: TaskSpec, places: list[tuple[int, ...]]) -> None:
        for other in self.of(task.task_id):
            if other.place not in places:
                other.state = "removed"
        existing = {i.place for i in self.of(task.task_id)}
        for place in places:
            if place not in existing:
                self.instances.append(Instance(task, place, max_tries=task.retries))

    def schedule(self, instance: Instance) -> None:
        if instance.state in ("none", "up_for_retry"):
            if instance.tries:
                instance.not_followed = []
                instance.result = instance.result if not instance.place else None
            instance.tries += 1
            instance.losses = 0
        instance.state = "success" if instance.task.is_empty else "scheduled"

    def conclude(self) -> None:
        if self.run_state != "running":
            return
        unfinished = [i for i in self.instances if i.state not in DONE]
        if not unfinished:
            failed = any(
                i.state in ("failed", "upstream_failed")
                for i in self.instances
                if i.task.task_id in self.leaves()
            )
            self.run_state = "failed" if failed else "success"
        elif all(i.state == "none" for i in unfinished):
            self.run_state = "failed"

    def leaves(self) -> set[str]:
        ignored = {
            t.task_id for t in self.dag.tasks if t.is_teardown and not t.on_failure_fail_dagrun
        }
        counted = [t for t in self.dag.tasks if t.task_id not in ignored]
        leaves = {
            t.task_id for t in counted if not any(t.task_id in other.upstream for other in counted)
        }
        every = {
            t.task_id
            for t in self.dag.tasks
            if not any(t.task_id in other.upstream for other in self.dag.tasks)
        }
        return leaves or every

    # --- events ------------------------------------------------------------------------------

    def finish(
        self, instance: Instance, outcome: str, result: int | None, not_followed: list[str]
    ) -> None:
        if outcome == "failed" and instance.tries <= instance.max_tries:
            instance.state, instance.waits = "up_for_retry", True
        elif outcome == "rescheduled":
            instance.state, instance.waits = "up_for_reschedule", True
        else:
            instance.state = outcome
        if outcome != "success":
            return
        instance.result, instance.not_followed = result, not_followed
        for other in self.instances:
            named = other.task.task_id in not_followed and self.belongs(instance, other)
            if named and other.state not in ("running", "success", "failed", "removed"):
                other.state = "skipped"

    def belongs(self, branch: Instance, other: Instance) -> bool:
        """A branch inside a mapped group concerns only its own index of the group."""
        if not branch.place:
            return True
        if branch.task.expansion is not None:
            return False
        groups, theirs = self.mapped_groups(branch.task), self.mapped_groups(other.task)
        return (
            theirs[: len(groups)] == groups
            and bool(other.place)
            and other.place[: len(groups)] == branch.place
        )

    def lose(self, instance: Instance) -> None:
        """The same try again, three times; then it counts as a failure."""
        instance.losses += 1
        if instance.losses > 3:
            self.finish(instance, "failed", None, [])

    def time_passes(self) -> None:
        for instance in self.instances:
            instance.waits = False

    def resume(self, instance: Instance) -> None:
        instance.state = "scheduled"

    def clear(self, instances: list[Instance]) -> None:
        for instance in instances:
            instance.state, instance.waits = "none", False
            instance.max_tries = instance.tries + instance.task.retries
        if instances:
            self.run_state = "running"

    def states(self) -> dict[tuple[str, int], tuple[str, int]]:
        """(task id, map index) → (state, try number)."""
        return {
            (i.task.task_id, position): (i.state, i.tries)
            for task_id in self.tasks
            for position, i in self.numbered(task_id)
        }

    def numbered(self, task_id: str) -> list[tuple[int, Instance]]:
        instances = sorted(self.of(task_id), key=lambda i: i.place)
        return [(-1, i) if not i.place else (n, i) for n, i in enumerate(instances)]

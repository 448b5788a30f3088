"""What people and the DAG processor do while everything runs: the real actions, by name."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from simulation.case import Deed
from support.worlds import task
from tradewind.core.dag import SerializedDag
from tradewind.core.runs.clearing import Request
from tradewind.core.states import DagRunState, TaskInstanceState
from tradewind.core.timetables import following_slot
from tradewind.scheduler import actions, backfills
from tradewind.scheduler.actions import RunChoice
from tradewind.scheduler.backfills import BackfillRequest, Reprocess
from tradewind.store import dags, pools, runs

if TYPE_CHECKING:
    from simulation.world import Person

BUNDLE = "dags"


def do(person: "Person", deed: Deed) -> None:
    """Raises TradewindError where the person would see one."""
    _KINDS[deed.kind](person, deed)


def publish(person: "Person", dag: SerializedDag, digest: str) -> None:
    """As the DAG processor does."""
    now = person.now()
    with person.store.begin() as tx:
        dags.publish(
            tx,
            [dag],
            bundle_name=BUNDLE,
            file=dag.file,
            digest=digest,
            bundle_version=None,
            now=now,
            paused_at_creation=False,
        )
        last = dags.last_automated_slots(tx, [dag.dag_id]).get(dag.dag_id)
        dags.set_next_slots(tx, {dag.dag_id: following_slot(dag, last, now)})
        person.store.notify(tx, "scheduler")


def add_pools(person: "Person", slots: dict[str, int]) -> None:
    with person.store.begin() as tx:
        for name, count in slots.items():
            pools.put(tx, name, count, description="")


# --- the kinds ------------------------------------------------------------------------------------


def _trigger(person: "Person", deed: Deed) -> None:
    date = person.now() + timedelta(microseconds=deed.dag)
    actions.trigger_run(person.store, person.dag(deed).dag_id, now=person.now(), logical_date=date)


def _clear(person: "Person", deed: Deed) -> None:
    if (choice := _choice(person, deed)) is not None:
        actions.clear(person.store, choice, _request(deed), now=person.now())


def _mark(person: "Person", deed: Deed) -> None:
    if (choice := _choice(person, deed)) is not None:
        state = TaskInstanceState(deed.more["state"])
        actions.mark(person.store, choice, _request(deed), state, now=person.now())


def _mark_run(person: "Person", deed: Deed) -> None:
    if (choice := _choice(person, deed)) is not None:
        (run_id,) = choice.run_ids
        state = DagRunState(deed.more["state"])
        actions.mark_run(person.store, choice.dag_id, run_id, state, now=person.now())


def _cancel(person: "Person", deed: Deed) -> None:
    if (choice := _choice(person, deed)) is not None:
        (run_id,) = choice.run_ids
        actions.cancel_run(person.store, choice.dag_id, run_id, now=person.now())


def _pause(person: "Person", deed: Deed) -> None:
    dag_id = person.dag(deed).dag_id
    actions.set_paused(person.store, [dag_id], True, now=person.now())
    person.sleep(deed.more["seconds"])
    person.insist(lambda: actions.set_paused(person.store, [dag_id], False, now=person.now()))


def _publish(person: "Person", deed: Deed) -> None:
    dag = _changed(person.dag(deed), deed.more["task_id"], deed.more["change"])
    person.dags[deed.dag] = dag
    publish(person, dag, f"digest-{person.now().timestamp()}")


def _changed(dag: SerializedDag, task_id: str, change: str) -> SerializedDag:
    match change:
        case "add" if any(other.task_id == task_id for other in dag.tasks):
            fresh = task(f"{task_id}x{len(dag.tasks)}", task_id)
            return replace(dag, tasks=[*dag.tasks, fresh])
        case "remove" if not any(_uses(other, task_id) for other in dag.tasks):
            return replace(dag, tasks=[t for t in dag.tasks if t.task_id != task_id] or dag.tasks)
    return replace(dag, tasks=[replace(t, retries=t.retries + 1) for t in dag.tasks])


def _uses(other: Any, task_id: str) -> bool:
    return task_id in other.upstream


def _delete(person: "Person", deed: Deed) -> None:
    actions.delete_dag(person.store, person.dag(deed).dag_id, now=person.now())


def _vanish(person: "Person", deed: Deed) -> None:
    """The DAG is gone from its file for a while."""
    dag = person.dag(deed)
    with person.store.begin() as tx:
        dags.mark_stale(tx, BUNDLE, [dag.file], keep=[])
        person.store.notify(tx, "scheduler")
    person.sleep(10.0)
    person.insist(lambda: publish(person, person.dag(deed), "digest-back"))


def _backfill(person: "Person", deed: Deed) -> None:
    dag = person.dag(deed)
    start: datetime = dag.start_date or person.now() - timedelta(minutes=1)
    request = BackfillRequest(
        dag_id=dag.dag_id,
        from_date=start,
        to_date=start + timedelta(hours=2),
        reprocess=Reprocess.COMPLETED,
        max_active_runs=2,
        run_backwards=deed.run == 1,
    )
    backfills.create(person.store, request, now=person.now(), chance=Random(deed.dag))


def end_what_waits(person: "Person") -> None:
    """Fail the running runs of DAGs in which tasks depend on the run before."""
    for dag in person.dags:
        if not any(task.depends_on_past for task in dag.tasks):
            continue
        with person.store.read() as tx:
            found = runs.of_dag(tx, dag.dag_id, [DagRunState.RUNNING.value])
        for row in found:
            now = person.now()
            actions.mark_run(person.store, dag.dag_id, row.run_id, DagRunState.FAILED, now=now)


def _choice(person: "Person", deed: Deed) -> RunChoice | None:
    """The run that is meant, if there is one."""
    dag_id = person.dag(deed).dag_id
    with person.store.read() as tx:
        found = runs.of_dag(tx, dag_id)
    return RunChoice(dag_id, [found[-1 - deed.run % len(found)].run_id]) if found else None


def _request(deed: Deed) -> Request:
    return Request(
        task_ids=frozenset(deed.more["task_ids"]),
        downstream=deed.more["downstream"],
        only_failed=deed.more.get("only_failed", False),
    )


_KINDS: dict[str, Callable[["Person", Deed], None]] = {
    "trigger": _trigger,
    "clear": _clear,
    "mark": _mark,
    "mark_run": _mark_run,
    "cancel": _cancel,
    "pause": _pause,
    "publish": _publish,
    "delete": _delete,
    "vanish": _vanish,
    "backfill": _backfill,
}

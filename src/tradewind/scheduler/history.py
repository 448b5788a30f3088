"""Reads the recorded history out of the database, for `core.history` to prove things from."""

from collections import Counter as Tally
from collections.abc import Collection

from sqlalchemy import Connection, select

from tradewind.core.history import Attempt, Counter, Event, History, Instance, Limit, Run
from tradewind.core.mapping import upstream_indexes
from tradewind.core.states import (
    OCCUPYING_STATES,
    DagRunState,
    DagRunType,
    TaskInstanceState,
    TriggerRule,
)
from tradewind.scheduler.models import Documents, RunModel, load
from tradewind.store.attempts import NOT_EXECUTED
from tradewind.store.engine import AnyRow, Rows, Store
from tradewind.store.schema import (
    attempt,
    attempt_event,
    dag,
    dag_run,
    event_log,
    pool,
    task_instance,
    task_limit,
)

_WAITS_FOR_ONE = frozenset(
    {TriggerRule.ONE_DONE, TriggerRule.ONE_FAILED, TriggerRule.ONE_SUCCESS, TriggerRule.ALWAYS}
)
_BY_SOMETHING_ELSE = frozenset({"trigger", "paused", "unpaused", "create_backfill"})
_OCCUPYING = frozenset(state.value for state in OCCUPYING_STATES)


def read_history(store: Store, *, parallelism: int) -> History:
    """All runs, in one snapshot of the database. `parallelism`: core.parallelism's value."""
    with store.read() as tx:
        if store.dialect == "postgresql":
            tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows = tx.execute(select(dag_run).order_by(dag_run.c.id)).all()
        instances = tx.execute(select(task_instance).order_by(task_instance.c.id)).all()
        models = load(tx, [row.id for row in rows], Documents(), infra_budget=0)
        return History(
            events=_events(tx),
            attempts=_attempts(tx),
            instances=_instances(instances, {model.pk: model for model in models}),
            runs=_runs(tx, rows),
            limits=_limits(tx, models, instances, parallelism),
            counters=_counters(tx, rows, instances),
        )


def _events(tx: Connection) -> list[Event]:
    columns = (attempt_event.c.attempt_id, attempt_event.c.event, attempt_event.c.detail)
    found = tx.execute(select(*columns).order_by(attempt_event.c.id))
    return [Event(attempt_id=pk, event=event, detail=detail) for pk, event, detail in found]


def _attempts(tx: Connection) -> list[Attempt]:
    executed = select(attempt).where(attempt.c.executor != NOT_EXECUTED)
    return [
        Attempt(
            id=row.id,
            instance_id=row.task_instance_id,
            try_number=row.try_number,
            generation=row.generation,
            state=row.state,
            outcome=row.outcome,
            lease_until=row.lease_until,
        )
        for row in tx.execute(executed.order_by(attempt.c.id))
    ]


def _instances(rows: Rows, models: dict[int, RunModel]) -> list[Instance]:
    found = []
    for row in rows:
        model = models[row.run_pk]
        label = f"{model.dag_id}.{model.by_id[row.id].label} in {model.facts.run_id}"
        waits_for = _waits_for(model, row.task_id, row.map_index)
        found.append(
            Instance(
                id=row.id, run_pk=row.run_pk, label=label, state=row.state, waits_for=waits_for
            )
        )
    return found


def _waits_for(model: RunModel, task_id: str, map_index: int) -> list[int]:
    """The instances upstream of one, for a trigger rule that waits for all of them."""
    run, plan = model.run, model.version.plan
    if task_id not in plan.tasks or plan.tasks[task_id].spec.trigger_rule in _WAITS_FOR_ONE:
        return []
    found = []
    for upstream_id in plan.upstream[task_id]:
        concerned = upstream_indexes(plan, run.board.lengths, task_id, map_index, upstream_id)
        wanted = [concerned] if isinstance(concerned, int) else concerned
        found += [
            ti.id
            for index, ti in run.board.nodes[upstream_id].instances.items()
            if ti.id is not None and (wanted is None or index < 0 or index in wanted)
        ]
    return found


def _runs(tx: Connection, rows: Rows) -> list[Run]:
    touched = select(event_log.c.dag_id).where(event_log.c.event.not_in(_BY_SOMETHING_ELSE))
    by_hand = set(tx.execute(touched).scalars())
    return [
        Run(
            pk=row.id,
            label=f"{row.dag_id} {row.run_id}",
            is_over=row.state in (DagRunState.SUCCESS, DagRunState.FAILED),
            by_hand=row.dag_id in by_hand,
            slot=_slot(row),
        )
        for row in rows
    ]


def _slot(row: AnyRow) -> tuple[str, str] | None:
    if row.run_type != DagRunType.SCHEDULED or row.logical_date is None:
        return None
    return row.dag_id, f"{row.logical_date.isoformat()} {row.partition_key or ''}".strip()


# --- limits and counters ------------------------------------------------------------------------


def _limits(
    tx: Connection, models: list[RunModel], instances: Rows, parallelism: int
) -> list[Limit]:
    """core.parallelism, pools, and what DAGs and tasks say of themselves."""
    limits = [_limit("core.parallelism", parallelism, instances)]
    for row in tx.execute(select(pool).where(pool.c.slots >= 0)):
        costs = {ti.id: ti.pool_slots for ti in instances if ti.pool == row.name}
        limits.append(Limit(name=f"pool {row.name}", allowed=row.slots, costs=costs))
    of_run: dict[int, list[AnyRow]] = {}
    for ti in instances:
        of_run.setdefault(ti.run_pk, []).append(ti)
    per_dag: dict[tuple[str, str], tuple[int, list[AnyRow]]] = {}
    for model in models:
        mine = of_run.get(model.pk, [])
        where = f"{model.dag_id} {model.facts.run_id}"
        max_active = model.version.dag.max_active_tasks
        limits.append(_limit(f"max_active_tasks of {where}", max_active, mine))
        for task_id, task in model.version.plan.tasks.items():
            of_task = [ti for ti in mine if ti.task_id == task_id]
            if (limit := task.spec.max_active_tis_per_dagrun) is not None:
                name = f"max_active_tis_per_dagrun of {task_id} in {where}"
                limits.append(_limit(name, limit, of_task))
            if (limit := task.spec.max_active_tis_per_dag) is not None:
                _, known = per_dag.get((model.dag_id, task_id), (0, []))
                per_dag[model.dag_id, task_id] = (limit, known + of_task)
    for (dag_id, task_id), (limit, found) in per_dag.items():
        limits.append(_limit(f"max_active_tis_per_dag of {dag_id}.{task_id}", limit, found))
    return limits


def _limit(name: str, allowed: int, instances: Collection[AnyRow]) -> Limit:
    return Limit(name=name, allowed=allowed, costs={ti.id: 1 for ti in instances})


def _counters(tx: Connection, rows: Rows, instances: Rows) -> list[Counter]:
    dag_of = {row.id: row.dag_id for row in rows}
    live = [ti for ti in instances if ti.state in _OCCUPYING]
    tasks = Tally((dag_of[ti.run_pk], ti.task_id) for ti in live)
    tasks["", ""] = len(live)
    running = Tally(
        row.dag_id for row in rows if row.state == DagRunState.RUNNING and row.backfill_id is None
    )
    found = [
        Counter(
            name=f"pool {row.name}",
            counted=row.occupied,
            held=sum(ti.pool_slots for ti in instances if _holds(ti, row)),
        )
        for row in tx.execute(select(pool))
    ]
    for row in tx.execute(select(task_limit)):
        name = f"task {row.dag_id}.{row.task_id}" if row.dag_id else "all tasks"
        held = tasks[row.dag_id, row.task_id]
        found.append(Counter(name=name, counted=row.occupied, held=held))
    for row in tx.execute(select(dag.c.dag_id, dag.c.active_runs)):
        name = f"active runs of {row.dag_id}"
        found.append(Counter(name=name, counted=row.active_runs, held=running[row.dag_id]))
    return found


def _holds(ti: AnyRow, of_pool: AnyRow) -> bool:
    deferred = of_pool.include_deferred and ti.state == TaskInstanceState.DEFERRED
    return bool(ti.pool == of_pool.name and (ti.state in _OCCUPYING or deferred))

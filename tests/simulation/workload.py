"""Cases out of seeds: small DAGs of every kind, what people do with them, and what goes wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from msgspec.structs import replace

from simulation.case import Case, Deed, Fault
from simulation.fibers import START
from support.random_dags import Author
from tradewind.core.dag import (
    AssetAll,
    AssetAny,
    AssetRef,
    AssetSchedule,
    CronInterval,
    CronTrigger,
    DeltaTrigger,
    SerializedDag,
    TaskSpec,
    Timetable,
)

CHAOS_SECONDS = 15.0
"""How long faults and deeds go on; everything must come to its end after that by itself."""

_POOLS = {"narrow": 1, "shared": 3}
_ASSETS = [AssetRef(name=name, uri=name) for name in ("a", "b")]


def make_case(seed: int) -> Case:
    chance = Random(seed)
    schedulers = chance.choice([1, 1, 1, 2, 2, 2, 3, 5])
    count = chance.choice([1, 1, 1, 2]) if schedulers == 1 else chance.choice([1, 2, 2])
    dags = [_dag(f"d{number}", chance) for number in range(count)]
    troubles = chance.choice([0, 1, 2, 3, 5])
    soon = chance.choice([0.02, 2.0])
    deeds = [_deed(chance, number, "trigger", soon) for number in range(len(dags))]
    deeds += [_some_deed(chance, dags) for _ in range(chance.choice([0, 0, 1, 2, 3]))]
    parallelism = chance.choice([1, 2, 3, 32])
    faults = [_fault(chance, chance.choice(list(_FAULTS))) for _ in range(troubles)]
    if chance.randrange(10) == 3:
        faults.append(_fault(chance, "bug"))
    return Case(
        seed=seed,
        schedulers=schedulers,
        dags=dags,
        pools=dict(_POOLS),
        parallelism=parallelism,
        deeds=sorted(deeds, key=lambda deed: deed.at),
        faults=sorted(faults, key=lambda fault: fault.at),
    )


# --- DAGs -----------------------------------------------------------------------------------------


def _dag(dag_id: str, chance: Random) -> SerializedDag:
    written = Author(chance).write(chance.choice([1, 1, 2, 2, 3, 3, 5]))
    schedule = _schedule(chance)
    tasks = [_with_limits(task, chance) for task in written.tasks]
    if isinstance(schedule.get("timetable"), AssetSchedule):  # else it might trigger itself
        tasks = [replace(task, outlets=[]) for task in tasks]
    return replace(
        written,
        dag_id=dag_id,
        file=f"{dag_id}.py",
        tasks=tasks,
        max_active_tasks=chance.choice([1, 2, 16]),
        max_active_runs=chance.choice([1, 2, 16]),
        fail_fast=chance.random() < 0.05,
        dagrun_timeout_seconds=6.0 if chance.random() < 0.05 else None,
        callbacks=["on_success", "on_failure"] if chance.random() < 0.2 else [],
        **schedule,
    )


def _with_limits(task: TaskSpec, chance: Random) -> TaskSpec:
    """Mostly none of them; what the task does when it runs is in `operator`."""
    more: dict[str, Any] = {"operator": chance.choice(["work"] * 6 + ["branch", "defer", "sensor"])}
    if chance.random() < 0.3:
        more["pool"] = chance.choice(list(_POOLS))
        more["pool_slots"] = 1 if more["pool"] == "narrow" else chance.choice([1, 2])
    if chance.random() < 0.15:
        more["max_active_tis_per_dag"] = chance.choice([1, 2])
    if chance.randrange(10) == 3:
        more["max_active_tis_per_dagrun"] = 1
    if chance.random() < 0.07 and not task.is_teardown:  # it would outlast a run ended by hand
        more["depends_on_past"] = True
        more["wait_for_downstream"] = chance.random() < 0.5
    if chance.random() < 0.2:
        more["outlets"] = [chance.choice(_ASSETS)]
    if chance.randrange(10) == 3:
        more["callbacks"] = ["on_failure", "on_retry"]
    more["retry_delay_seconds"] = chance.choice([0.0, 0.5, 2.0])
    more["retry_exponential_backoff"] = chance.choice([0.0, 0.0, 2.0])
    return replace(task, **more)


def _schedule(chance: Random) -> dict[str, Any]:
    kind = chance.choice(["none"] * 6 + ["delta", "assets", "spring", "autumn"])
    if kind == "none":
        return {}
    if kind == "assets":
        conditions = list(_ASSETS)
        either = chance.choice([AssetAll, AssetAny])(conditions=conditions)
        return {"timetable": AssetSchedule(condition=either)}
    if kind == "delta":
        every = chance.choice([3.0, 8.0])
        return _between(DeltaTrigger(delta=every), START, START + timedelta(seconds=2 * every))
    if kind == "spring":
        night = datetime(2026, 3, 28, 23, tzinfo=UTC)
        return _between(_nightly(chance), night, night + timedelta(hours=4))
    night = datetime(2025, 10, 25, 23, tzinfo=UTC)
    return _between(_nightly(chance), night, night + timedelta(hours=4))


def _nightly(chance: Random) -> Timetable:
    """In the hours in which Berlin's clocks are set."""
    cron = chance.choice(["0 1-3 * * *", "30 2 * * *", "0,30 2 * * *"])
    if chance.random() < 0.5:
        return CronTrigger(crons=[cron], timezone="Europe/Berlin")
    return CronInterval(cron=cron, timezone="Europe/Berlin")


def _between(timetable: Timetable, start: datetime, end: datetime) -> dict[str, Any]:
    return {"timetable": timetable, "start_date": start, "end_date": end, "catchup": True}


# --- deeds ----------------------------------------------------------------------------------------


def _deed(chance: Random, dag: int, kind: str, within: float, **more: Any) -> Deed:
    return Deed(
        kind=kind,
        at=round(chance.uniform(0.0, within), 3),
        dag=dag,
        run=chance.choice([0, 0, 1]),
        more=more,
    )


_DEEDS = ["trigger", "trigger", "clear", "clear", "mark", "mark_run", "cancel", "pause", "publish"]
_RARE_DEEDS = ["delete", "backfill", "vanish"]


def _some_deed(chance: Random, dags: list[SerializedDag]) -> Deed:
    kind = chance.choice(_DEEDS * 2 + _RARE_DEEDS)
    number = chance.randrange(len(dags))
    more: dict[str, Any] = {}
    if kind in ("clear", "mark"):
        task_ids = [task.task_id for task in dags[number].tasks]
        more["task_ids"] = sorted(set(chance.choices(task_ids, k=chance.choice([1, 2]))))
        more["downstream"] = chance.random() < 0.5
    if kind in ("mark", "mark_run"):
        more["state"] = chance.choice(["success", "failed"])
    if kind == "pause":
        more["seconds"] = chance.choice([2.0, 8.0])
    if kind == "publish":
        more["task_id"] = chance.choice([task.task_id for task in dags[number].tasks])
        more["change"] = chance.choice(["add", "remove", "retries"])
    if kind == "clear" and chance.random() < 0.3:
        more["only_failed"] = True
    return _deed(chance, number, kind, CHAOS_SECONDS, **more)


# --- faults ---------------------------------------------------------------------------------------


def _fault(chance: Random, kind: str) -> Fault:
    more = _FAULTS.get(kind, _in_a_transaction)
    return Fault(
        kind=kind,
        at=round(chance.choice([chance.uniform(0, 5), chance.uniform(0, CHAOS_SECONDS)]), 3),
        target=chance.randrange(5),
        **more(chance),
    )


def _somewhere(chance: Random) -> dict[str, Any]:
    place = chance.choice(["", "begin", "statement", "commit", "committed"])
    return {"place": place, "skip": chance.choice([0, 0, 1, 2, 5, 12])}


def _in_a_transaction(chance: Random) -> dict[str, Any]:
    place = chance.choice(["begin", "statement", "statement", "commit"])
    return {"place": place, "skip": chance.choice([0, 1, 2, 5, 12])}


def _for_a_while(*seconds: float) -> Callable[[Random], dict[str, Any]]:
    return lambda chance: {"seconds": chance.choice(seconds)}


def _paused(chance: Random) -> dict[str, Any]:
    return {"seconds": chance.choice([1.0, 4.0, 7.0, 10.0, 20.0]), **_somewhere(chance)}


_FAULTS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "crash": lambda chance: {"seconds": chance.choice([0.5, 12.0]), **_somewhere(chance)},
    "stop": _for_a_while(1.0, 10.0),
    "pause": _paused,
    "freeze": _paused,
    "error": _somewhere,
    "outage": _for_a_while(0.3, 3.0, 10.0),
    "kill_process": _for_a_while(0.0),
    "lose_host": _for_a_while(0.5, 5.0),
    "late": _for_a_while(3.0, 8.0),
    "disorder": _for_a_while(6.0),
    "twice": _for_a_while(6.0),
    "lost_reports": _for_a_while(5.0),
    "deaf": _for_a_while(5.0, 15.0),
    "set_clock": lambda chance: {"seconds": chance.choice([-40.0, -10.0, 10.0, 300.0])},
}

"""Recorded outcomes of Airflow: their scenarios, and how an outcome is read and compared.

There are two sets of one format: the conformance corpus, where it is at hand, and the set beside
this file, which goes on where the corpus ends.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tradewind.store import schema
from tradewind.store.engine import Store

HERE = Path(__file__).resolve()
NOW = "<now>"

# Templates that Airflow 3 refuses and Tradewind takes, and one that depends on today's date.
TEMPLATES_ON_PURPOSE = frozenset(
    {
        "removed_execution_date",
        "removed_next_ds",
        "removed_prev_execution_date",
        "removed_tomorrow_ds",
        "naive_against_now",
    }
)

# Written for Airflow 3's refusal of old arguments; Tradewind accepts these on purpose.
ACCEPTED_OLD_ARGUMENTS = frozenset(
    {
        "dag_schedule_interval",
        "dag_timetable",
        "dag_concurrency",
        "dag_default_view",
        "dag_orientation",
        "dag_fail_stop",
        "dag_sla_miss_callback",
        "dag_full_filepath",
        "op_provide_context",
        "op_task_concurrency",
        "op_trigger_rule_dummy",
        "op_trigger_rule_none_failed_or_skipped",
        "op_positional",
    }
)


@dataclass(frozen=True)
class Recording:
    """A folder with `dags/`, `scenarios.json` and `expected/<dag_id>.json`."""

    root: Path

    @cached_property
    def scenarios(self) -> dict[str, Any]:
        return self._document["scenarios"]

    @cached_property
    def before(self) -> dict[str, Any]:
        """Variables, connections and pools that must exist."""
        return self._document["before"]

    @cached_property
    def _document(self) -> dict[str, Any]:
        return json.loads((self.root / "scenarios.json").read_text())

    def expected(self, dag_id: str) -> dict[str, Any]:
        return json.loads((self.root / "expected" / f"{dag_id}.json").read_text())

    def recorded_dags(self, scenario: str) -> list[str]:
        """The DAGs of a scenario whose outcome is recorded."""
        listed = self.scenarios[scenario]["record"]
        return [d for d in listed if (self.root / "expected" / f"{d}.json").exists()]


CORPUS = Recording(HERE.parents[3] / "shared" / "corpus")
OWN = Recording(HERE.parent)
RECORDINGS = [recording for recording in (CORPUS, OWN) if recording.root.is_dir()]


def outcome(store: Store, dag_id: str) -> list[dict[str, Any]]:
    """Every run of the DAG in the corpus' own form."""
    with store.read() as tx:
        runs = tx.execute(select(schema.dag_run).where(schema.dag_run.c.dag_id == dag_id)).all()
        return [_run(tx, run) for run in sorted(runs, key=lambda run: run.id)]


def _run(tx: Any, run: Any) -> dict[str, Any]:
    instances = tx.execute(
        select(schema.task_instance)
        .where(schema.task_instance.c.run_pk == run.id)
        .order_by(schema.task_instance.c.task_id, schema.task_instance.c.map_index)
    ).all()
    xcoms: dict[tuple[str, int], dict[str, Any]] = {}
    for row in tx.execute(select(schema.xcom).where(schema.xcom.c.run_pk == run.id)):
        xcoms.setdefault((row.task_id, row.map_index), {})[row.key] = row.value
    tries: dict[int, dict[int, str]] = {}
    for row in tx.execute(
        select(schema.attempt)
        .where(schema.attempt.c.run_pk == run.id)
        .order_by(schema.attempt.c.generation)
    ):
        tries.setdefault(row.task_instance_id, {})[row.try_number] = row.outcome
    return {
        "run_id": run.run_id,
        "run_type": run.run_type,
        "state": run.state,
        "logical_date": _iso(run.logical_date),
        "data_interval_start": _iso(run.interval_start),
        "data_interval_end": _iso(run.interval_end),
        "run_after": _iso(run.run_after),
        "conf": run.conf,
        "partition_key": run.partition_key,
        "task_instances": [
            {
                "task_id": ti.task_id,
                "map_index": ti.map_index,
                "state": None if ti.state == "none" else ti.state,
                "try_number": ti.try_number,
                "operator": ti.operator,
                "rendered_map_index": ti.rendered_map_index,
                "xcom": xcoms.get((ti.task_id, ti.map_index), {}),
                "tries": [
                    state
                    for number, state in sorted(tries.get(ti.id, {}).items())
                    if number < ti.try_number
                ],
            }
            for ti in instances
        ],
    }


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def differences(dag_id: str, actual: list[dict[str, Any]], wanted: list[Any]) -> list[str]:
    """What differs from the recorded outcome, a line each."""
    found: list[str] = []
    for mine, theirs in _paired(actual, wanted, found):
        name = theirs["run_id"]
        for key in ("run_type", "state", "partition_key"):
            _compare(f"{name}: {key}", mine.get(key), theirs.get(key), found)
        _compare(f"{name}: conf", mine["conf"], theirs.get("conf", {}), found)
        for key in ("logical_date", "data_interval_start", "data_interval_end", "run_after"):
            if theirs[key] != NOW:
                _compare(f"{name}: {key}", mine[key], theirs[key], found)
        _compare_instances(dag_id, name, mine, theirs, found)
    return found


def _paired(actual: list[Any], wanted: list[Any], found: list[str]) -> list[tuple[Any, Any]]:
    """Runs by id; ids with a random or wall-clock part are paired by their order within a type."""
    pairs = []
    mine_by_shape: dict[str, list[Any]] = {}
    for run in actual:
        mine_by_shape.setdefault(_shape(run), []).append(run)
    for run in wanted:
        candidates = mine_by_shape.get(_shape(run), [])
        if not candidates:
            found.append(f"{run['run_id']}: there is no such run")
            continue
        pairs.append((candidates.pop(0), run))
    found += [f"{run['run_id']}: not expected" for runs in mine_by_shape.values() for run in runs]
    return pairs


def _shape(run: dict[str, Any]) -> str:
    if run["run_type"] == "asset_triggered":  # its id has a moment and chance in it
        return f"{run['run_type']} {run.get('partition_key')}"
    return str(run["run_id"])


def _compare_instances(
    dag_id: str, run_id: str, mine: dict[str, Any], theirs: dict[str, Any], found: list[str]
) -> None:
    by_key = {(ti["task_id"], ti["map_index"]): ti for ti in mine["task_instances"]}
    for wanted in theirs["task_instances"]:
        name = f"{run_id} {wanted['task_id']}[{wanted['map_index']}]"
        got = by_key.pop((wanted["task_id"], wanted["map_index"]), None)
        if got is None:
            found.append(f"{name}: there is no such task instance")
            continue
        if wanted["task_id"] in TEMPLATES_ON_PURPOSE:
            assert got["state"] == "success"
            continue
        accepted = wanted.get("accept", [wanted["state"]])
        if got["state"] not in accepted:
            found.append(f"{name}: state is {got['state']}, wanted {wanted['state']}")
        for key, default in (("try_number", 0), ("operator", ""), ("tries", [])):
            _compare(f"{name}: {key}", got[key], wanted.get(key, default), found)
        if "rendered_map_index" in wanted:
            key = "rendered_map_index"
            _compare(f"{name}: {key}", got[key], wanted[key], found)
        _compare_xcoms(dag_id, name, got["xcom"], wanted, found)
    found += [f"{run_id} {key}: not expected" for key in by_key]


def _compare_xcoms(
    dag_id: str, name: str, got: dict[str, Any], wanted: dict[str, Any], found: list[str]
) -> None:
    loose = set(wanted.get("xcom_not_deterministic", []))
    theirs = {k: v for k, v in wanted.get("xcom", {}).items() if k not in loose}
    mine = {k: v for k, v in got.items() if k not in loose and not k.startswith("_link_")}
    if dag_id == "legacy_removed":
        for value in (theirs, mine):
            for key in ACCEPTED_OLD_ARGUMENTS:
                value.get("return_value", {}).pop(key, None)
    _compare(f"{name}: xcom", _stable(mine), _stable(theirs), found)


def _stable(value: Any) -> Any:
    """Without what changes from machine to machine: hashes of file paths in class names, and the
    order in which a short circuit names what it skipped."""
    if isinstance(value, dict):
        return {
            key: sorted(item) if key == "skipped" else _stable(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_stable(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"unusual_prefix_[0-9a-f]{40}_", "unusual_prefix_<hash>_", value)
    return value


def _compare(what: str, mine: Any, theirs: Any, found: list[str]) -> None:
    if mine != theirs:
        found.append(f"{what} is {mine!r}, wanted {theirs!r}")

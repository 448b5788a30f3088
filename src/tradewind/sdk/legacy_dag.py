"""Arguments of `DAG` from Airflow 1 and 2: what they mean now, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.old_names import note_old_name

RENAMED = {"concurrency": "max_active_tasks", "fail_stop": "fail_fast"}
DROPPED = {
    "default_view": "the UI remembers each user's view",
    "orientation": "the UI remembers each user's view",
    "full_filepath": "the file is known",
    "sla_miss_callback": "use deadline=DeadlineAlert(...)",
}


class Translated(NamedTuple):
    """`intervals`: the file was written for runs that cover a data interval."""

    values: dict[str, Any]
    intervals: bool


def translate(
    values: Mapping[str, Any], positional: Sequence[Any], legacy: dict[str, Any]
) -> Translated:
    """Merge old arguments into the modern `values`. Raises TypeError for unknown names."""
    merged = dict(values)
    intervals = _old_schedule(merged, positional, legacy)
    for old, new in RENAMED.items():
        if old in legacy:
            merged[new] = legacy.pop(old)
            note_old_name(f"The DAG argument {old} is now called {new}.")
    for old, instead in DROPPED.items():
        if legacy.pop(old, None) is not None:
            note_old_name(f"The DAG argument {old} is ignored: {instead}.")
    if legacy:
        names = ", ".join(map(repr, sorted(legacy)))
        raise TypeError(f"DAG.__init__() got unexpected keyword argument(s) {names}")
    return Translated(merged, intervals)


def _old_schedule(
    merged: dict[str, Any], positional: Sequence[Any], legacy: dict[str, Any]
) -> bool:
    if len(positional) > 1:
        raise TypeError("DAG takes keyword arguments after dag_id and description")
    if positional:
        legacy.setdefault("schedule_interval", positional[0])
    given = [name for name in ("schedule_interval", "timetable") if name in legacy]
    for name in given:
        value = legacy.pop(name)
        if merged["schedule"] is not NOTSET and value is not None:
            raise TypeError(f"DAG got both schedule and {name}; keep schedule")
        if value is not None or merged["schedule"] is NOTSET:
            merged["schedule"] = value
        note_old_name(
            f"The DAG argument {name} is now called schedule. With {name}, a run covers a data "
            "interval and catchup defaults to True; schedule=CronDataIntervalTimetable(...) with "
            "catchup=True says the same."
            if value is not None
            else f"The DAG argument {name} is now called schedule."
        )
    return bool(given)

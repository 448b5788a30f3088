"""Triggers that only wait for a moment: they need no process and no user code."""

from datetime import UTC, datetime
from typing import Any

_MODULES = ("tradewind.sdk.triggers.temporal", "airflow.providers.standard.triggers.temporal")
_CLASSES = frozenset(
    f"{module}.{name}" for module in _MODULES for name in ("DateTimeTrigger", "TimeDeltaTrigger")
)
_ARGUMENTS = frozenset({"moment", "end_from_trigger"})
_MOMENTS = frozenset({"datetime.datetime", "pendulum.datetime.DateTime"})  # XCom's names of them


def moment_of(classpath: str, kwargs: dict[str, Any]) -> datetime | None:
    """When the trigger fires, if it is one of Airflow's own time triggers; otherwise None.

    `kwargs` are in the XCom encoding, as `serialize` of the trigger gave them.
    """
    if classpath not in _CLASSES or not kwargs.keys() <= _ARGUMENTS:
        return None
    match kwargs.get("moment"):
        case {"__classname__": str(name), "__data__": {"timestamp": int() | float() as seconds}}:
            return datetime.fromtimestamp(seconds, UTC) if name in _MOMENTS else None
    return None

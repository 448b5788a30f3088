"""Deadlines of runs: a moment, an interval after it, and whom to tell when the run is not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tradewind.core.dag import DeadlineSpec
from tradewind.core.errors import InvalidDag
from tradewind.sdk import dates
from tradewind.sdk.callbacks import Callback


class BaseDeadlineReference:
    """The moment that an interval is counted from."""

    def arguments(self) -> dict[str, Any]:
        """What the scheduler needs beside the class's name."""
        return {}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.arguments() == self.arguments()

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self.arguments())))


class DagRunLogicalDateDeadline(BaseDeadlineReference):
    """The run's logical date."""


class DagRunQueuedAtDeadline(BaseDeadlineReference):
    """When the run was queued."""


class FixedDatetimeDeadline(BaseDeadlineReference):
    """The same moment for every run."""

    def __init__(self, at: datetime) -> None:
        self.at = dates.known_utc(at)

    def arguments(self) -> dict[str, Any]:
        return {"datetime": self.at.timestamp()}


class AverageRuntimeDeadline(BaseDeadlineReference):
    """The end that earlier runs' average duration leads to expect."""

    DEFAULT_LIMIT: ClassVar[int] = 10

    def __init__(self, max_runs: int, min_runs: int | None = None) -> None:
        self.max_runs = max_runs or self.DEFAULT_LIMIT
        self.min_runs = self.max_runs if min_runs is None else min_runs
        if self.min_runs < 1:
            raise ValueError("min_runs must be at least 1")

    def arguments(self) -> dict[str, Any]:
        return {"max_runs": self.max_runs, "min_runs": self.min_runs}


class DeadlineReference:
    """The references to choose from."""

    class TYPES:
        """When a reference is looked at."""

        DAGRUN_CREATED: tuple[type[BaseDeadlineReference], ...] = (
            DagRunLogicalDateDeadline,
            FixedDatetimeDeadline,
            AverageRuntimeDeadline,
        )
        DAGRUN_QUEUED: tuple[type[BaseDeadlineReference], ...] = (DagRunQueuedAtDeadline,)
        DAGRUN = DAGRUN_CREATED + DAGRUN_QUEUED

    DAGRUN_LOGICAL_DATE: BaseDeadlineReference = DagRunLogicalDateDeadline()
    DAGRUN_QUEUED_AT: BaseDeadlineReference = DagRunQueuedAtDeadline()

    @classmethod
    def AVERAGE_RUNTIME(  # Airflow's name
        cls, max_runs: int = 0, min_runs: int | None = None
    ) -> BaseDeadlineReference:
        return AverageRuntimeDeadline(max_runs, min_runs)

    @classmethod
    def FIXED_DATETIME(cls, dt: datetime) -> BaseDeadlineReference:  # Airflow's name
        return FixedDatetimeDeadline(dt)

    @classmethod
    def register_custom_reference(
        cls, reference_class: type[BaseDeadlineReference], deadline_reference_type: Any = None
    ) -> type[BaseDeadlineReference]:
        """What `deadline_reference` does."""
        setattr(cls, reference_class.__name__, reference_class())
        return reference_class


def deadline_reference(
    kind: Any = None,
) -> type[BaseDeadlineReference] | Callable[[Any], type[BaseDeadlineReference]]:
    """Airflow's decorator for a reference class of your own.

    The class is registered, so that the file loads; a DAG that uses it is refused when it is
    serialized, since only the built-in references can be evaluated without running user code.
    """

    register = DeadlineReference.register_custom_reference
    return register(kind) if isinstance(kind, type) else register


@dataclass(frozen=True)
class VariableInterval:
    """An interval in seconds that a variable holds; read when the DAG file is parsed."""

    key: str

    def resolve(self) -> timedelta:
        from tradewind.sdk.variable import Variable

        value = Variable.get(self.key, default=None)
        try:
            return timedelta(seconds=int(value))
        except (TypeError, ValueError):
            raise InvalidDag(
                f"VariableInterval {self.key!r} must be an integer (seconds), got: {value!r}",
                hint=f"Set the variable: tradewind variables set {self.key} 3600",
            ) from None


class DeadlineAlert:
    """Call `callback` when the run is not done `interval` after `reference`."""

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: timedelta | VariableInterval,
        callback: Callback,
        name: str | None = None,
    ) -> None:
        if not isinstance(callback, Callback):
            raise ValueError(
                f"Callbacks of type {type(callback).__name__} are not currently supported; "
                "use AsyncCallback(...) or SyncCallback(...)"
            )
        self.reference = reference
        self.interval = interval
        self.callback = callback
        self.name = name


def deadline_spec(alert: DeadlineAlert) -> DeadlineSpec:
    """The alert as data. Raises InvalidDag when the scheduler could not evaluate it."""
    from tradewind.core.runs.deadlines import validate

    interval = alert.interval
    if isinstance(interval, VariableInterval):
        interval = interval.resolve()
    spec = DeadlineSpec(
        reference=type(alert.reference).__name__,
        interval_seconds=interval.total_seconds(),
        arguments=alert.reference.arguments(),
    )
    validate(spec)
    return spec

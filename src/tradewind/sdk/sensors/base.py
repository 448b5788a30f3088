"""What every sensor does: ask again and again, and give up in time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
)
from tradewind.sdk.timezone import utcnow

Sensor = TypeVar("Sensor", bound=type["BaseSensorOperator"])


class PokeReturnValue:
    """What `poke` may return instead of a bool: `xcom_value` becomes the task's return value."""

    def __init__(self, is_done: bool, xcom_value: Any = None) -> None:
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self) -> bool:
        return self.is_done


class BaseSensorOperator(BaseOperator):
    """Subclass it and answer `poke`: is it there now?

    poke_interval: seconds (or timedelta) between two pokes; with `exponential_backoff` the waits
        grow from there, up to `max_wait`.
    timeout: seconds (or timedelta) from the first poke on, over all reschedules, after which the
        sensor fails for good.
    mode: "poke" waits inside the process; "reschedule" ends it between two pokes, so that no slot
        is held.
    soft_fail: skip instead of failing on the time-out and on AirflowFailException.
    never_fail: skip instead of failing on anything that poke raises.
    silent_fail: log what poke raises and go on waiting.
    """

    ui_color = "#e6f1f2"
    valid_modes: ClassVar[Iterable[str]] = ("poke", "reschedule")
    is_sensor: ClassVar[bool] = True

    def __init__(
        self,
        *,
        poke_interval: timedelta | float = 60,
        timeout: timedelta | float | None = None,
        soft_fail: bool = False,
        mode: str = "poke",
        exponential_backoff: bool = False,
        max_wait: timedelta | float | None = None,
        silent_fail: bool = False,
        never_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if soft_fail and never_fail:
            raise ValueError(
                "soft_fail and never_fail are mutually exclusive, you can not provide both."
            )
        if mode not in self.valid_modes:
            raise ValueError(
                f"The mode must be one of {list(self.valid_modes)}; sensor {self.task_id!r} "
                f"received {mode!r}."
            )
        if timeout is None:
            timeout = conf.getfloat("sensors", "default_timeout")
        self.poke_interval = _seconds("poke_interval", poke_interval)
        self.timeout = _seconds("timeout", timeout)
        self.max_wait = None if max_wait is None else _seconds("max_wait", max_wait)
        self.soft_fail = soft_fail
        self.mode = mode
        self.exponential_backoff = exponential_backoff
        self.silent_fail = silent_fail
        self.never_fail = never_fail

    @property
    def reschedule(self) -> bool:
        return self.mode == "reschedule"

    def poke(self, context: Any) -> bool | PokeReturnValue:
        raise AirflowException(f"{type(self).__name__} has to define poke(self, context)")

    def execute(self, context: Any) -> Any:
        started_at, waited_seconds = self._begin(context)
        pokes = 0
        while True:
            answer = self._poke(context)
            if answer:
                self.log.info("Success criteria met. Exiting.")
                return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
            pokes += 1
            self._give_up_in_time(waited_seconds())
            pause = self._next_pause(started_at, waited_seconds(), pokes)
            if self.reschedule:
                raise AirflowRescheduleException(utcnow() + timedelta(seconds=pause))
            time.sleep(pause)

    def _begin(self, context: Any) -> tuple[datetime | float, Callable[[], float]]:
        """When the first poke was, and a clock that tells the seconds since then.

        A rescheduled sensor's first poke was in another process, maybe on another machine.
        """
        if not self.reschedule:
            started = time.monotonic()
            return started, lambda: time.monotonic() - started
        first = context["ti"].get_first_reschedule_date(context) or utcnow()
        return first, lambda: (utcnow() - first).total_seconds()

    def _poke(self, context: Any) -> bool | PokeReturnValue:
        """`poke`, with what it raises turned into what the flags say."""
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except (AirflowSensorTimeout, AirflowTaskTimeout, AirflowFailException) as error:
            self._skip_instead(error)
            raise
        except Exception as error:
            if self.silent_fail:
                self.log.exception("Sensor poke failed")
                return False
            if self.never_fail:
                raise AirflowSkipException("Skipping due to never_fail is set to True.") from error
            raise

    def _skip_instead(self, error: BaseException) -> None:
        if self.soft_fail:
            raise AirflowSkipException("Skipping due to soft_fail is set to True.") from error
        if self.never_fail:
            raise AirflowSkipException("Skipping due to never_fail is set to True.") from error

    def _give_up_in_time(self, waited: float) -> None:
        if waited <= self.timeout:
            return
        message = (
            f"Sensor has timed out; run duration of {waited} seconds exceeds "
            f"the specified timeout of {self.timeout}."
        )
        if self.soft_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any
    ) -> Any:
        """A deferred sensor whose trigger was too late has timed out as any other sensor."""
        try:
            try:
                return super().resume_execution(next_method, next_kwargs, context)
            except TaskDeferralTimeout as error:
                raise AirflowSensorTimeout(*error.args) from error
        except AirflowSkipException:
            raise
        except AirflowException as error:
            self._skip_instead(error)
            raise

    def _next_pause(self, started_at: datetime | float, waited: float, pokes: int) -> float:
        """Seconds until the next poke. With back-off, never beyond the time-out."""
        if not self.exponential_backoff:
            return self.poke_interval
        if self.reschedule:
            # This process knows of one poke only: count those that fit into the time so far.
            pokes, total = 0, 0.0
            while total <= waited:
                pokes += 1
                total += self._backoff(started_at, pokes)
        pause = min(self._backoff(started_at, pokes), self.timeout - int(waited))
        if self.max_wait is not None:
            pause = min(pause, self.max_wait)
        self.log.info("new %s interval is %s", self.mode, pause)
        return pause

    def _backoff(self, started_at: datetime | float, poke: int) -> float:
        """Doubling with each poke, plus up to as much again: equal sensors drift apart."""
        shortest = max(int(self.poke_interval * 2.0 ** min(poke - 2, 64)), 1)
        name = f"{self.dag_id}#{self.task_id}#{started_at}#{poke}"
        jitter = int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), 16)
        return min(shortest + jitter % shortest, timedelta.max.total_seconds() - 1)


def _seconds(name: str, value: timedelta | float) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if not isinstance(value, int | float) or value < 0:
        raise ValueError(
            f"Operator arg `{name}` must be timedelta object or a non-negative number; "
            f"got {value!r}"
        )
    return value


def poke_mode_only(cls: Sensor) -> Sensor:
    """Class decorator for sensors that keep state between two pokes: refuses other modes."""
    if not issubclass(cls, BaseSensorOperator):
        raise ValueError(
            f"poke_mode_only decorator should only be applied to subclasses of "
            f"BaseSensorOperator, got:{cls}."
        )

    def refuse(self: BaseSensorOperator, value: str) -> None:
        if value != "poke":
            raise ValueError(f"Cannot set mode to '{value}'. Only 'poke' is acceptable")

    cls.mode = property(lambda self: "poke", refuse)  # type: ignore[assignment]
    return cls

"""Retry policies: whether a failed try is followed by another one, decided by its exception.

The runner asks `task.retry_policy.evaluate(exception, try_number, max_tries, context)`; the
scheduler sees only the answer. AirflowFailException and sensor time-outs end all tries unasked.
"""

from __future__ import annotations

import importlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

log = logging.getLogger(__name__)

ExceptionSpec = type[BaseException] | str


class RetryAction(Enum):
    """RETRY is bounded by the task's `retries`; DEFAULT is what would happen without a policy."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


@dataclass(frozen=True)
class RetryDecision:
    """`retry_delay` None: the task's own delay."""

    action: RetryAction = RetryAction.DEFAULT
    retry_delay: timedelta | None = None
    reason: str | None = None

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.FAIL, reason=reason)

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> RetryDecision:
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def default(cls) -> RetryDecision:
        return cls()


class RetryPolicy(ABC):
    """Base of policies of your own."""

    @abstractmethod
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide. Runs in the task's process, after the failure."""


@dataclass
class RetryRule:
    """What to do about one kind of exception, or several; classes, or dotted paths of them."""

    exception: ExceptionSpec | Sequence[ExceptionSpec]
    action: RetryAction = RetryAction.RETRY
    retry_delay: timedelta | None = None
    reason: str | None = None
    match_subclasses: bool = True

    def __post_init__(self) -> None:
        for spec in self._specs():
            if isinstance(spec, str) and "." not in spec:
                raise ValueError(
                    "RetryRule exception string must be a dotted import path "
                    f"(e.g. 'builtins.ValueError'), got {spec!r}"
                )

    def _specs(self) -> Sequence[ExceptionSpec]:
        single = isinstance(self.exception, (str, type))
        return [self.exception] if single else list(self.exception)  # type: ignore[list-item, arg-type]

    def matches(self, exc: BaseException) -> bool:
        """Whether the rule is about this exception; a path without a class matches nothing."""
        classes = tuple(cls for spec in self._specs() if (cls := _class_of(spec)) is not None)
        return isinstance(exc, classes) if self.match_subclasses else type(exc) in classes


def _class_of(spec: ExceptionSpec) -> type[BaseException] | None:
    if isinstance(spec, type):
        return spec
    module, _, name = spec.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    except (ImportError, AttributeError):
        log.warning("Could not import exception class %r, it will not match", spec)
        return None


class ExceptionRetryPolicy(RetryPolicy):
    """The first rule that matches decides; without one, `default`."""

    def __init__(self, rules: list[RetryRule], default: RetryAction = RetryAction.DEFAULT) -> None:
        self.rules = rules
        self.default = default

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        for rule in self.rules:
            if rule.matches(exception):
                reason = rule.reason or f"Matched rule for {type(exception).__name__}"
                return RetryDecision(rule.action, rule.retry_delay, reason)
        return RetryDecision(self.default)

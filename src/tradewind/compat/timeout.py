"""`airflow.utils.timeout`: a time limit for a block of a task."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any

from tradewind.sdk.exceptions import AirflowTaskTimeout


class timeout:
    """Raises AirflowTaskTimeout in the block after `seconds`. For a task's main thread only."""

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        self.seconds = seconds
        self.error_message = error_message
        self._handler_before: Any = None
        self._began = 0.0
        self._left_before = 0.0

    def handle_timeout(self, signum: int, frame: FrameType | None) -> None:
        raise AirflowTaskTimeout(self.error_message)

    def __enter__(self) -> timeout:
        self._handler_before = signal.signal(signal.SIGALRM, self.handle_timeout)
        self._left_before, _ = signal.setitimer(signal.ITIMER_REAL, self.seconds)
        self._began = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler_before)
        if self._left_before:  # the task's own limit goes on
            left = self._left_before - (time.monotonic() - self._began)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))

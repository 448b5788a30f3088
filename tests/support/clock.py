"""Time that only moves when a test says so."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class VirtualClock:
    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._start = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def set_anew(self, by_seconds: float) -> None:
        """As when somebody sets the machine's clock: `monotonic` does not notice."""
        self._now += timedelta(seconds=by_seconds)
        self._start += timedelta(seconds=by_seconds)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)

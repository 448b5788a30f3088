"""Runs in which the scheduler itself fails are set aside, so that all others go on.

That is a bug, or a row or document that should not be. The run stays leased, its running attempts
stay alive, what they report waits in the inbox, and it is tried again after a pause that grows.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 600.0


class BrokenRun(Exception):
    """Deciding about this run raised what is the exception's cause."""

    def __init__(self, pk: int) -> None:
        super().__init__(f"The run {pk} cannot be worked on.")
        self.pk = pk


@dataclass(slots=True)
class _Trouble:
    failures: int
    until: datetime | None  # None: it is being tried again


class Quarantine:
    """By run: how often it failed in a row, and until when it is left alone."""

    def __init__(self) -> None:
        self._troubles: dict[int, _Trouble] = {}

    def add(self, pk: int, label: str, error: BaseException, now: datetime) -> None:
        failures = self._troubles[pk].failures + 1 if pk in self._troubles else 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1), _LONGEST_PAUSE_SECONDS)
        self._troubles[pk] = _Trouble(failures, now + timedelta(seconds=pause))
        logger.error(
            "%s is set aside for %.0f s because the scheduler failed on it (%s: %s)."
            " All other runs go on.",
            label,
            pause,
            type(error).__name__,
            error,
            exc_info=error,
        )

    def holds(self, pk: int, now: datetime) -> bool:
        trouble = self._troubles.get(pk)
        return trouble is not None and trouble.until is not None and trouble.until > now

    def due(self, now: datetime) -> set[int]:
        """Those to be tried again now, once."""
        due = {
            pk for pk, trouble in self._troubles.items() if trouble.until and trouble.until <= now
        }
        for pk in due:
            self._troubles[pk].until = None
        return due

    def next_due(self) -> datetime | None:
        moments = (trouble.until for trouble in self._troubles.values())
        return min((moment for moment in moments if moment is not None), default=None)

    def recovered(self, pk: int) -> None:
        self._troubles.pop(pk, None)

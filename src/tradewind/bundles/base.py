"""What every kind of DAG bundle offers: where its files are, when to look, how to update it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from tradewind.core.errors import InfrastructureError

QUIET_SECONDS = 0.1  # a change has settled when nothing has moved for so long


class BundleUnavailable(InfrastructureError):
    """The bundle's source cannot be read now; the last good snapshot stays in use."""


class Bundle(Protocol):
    """One named source of DAG files, brought onto this machine's disk.

    All methods are called from the DAG processor's thread only. None of them waits for a change.
    """

    name: str
    kind: str  # "folder"; "git" and "packaged" fit the same contract

    @property
    def path(self) -> Path:
        """The folder with the files as of the last `refresh`. It may change under the reader's
        hands: what counts is the snapshot that is taken of it."""

    def refresh(self) -> str | None:
        """Bring `path` up to date; the source's own name for what it holds now (a commit), if any.

        Raises `BundleUnavailable`.
        """

    def watch(self, folders: Iterable[str]) -> bool:
        """Take note of all folders that the last scan of `path` went through.

        True: some were not watched yet, so that a change in them may have been missed; scan again.
        """

    def due(self, now: float) -> float:
        """The moment (on the same monotonic clock as `now`) at which to refresh next.

        Takes in the signs of change that have come; not later than `now` when one has settled.
        """

    def signs(self) -> int | None:
        """A file descriptor that becomes readable at a sign of change; None if there is none."""

    def close(self) -> None: ...

"""The bundle of kind "folder": DAG files in a local folder, or in a mounted volume."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from tradewind.bundles import inotify
from tradewind.bundles.base import QUIET_SECONDS, BundleUnavailable
from tradewind.bundles.scan import SKIPPED_FOLDERS, skipped_file

log = logging.getLogger(__name__)

LONGEST_SECONDS = 2.0
"""A change has settled when nothing moved for `QUIET_SECONDS` and no file is still being written,
and at the latest after `LONGEST_SECONDS`: a half-saved file must not become an import error."""

RESCAN_SECONDS = 30.0  # network file systems give no notices, and links out of the folder neither
POLL_SECONDS = 1.0  # where the kernel gives no notices at all

_CONTENT = (
    inotify.MODIFY
    | inotify.CLOSE_WRITE
    | inotify.CREATE
    | inotify.DELETE
    | inotify.MOVED_FROM
    | inotify.MOVED_TO
    | inotify.ATTRIB
    | inotify.DELETE_SELF
    | inotify.MOVE_SELF
)
_NAMES = inotify.CREATE | inotify.DELETE | inotify.MOVED_FROM | inotify.MOVED_TO


class FolderBundle:
    """A folder that somebody else changes: an editor, a git-sync side car, a ConfigMap.

    The path may lead through links; when one is turned to another folder, that is a change like
    any other.
    """

    kind = "folder"

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = Path(os.path.abspath(path))
        self._refreshed_at: float | None = None
        self._now = 0.0
        self._rescan_seconds = RESCAN_SECONDS
        self._first_sign: float | None = None
        self._last_sign = 0.0
        self._being_written: set[tuple[str, str]] = set()
        self._inotify: inotify.Inotify | None = None
        self._names_watched: dict[str, set[str]] = {}
        if inotify.available():
            self._start_watching()
        else:
            self._rescan_seconds = POLL_SECONDS

    @property
    def path(self) -> Path:
        return self._path

    def refresh(self) -> str | None:
        self._first_sign = None
        self._being_written.clear()
        self._refreshed_at = self._now
        self._watch_way_to_root()
        if not self._path.is_dir():
            problem = "is no folder" if self._path.exists() else "does not exist"
            raise BundleUnavailable(
                f"The folder {self._path} {problem}.",
                hint=f"Create it, or correct the path of the bundle {self.name!r} in the settings.",
            )
        return None

    def watch(self, folders: Iterable[str]) -> bool:
        if self._inotify is None:
            return False
        wanted = set(folders)
        before = set(self._inotify.watched)
        watches = {self._add(folder, _CONTENT) for folder in wanted}
        stale = [
            watch
            for watch, folder in self._inotify.watched.items()
            if watch not in watches and folder not in self._names_watched
        ]
        for watch in stale:
            self._inotify.remove(watch)
        return bool(watches - before - {None})

    def due(self, now: float) -> float:
        self._now = now
        self._take_signs(now)
        if self._refreshed_at is None:
            return now
        rescan = self._refreshed_at + self._rescan_seconds
        if self._first_sign is None:
            return rescan
        latest = self._first_sign + LONGEST_SECONDS
        settled = latest if self._being_written else self._last_sign + QUIET_SECONDS
        return min(settled, latest, rescan)

    def signs(self) -> int | None:
        return self._inotify.descriptor if self._inotify is not None else None

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def _start_watching(self) -> None:
        try:
            self._inotify = inotify.Inotify()
        except OSError as error:
            self._poll_instead(error)

    def _poll_instead(self, error: OSError) -> None:
        log.warning(
            "%s: cannot watch for changes (%s); looking every %s s instead. "
            "Raise fs.inotify.max_user_watches and max_user_instances.",
            self._path,
            error,
            POLL_SECONDS,
        )
        self._rescan_seconds = POLL_SECONDS
        self.close()

    def _add(self, folder: str, mask: int) -> int | None:
        if self._inotify is None:
            return None
        try:
            return self._inotify.add(folder, mask)
        except inotify.WatchLimit as error:
            self._poll_instead(error)
            return None

    def _watch_way_to_root(self) -> None:
        """Watch the folders that hold the root's own name, and each link on the way to it."""
        self._names_watched = {}
        way = [self._path, *(p for p in self._path.parents if p.is_symlink())]
        for step in way:
            self._names_watched.setdefault(str(step.parent), set()).add(step.name)
        for folder in self._names_watched:
            self._add(folder, _NAMES)

    def _take_signs(self, now: float) -> None:
        if self._inotify is None:
            return
        for notice in self._inotify.read():
            if not self._matters(notice):
                continue
            self._first_sign = now if self._first_sign is None else self._first_sign
            self._last_sign = now
            file = (notice.folder, notice.name)
            if notice.mask & inotify.MODIFY:
                self._being_written.add(file)
            elif notice.mask & ~inotify.ATTRIB:
                self._being_written.discard(file)

    def _matters(self, notice: inotify.Notice) -> bool:
        names = self._names_watched.get(notice.folder)
        if names is not None:
            return notice.name in names
        return notice.name not in SKIPPED_FOLDERS and not skipped_file(notice.name)

"""What a folder holds: every file's path, mode and content hash, and one digest over them all."""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from tradewind.bundles.base import BundleUnavailable

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", "__pycache__", ".ipynb_checkpoints"})
SKIPPED_FILES = (
    *("*.pyc", "*.pyo", "*.sw[opx]", "*~", ".#*", "#*#", ".DS_Store", ".nfs*", ".git"),
    *("*.log", "*.log.[0-9]*"),  # they grow all the time
)
"""Version control's, Python's and editors' own files, and logs: no DAG depends on them."""

_CHUNK = 1 << 20
_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """The largest bundle that is taken."""

    size_bytes: int = 1 << 30
    files: int = 50_000


@dataclass(frozen=True)
class Entry:
    path: str  # relative to the root, with slashes
    sha256: str
    executable: bool
    size: int


@dataclass(frozen=True)
class Scan:
    """One look at a folder.

    `folders`: the paths of all folders in it, itself first. `touched_ns`: the newest time of change
    of a file; it moves when somebody saves or touches one without changing its content.
    """

    root: Path
    entries: list[Entry]  # sorted by path
    folders: list[str]
    touched_ns: int = 0

    @property
    def digest(self) -> str:
        """Equal for equal contents: paths, executable bits and bytes; nothing else counts."""
        total = sha256()
        for entry in self.entries:
            total.update(f"{entry.path}\0{'x' if entry.executable else '-'}\0".encode())
            total.update(f"{entry.sha256}\n".encode())
        return total.hexdigest()

    @property
    def size_bytes(self) -> int:
        return sum(entry.size for entry in self.entries)

    @property
    def hashes(self) -> dict[str, str]:
        return {entry.path: entry.sha256 for entry in self.entries}


class FileGone(Exception):
    """A file vanished or changed its kind while it was looked at: look again."""


@dataclass
class Scanner:
    """Scans folders, and reads only those files that changed since the last scan."""

    limits: Limits = field(default_factory=Limits)
    excluded: tuple[Path, ...] = ()  # folders that are never part of a bundle, such as our own home
    _known: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def scan(self, root: Path) -> Scan:
        """Look at everything below `root`.

        Raises `BundleUnavailable` when it cannot be read or is too large, `FileGone` when files
        vanish meanwhile.
        """
        if not root.is_dir():
            raise BundleUnavailable(
                f"The folder {root} does not exist."
                if not root.exists()
                else f"{root} is no folder.",
                hint="Create it, or correct the bundle's path in the settings.",
            )
        walk = _Walk(root, frozenset(str(path.resolve()) for path in self.excluded), self.limits)
        known: dict[str, tuple[tuple[int, ...], str]] = {}
        entries = []
        touched = 0
        for path, seen in walk.files():
            touched = max(touched, seen.st_mtime_ns)
            absolute = os.path.join(root, path)
            identity = (seen.st_size, seen.st_mtime_ns, seen.st_ino, seen.st_dev)
            before, digest = self._known.get(absolute, (None, ""))
            if before != identity:
                digest = hash_file(absolute)
            if time.time_ns() - seen.st_mtime_ns > _SETTLED_NS:
                # A file written twice within the clock's grain may look unchanged; reading young
                # files again each time rules that out.
                known[absolute] = (identity, digest)
            entries.append(Entry(path, digest, bool(seen.st_mode & 0o111), seen.st_size))
        self._known = {p: v for p, v in self._known.items() if not p.startswith(f"{root}/")} | known
        entries.sort(key=lambda entry: entry.path)
        return Scan(root, entries, walk.folders, touched)


class _Walk:
    """Depth first through folders and the links in them, each folder once on any way down."""

    def __init__(self, root: Path, excluded: frozenset[str], limits: Limits) -> None:
        self._root = root
        self._excluded = excluded
        self._limits = limits
        self._bytes = 0
        self._files = 0
        self._by_top: dict[str, int] = {}
        self.folders: list[str] = []

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        for path, seen in self._below(str(self._root), "", ()):
            self._count(path, seen.st_size)
            yield path, seen

    def _below(
        self, folder: str, relative: str, above: tuple[str, ...]
    ) -> Iterator[tuple[str, os.stat_result]]:
        real = os.path.realpath(folder)
        if real in above or real in self._excluded:
            return
        self.folders.append(folder)
        try:
            found = sorted(os.scandir(folder), key=lambda item: item.name)
        except FileNotFoundError as gone:
            raise FileGone(folder) from gone
        except OSError as error:
            raise _unreadable(folder, error) from error
        for item in found:
            try:
                seen = item.stat()
            except FileNotFoundError:  # a link to nowhere, or gone just now
                continue
            except OSError as error:  # a link to itself, or forbidden
                raise _unreadable(item.path, error) from error
            path = _text(f"{relative}{item.name}", folder)
            if stat.S_ISDIR(seen.st_mode):
                # ConfigMap volumes keep generations in folders named "..", linked to from above.
                if item.name not in SKIPPED_FOLDERS and not item.name.startswith(".."):
                    yield from self._below(item.path, f"{path}/", (*above, real))
            elif stat.S_ISREG(seen.st_mode) and not skipped_file(item.name):
                yield path, seen

    def _count(self, path: str, size: int) -> None:
        self._files += 1
        self._bytes += size
        top = path.split("/")[0]
        self._by_top[top] = self._by_top.get(top, 0) + size
        if self._bytes > self._limits.size_bytes or self._files > self._limits.files:
            largest = max(self._by_top, key=lambda name: self._by_top[name])
            raise BundleUnavailable(
                f"{self._root} is too large for a bundle: more than {self._limits.files} files or"
                f" {self._limits.size_bytes >> 20} MiB. The largest part seen is {largest!r}"
                f" ({self._by_top[largest] >> 20} MiB).",
                hint="Keep data, virtual environments and build results out of the DAG folder.",
            )


def skipped_file(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in SKIPPED_FILES)


def hash_file(path: str) -> str:
    """The SHA-256 of a file's bytes. Raises `FileGone` or `BundleUnavailable`."""
    total = sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
    except FileNotFoundError as gone:
        raise FileGone(path) from gone
    except OSError as error:
        raise _unreadable(path, error) from error
    return total.hexdigest()


def _text(path: str, folder: str) -> str:
    """The path, which the database and archives keep as text."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise BundleUnavailable(
            f"In {folder!r} the name {os.path.basename(path)!a} is not text in UTF-8.",
            hint="Rename the file, or take it out of the bundle.",
        ) from error
    return path


def _unreadable(path: str, error: OSError) -> BundleUnavailable:
    return BundleUnavailable(
        f"{path} cannot be read: {error.strerror}.",
        hint="Let the user that runs the DAG processor read it, or take it out of the bundle.",
    )

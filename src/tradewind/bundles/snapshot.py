"""Immutable copies of bundles, addressed by the digest of their content.

A snapshot lies unpacked in ``<home>/bundles/<digest>/`` on this machine and as one archive in the
storage, from which every other machine fetches it. It never changes: equal digest, equal bytes.
"""

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from tradewind.bundles.scan import Entry, FileGone, Scan, Scanner
from tradewind.core.errors import InfrastructureError, NotFound
from tradewind.storage.base import Storage

_CHUNK = 1 << 20


class Snapshots:
    """All snapshots below one home. Several processes may share it; methods may race freely."""

    def __init__(self, home: Path, storage: Storage) -> None:
        self.folder = home / "bundles"
        self._storage = storage
        self._newest: dict[str, Scan] = {}  # by root: what the last snapshot of it was made of

    def path(self, digest: str) -> Path:
        return self.folder / digest

    def take(self, scan: Scan) -> str:
        """Make the snapshot of what `scan` saw, unless it exists; returns its digest.

        Raises `FileGone` when a file is not any more what the scan saw: scan again.
        """
        digest = scan.digest
        target = self.path(digest)
        if not target.is_dir():
            self._build(scan, target)
        self._archive(digest, scan.entries)
        self._newest[str(scan.root)] = scan
        return digest

    def fetch(self, digest: str) -> Path:
        """The unpacked snapshot, brought from the storage if this machine does not have it."""
        target = self.path(digest)
        if not target.is_dir():
            archive = self._storage.get(archive_key(digest))
            if archive is None:
                raise NotFound(
                    f"The snapshot {digest} is in no storage.",
                    hint="Check that all components use the same storage.url.",
                )
            self._unpack(archive, digest, target)
        return target

    def remove_unused(self, referenced: Collection[str], *, min_age_seconds: float) -> list[str]:
        """Remove the snapshots that nothing refers to any more; returns their digests.

        Younger ones stay: somebody may be about to refer to them. What broken-off work left behind
        goes too.
        """
        removed = []
        for path in list(self.folder.iterdir()) if self.folder.is_dir() else []:
            if path.name in referenced or time.time() - path.stat().st_mtime < min_age_seconds:
                continue
            if not path.name.startswith("."):
                removed.append(path.name)
                self._storage.delete(archive_key(path.name))
            aside = self.folder / f".removed-{path.name}-{os.getpid()}"
            path.rename(aside)  # at once, so that nobody sees half of it
            _remove(aside)
        return sorted(removed)

    def _build(self, scan: Scan, target: Path) -> None:
        last = self._newest.get(str(scan.root))
        reusable = {}
        if last is not None:
            base = self.path(last.digest)
            reusable = {(e.sha256, e.executable): base / e.path for e in last.entries}
        with _Staging(target) as staging:
            for entry in scan.entries:
                to = staging.prepare(entry.path)
                known = reusable.get((entry.sha256, entry.executable))
                if known is None or not _linked(known, to):
                    _copy(scan.root / entry.path, to, entry)
            staging.finish()

    def _archive(self, digest: str, entries: list[Entry]) -> None:
        key = archive_key(digest)
        if not self._storage.exists(key):
            self._storage.put(key, pack(self.path(digest), entries))

    def _unpack(self, archive: bytes, digest: str, target: Path) -> None:
        try:
            self._unpack_into(archive, digest, target)
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise InfrastructureError(
                f"The snapshot {digest} could not be unpacked in {self.folder}: {error}",
                hint="Is there space left, and may this user write there?",
            ) from error

    def _unpack_into(self, archive: bytes, digest: str, target: Path) -> None:
        with _Staging(target) as staging:
            with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
                tar.extractall(staging.folder, filter="data")
            if Scanner().scan(staging.folder).digest != digest:
                raise InfrastructureError(
                    f"The archive of snapshot {digest} in the storage is damaged.",
                    hint="Remove it there; the DAG processor will write it anew.",
                )
            staging.finish()


def archive_key(digest: str) -> str:
    return f"bundles/{digest}.tar.gz"


def pack(folder: Path, entries: list[Entry]) -> bytes:
    """The entries as one archive; equal entries give equal bytes."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=3, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.size = entry.size
            info.mode = _mode(entry.executable)
            with open(folder / entry.path, "rb") as file:
                tar.addfile(info, file)
    return buffer.getvalue()


class _Staging:
    """A folder beside `target` that becomes `target` at once, when it is complete and on disk."""

    def __init__(self, target: Path) -> None:
        self._target = target
        target.parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=".staging-", dir=target.parent))

    def __enter__(self) -> "_Staging":
        return self

    def __exit__(self, *_: object) -> None:
        if self.folder.exists():
            _remove(self.folder)

    def prepare(self, path: str) -> Path:
        to = self.folder / path
        to.parent.mkdir(parents=True, exist_ok=True)
        return to

    def finish(self) -> None:
        for folder, _, files in os.walk(self.folder, topdown=False):
            for name in files:
                path = os.path.join(folder, name)
                if os.stat(path).st_nlink == 1:  # others were synced with the snapshot they are in
                    os.chmod(path, _mode(bool(os.stat(path).st_mode & 0o111)))
                    _sync(path)
            if folder != str(self.folder):
                os.chmod(folder, 0o555)
            _sync(folder)
        try:
            self.folder.rename(self._target)
        except OSError:
            if not self._target.is_dir():  # if it is there, somebody else was faster
                raise
            return
        self._target.chmod(0o555)  # only now: a read-only folder cannot be renamed
        _sync(self._target.parent)


def _linked(known: Path, to: Path) -> bool:
    """An unchanged file is shared with the previous snapshot."""
    try:
        os.link(known, to)
    except OSError:  # removed meanwhile, or a file system without links
        return False
    return True


def _copy(source: Path, to: Path, entry: Entry) -> None:
    total = sha256()
    try:
        with open(source, "rb") as file, open(to, "wb") as copy:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
                copy.write(chunk)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as gone:
        raise FileGone(str(source)) from gone
    if total.hexdigest() != entry.sha256:
        raise FileGone(str(source))
    to.chmod(_mode(entry.executable))


def _mode(executable: bool) -> int:
    return 0o555 if executable else 0o444


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a tree whose folders are read-only."""
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o755)
    shutil.rmtree(folder)

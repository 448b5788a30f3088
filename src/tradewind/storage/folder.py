"""Storage in a folder of this machine or of a file system that all machines share."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewind.storage.base import StorageError, check_key

_HINTS = {
    errno.ENOSPC: "The disk is full. Free some space.",
    errno.EDQUOT: "The disk quota is used up. Free some space.",
    errno.EACCES: "Give this user read and write access to the folder.",
    errno.EPERM: "Give this user read and write access to the folder.",
    errno.EROFS: "The file system is read-only. Name another place in storage.url.",
    errno.ENOTDIR: "A file is where a folder should be. Name another place in storage.url.",
    errno.EEXIST: "A file is where a folder should be. Name another place in storage.url.",
}
_TEMPORARY = ".tmp-"


class FolderStorage:
    """Each key is a file below `root`, which is made when something is stored."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        with self._explained("write", key):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(descriptor)
                os.chmod(temporary, 0o644)
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
            _sync_folder(path.parent)

    def get(self, key: str) -> bytes | None:
        with self._explained("read", key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def exists(self, key: str) -> bool:
        with self._explained("read", key):
            return self._path(key).is_file()

    def delete(self, key: str) -> None:
        with self._explained("delete", key):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str) -> list[str]:
        folder = self._path(prefix) if prefix else self.root
        with self._explained("list", prefix):
            files = (path for path in folder.rglob("*") if path.is_file())
            return sorted(
                path.relative_to(self.root).as_posix()
                for path in files
                if not path.name.startswith(_TEMPORARY)
            )

    def _path(self, key: str) -> Path:
        check_key(key)
        return self.root / key

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(
                f"Cannot {verb} {key!r} in the storage {self.root}: {reason}.",
                hint=_HINTS.get(error.errno or 0),
            ) from error


def _sync_folder(folder: Path) -> None:
    """Without this the name of a new file may be lost with the machine's power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

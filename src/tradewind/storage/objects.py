"""Storage in a bucket of S3, Google Cloud Storage or Azure, or of what speaks their protocols."""

from collections.abc import Iterator
from contextlib import contextmanager

import obstore
from obstore import exceptions
from obstore.store import ObjectStore

from tradewind.storage.base import StorageError, check_key

_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (
        exceptions.UnauthenticatedError,
        "Give credentials as the cloud's own tools take them (for S3: AWS_ACCESS_KEY_ID, ...).",
    ),
    (
        exceptions.PermissionDeniedError,
        "These credentials may not do that; they need to read, write, list and delete.",
    ),
    (exceptions.NotFoundError, "The bucket does not exist. Create it, or correct storage.url."),
)
_UNREACHABLE = "Is the service reachable from here, and is its endpoint right?"


class ObjectStorage:
    """Each key is an object below the prefix that `store` was opened with.

    Durability and atomic replacement are the service's own promise.
    """

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = url

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._explained("write", key):
            obstore.put(self._store, key, data)

    def get(self, key: str) -> bytes | None:
        check_key(key)
        with self._explained("read", key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except (FileNotFoundError, exceptions.NotFoundError):
                return None

    def exists(self, key: str) -> bool:
        check_key(key)
        with self._explained("read", key):
            try:
                obstore.head(self._store, key)
            except (FileNotFoundError, exceptions.NotFoundError):
                return False
            return True

    def delete(self, key: str) -> None:
        check_key(key)
        with self._explained("delete", key):
            try:
                obstore.delete(self._store, key)
            except (FileNotFoundError, exceptions.NotFoundError):
                return

    def list(self, prefix: str) -> list[str]:
        if prefix:
            check_key(prefix)
        with self._explained("list", prefix):
            pages = obstore.list(self._store, prefix=prefix or None)
            return sorted(entry["path"] for page in pages for entry in page)

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, OSError) as error:
            hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), _UNREACHABLE)
            first_line = str(error).strip().splitlines()[0]
            raise StorageError(
                f"Cannot {verb} {key!r} in the storage {self._url}: {first_line}", hint=hint
            ) from error

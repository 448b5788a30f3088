"""What every kind of storage offers."""

from typing import Protocol

from tradewind.core.errors import InfrastructureError


class StorageError(InfrastructureError):
    """The storage could not do what was asked; nothing was changed half-way."""


class Storage(Protocol):
    """Bytes under keys such as ``bundles/1a2b.tar.gz``; usable from any thread.

    Every method raises StorageError, with a hint, when the storage does not answer or refuses.
    """

    def put(self, key: str, data: bytes) -> None:
        """Store durably, in place of what was there. Readers see the old bytes or the new ones."""

    def get(self, key: str) -> bytes | None:
        """What is stored; None if nothing is."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Nothing is stored under the key afterwards; it need not have been before."""

    def list(self, prefix: str) -> list[str]:
        """All keys in the folder `prefix` ("" is the whole storage) and below, sorted."""


def check_key(key: str) -> None:
    """Raise ValueError for a key that could lead out of the storage: a mistake of ours."""
    if not key or key.startswith("/") or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"not a storage key: {key!r}")

"""The kernel's notices of changes in folders (Linux).

Written on ctypes because it is four calls and one struct; the packages for it either start threads
of their own and bring an asyncio stack along (watchfiles) or have not been released for years
(inotify, inotify_simple).
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

MODIFY = 0x002
ATTRIB = 0x004
CLOSE_WRITE = 0x008
MOVED_FROM = 0x040
MOVED_TO = 0x080
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
ONLY_DIRECTORIES = 0x01000000

_NONBLOCK = os.O_NONBLOCK
_CLOEXEC = os.O_CLOEXEC
_HEADER = struct.Struct("iIII")


class WatchLimit(OSError):
    """The kernel gives this user no more watches."""


@dataclass(frozen=True)
class Notice:
    folder: str  # the watched path as it was given; "" when notices were lost
    name: str  # of the file in it; "" for the folder itself
    mask: int


class Inotify:
    """One inotify instance. Raises `WatchLimit` when the kernel's limits are used up."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._checked(self._libc.inotify_init1(_NONBLOCK | _CLOEXEC))
        self._folders: dict[int, str] = {}

    def add(self, folder: str, mask: int) -> int | None:
        """Watch a folder; None if it is not there (any more). The same folder gives the same id."""
        try:
            watch = self._checked(
                self._libc.inotify_add_watch(
                    self.descriptor, os.fsencode(folder), mask | ONLY_DIRECTORIES
                )
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        self._folders[watch] = folder
        return watch

    def remove(self, watch: int) -> None:
        if self._folders.pop(watch, None) is not None:
            self._libc.inotify_rm_watch(self.descriptor, watch)

    def read(self) -> Iterator[Notice]:
        """All notices that are there; does not wait."""
        while True:
            try:
                data = os.read(self.descriptor, 1 << 16)
            except BlockingIOError:
                return
            position = 0
            while position < len(data):
                watch, mask, _, length = _HEADER.unpack_from(data, position)
                position += _HEADER.size
                name = os.fsdecode(data[position : position + length].rstrip(b"\0"))
                position += length
                folder = self._folders.get(watch, "")
                if mask & IGNORED:  # the folder is gone, and its watch with it
                    self._folders.pop(watch, None)
                elif folder or mask & OVERFLOW:
                    yield Notice(folder, name, mask)

    @property
    def watched(self) -> dict[int, str]:
        return self._folders

    def close(self) -> None:
        os.close(self.descriptor)

    def _checked(self, result: int) -> int:
        if result < 0:
            code = ctypes.get_errno()
            kind = WatchLimit if code in (errno.ENOSPC, errno.EMFILE, errno.ENOMEM) else OSError
            raise kind(code, os.strerror(code))
        return result


def available() -> bool:
    return sys.platform == "linux"

"""`ObjectStoragePath`: pathlib for URLs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from tradewind.sdk.optional import optional_module
from tradewind.sdk.providers import filesystem

_STORE_PACKAGES = "(and s3fs for s3://, gcsfs for gs://, adlfs for abfs://)"


class ObjectStoragePath:
    """A file, or an object in a store: ``file:///data/x``, ``s3://aws_default@bucket/key``.

    It has pathlib's methods, and more (`copy`, `move`, `size`, `bucket`, `key`…). `conn_id`, or the
    name before the ``@``, is the connection whose login, password and extra the store is opened
    with: by the store's provider package where that is installed, which also knows roles, endpoints
    and so on. Further keywords go to the store's fsspec file system. Local files need no package;
    for others install universal-pathlib and the store's own (s3fs, gcsfs, adlfs).
    """

    __version__: ClassVar[int] = 1
    sep: ClassVar[str] = "/"

    def __init__(
        self,
        path: str | os.PathLike[str] | ObjectStoragePath,
        *parts: str,
        protocol: str | None = None,
        conn_id: str | None = None,
        **storage_options: Any,
    ) -> None:
        if isinstance(path, ObjectStoragePath):
            conn_id = conn_id or path.conn_id
            storage_options = {**path.storage_options, **storage_options}
            protocol = protocol or path.protocol
            path = path._url_without_connection()
        url = urlsplit(os.fspath(path))
        user, _, host = url.netloc.rpartition("@")
        self.protocol: str = url.scheme or protocol or ""
        self.conn_id: str | None = conn_id or unquote(user) or None
        self.storage_options: dict[str, Any] = storage_options
        self._url = url._replace(scheme=self.protocol, netloc=host).geturl()
        self.is_local = self.protocol in {"", "file", "local"}
        if self.is_local:
            self._path = Path(unquote(url.path) if self.protocol else os.fspath(path))
        if parts:
            self._take(self._path.joinpath(*parts))

    @cached_property
    def _path(self) -> Any:
        """pathlib's, or a store's UPath; made late, so that naming one in a DAG file is free."""
        upath = optional_module(
            "upath", package="universal-pathlib " + _STORE_PACKAGES, needed_by=repr(self._url)
        )
        if self.conn_id is not None and (get_fs := filesystem(self.protocol)) is not None:
            path = upath.UPath(self._url, **self.storage_options)
            path._fs_cached = get_fs(self.conn_id, self.storage_options)  # paths below inherit it
            return path
        return upath.UPath(self._url, **self._connection_options(), **self.storage_options)

    def _take(self, path: Any) -> None:
        self._path = path
        self._url = str(path)

    def _connection_options(self) -> dict[str, Any]:
        """What fsspec is to be told so that the store lets us in."""
        if self.conn_id is None:
            return {}
        from tradewind.sdk import Connection

        connection = Connection.get(self.conn_id)
        options = dict(connection.extra_dejson)
        if self.protocol in {"s3", "s3a"} and connection.login:
            options = {"key": connection.login, "secret": connection.password, **options}
        return options

    def _wrap(self, path: Any) -> ObjectStoragePath:
        """The same store's other path."""
        other = object.__new__(type(self))
        other.protocol, other.conn_id = self.protocol, self.conn_id
        other.storage_options, other.is_local = self.storage_options, self.is_local
        other._take(path)
        return other

    # --- what it is --------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """What the store calls it: without protocol and connection."""
        return str(self._path) if self.is_local else str(self._path.path)

    @property
    def bucket(self) -> str:
        return "" if self.is_local else urlsplit(self._url).netloc

    container = bucket

    @property
    def key(self) -> str:
        """The object's name in its bucket."""
        path = str(self._path) if self.is_local else urlsplit(self._url).path
        return path.lstrip(self.sep)

    @property
    def namespace(self) -> str:
        return f"{self.protocol}://{self.bucket}" if self.bucket else self.protocol

    @property
    def fs(self) -> Any:
        """The fsspec file system."""
        if not self.is_local:
            return self._path.fs
        local = optional_module(
            "fsspec.implementations.local", package="fsspec", needed_by=f"The file system of {self}"
        )
        return local.LocalFileSystem()

    def _url_without_connection(self) -> str:
        if not self.is_local:
            return self._url
        return f"{self.protocol}://{self._path}" if self.protocol else str(self._path)

    def __str__(self) -> str:
        url = self._url_without_connection()
        if self.conn_id and self.protocol:
            return url.replace("://", f"://{self.conn_id}@", 1)
        return url

    def __repr__(self) -> str:
        return f"ObjectStoragePath({str(self)!r})"

    def __fspath__(self) -> str:
        if not self.is_local:
            raise TypeError(f"{self} is no local file; use its own open() or read_text()")
        return str(self._path)

    def __hash__(self) -> int:
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        return self.samestore(other) and str(self) == str(other)

    def __lt__(self, other: ObjectStoragePath) -> bool:
        return str(self) < str(other)

    def samestore(self, other: object) -> bool:
        """Whether both are behind the same protocol and connection."""
        return (
            isinstance(other, ObjectStoragePath)
            and self.protocol == other.protocol
            and self.conn_id == other.conn_id
        )

    # --- other paths -------------------------------------------------------------------------

    def __truediv__(self, part: str) -> ObjectStoragePath:
        return self._wrap(self._path / part)

    def joinpath(self, *parts: str) -> ObjectStoragePath:
        return self._wrap(self._path.joinpath(*parts))

    @property
    def parent(self) -> ObjectStoragePath:
        return self._wrap(self._path.parent)

    @property
    def parents(self) -> list[ObjectStoragePath]:
        return [self._wrap(parent) for parent in self._path.parents]

    def with_name(self, name: str) -> ObjectStoragePath:
        return self._wrap(self._path.with_name(name))

    def with_suffix(self, suffix: str) -> ObjectStoragePath:
        return self._wrap(self._path.with_suffix(suffix))

    def absolute(self) -> ObjectStoragePath:
        return self._wrap(self._path.absolute())

    def iterdir(self) -> Iterator[ObjectStoragePath]:
        return map(self._wrap, self._path.iterdir())

    def glob(self, pattern: str) -> Iterator[ObjectStoragePath]:
        return map(self._wrap, self._path.glob(pattern))

    def rglob(self, pattern: str) -> Iterator[ObjectStoragePath]:
        return map(self._wrap, self._path.rglob(pattern))

    def __getattr__(self, name: str) -> Any:
        """All else is as the path below does it: name, suffix, exists, read_text, mkdir, unlink…"""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._path, name)

    # --- contents ----------------------------------------------------------------------------

    def open(self, mode: str = "r", **kwargs: Any) -> Any:
        return self._path.open(mode, **kwargs)

    def size(self) -> int:
        """In bytes."""
        return int(self._path.stat().st_size)

    def ukey(self) -> str:
        """Changes when the content does."""
        if not self.is_local:
            return str(self.fs.ukey(self.path))
        found = self._path.stat()
        return sha256(f"{self.path}:{found.st_size}:{found.st_mtime_ns}".encode()).hexdigest()

    def checksum(self) -> int:
        return int(self.ukey(), 16) if self.is_local else int(self.fs.checksum(self.path))

    def read_block(self, offset: int, length: int, delimiter: bytes | None = None) -> Any:
        """`length` bytes from `offset` on; with a delimiter, moved to whole records."""
        return self.fs.read_block(self.path, offset, length, delimiter)

    def sign(self, expiration: int = 100, **kwargs: Any) -> Any:
        """A URL that lets anybody read the object for `expiration` seconds."""
        return self.fs.sign(self.path, expiration=expiration, **kwargs)

    def modified(self) -> datetime:
        return datetime.fromtimestamp(self._path.stat().st_mtime).astimezone()

    def rename(self, target: str | ObjectStoragePath) -> ObjectStoragePath:
        return self._wrap(self._path.rename(_path_of(target)))

    replace = rename

    def copy(self, dst: str | ObjectStoragePath, recursive: bool = False, **kwargs: Any) -> None:
        """Copy the file, or with `recursive` the folder, to `dst`, or into it if it ends with /."""
        into_folder = str(dst).endswith(self.sep)
        target = dst if isinstance(dst, ObjectStoragePath) else ObjectStoragePath(dst)
        if self.is_dir():
            if not recursive:
                raise IsADirectoryError(f"{self} is a folder; pass recursive=True")
            for item in self.iterdir():
                item.copy(target / item.name, recursive=True, **kwargs)
            return
        if not self.exists():
            raise FileNotFoundError(f"{self} does not exist")
        if into_folder or target.is_dir():
            target = target / self.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)

    def copy_into(
        self, target_dir: str | ObjectStoragePath, recursive: bool = False, **kwargs: Any
    ) -> None:
        self.copy(_folder(target_dir) / self.name, recursive=recursive, **kwargs)

    def move(self, path: str | ObjectStoragePath, recursive: bool = False, **kwargs: Any) -> None:
        """Copy, then delete what was copied."""
        self.copy(path, recursive=recursive, **kwargs)
        self._delete()

    def move_into(
        self, target_dir: str | ObjectStoragePath, recursive: bool = False, **kwargs: Any
    ) -> None:
        self.move(_folder(target_dir) / self.name, recursive=recursive, **kwargs)

    def rmdir(self, recursive: bool = True) -> None:
        if recursive and self.is_local:
            shutil.rmtree(self._path)
        elif recursive:
            self.fs.rm(self.path, recursive=True)
        else:
            self._path.rmdir()

    def _delete(self) -> None:
        if self.is_dir():
            self.rmdir()
        else:
            self.unlink()

    # --- as an XCom --------------------------------------------------------------------------

    def serialize(self) -> dict[str, Any]:
        return {"path": str(self), "conn_id": self.conn_id, "kwargs": dict(self.storage_options)}

    @classmethod
    def deserialize(cls, data: dict[str, Any], version: int) -> ObjectStoragePath:
        if version > cls.__version__:
            raise ValueError(f"Cannot deserialize version {version} of a path.")
        return cls(data["path"], conn_id=data.get("conn_id"), **data.get("kwargs", {}))

    @classmethod
    def cwd(cls) -> ObjectStoragePath:
        return cls(Path.cwd())

    @classmethod
    def home(cls) -> ObjectStoragePath:
        return cls(Path.home())


def _path_of(target: str | ObjectStoragePath) -> Any:
    return ObjectStoragePath(target)._path


def _folder(target: str | ObjectStoragePath) -> ObjectStoragePath:
    folder = ObjectStoragePath(target)
    if not folder.is_dir():
        raise NotADirectoryError(f"Destination {folder} is not a directory.")
    return folder

"""Assets: named pieces of data that tasks make and that DAGs wait for."""

from __future__ import annotations

import json
import os
import urllib.parse
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar


class BaseAsset:
    """What `schedule=` takes beside times: assets, aliases, references, and their `&` and `|`."""

    def __or__(self, other: BaseAsset) -> BaseAsset:
        return AssetAny(self, other) if isinstance(other, BaseAsset) else NotImplemented

    def __and__(self, other: BaseAsset) -> BaseAsset:
        return AssetAll(self, other) if isinstance(other, BaseAsset) else NotImplemented


@dataclass(frozen=True)
class AssetUniqueKey:
    """What makes two assets the same one."""

    name: str
    uri: str

    @staticmethod
    def from_asset(asset: Asset) -> AssetUniqueKey:
        return AssetUniqueKey(asset.name, asset.uri)

    def to_asset(self) -> Asset:
        return Asset(self.name, self.uri)


@dataclass
class AssetAccessControl:
    """Which teams may make and use the asset's events."""

    producer_teams: list[str] = field(default_factory=list)
    consumer_teams: list[str] | None = None
    allow_global: bool = True

    def __post_init__(self) -> None:
        for name in ("producer_teams", "consumer_teams"):
            for team in getattr(self, name) or []:
                if not isinstance(team, str) or not team.strip():
                    raise ValueError(f"Each entry in {name} must be a non-empty string")


@dataclass
class AssetWatcher:
    """A trigger that makes events of the asset by itself. The name tells watchers apart."""

    name: str
    trigger: Any


class Asset(BaseAsset, os.PathLike[str]):
    """A piece of data with a name and a URI; each defaults to the other."""

    asset_type: ClassVar[str] = "asset"

    def __init__(
        self,
        name: str | None = None,
        uri: str | os.PathLike[str] | None = None,
        *,
        group: str | None = None,
        extra: dict[str, Any] | None = None,
        watchers: list[AssetWatcher] | None = None,
        access_control: AssetAccessControl | None = None,
    ) -> None:
        if name is None and uri is None:
            raise TypeError("Asset() requires either 'name' or 'uri'")
        kind = type(self).__name__
        self.name = _identifier(kind, "name", str(uri) if name is None else name)
        if self.name in ("self", "context"):
            raise ValueError(f"prohibited name for asset: {self.name}")
        self.uri = _identifier(kind, "uri", normalized_uri(str(name if uri is None else uri)))
        self.group = _identifier(kind, "group", self.asset_type if group is None else group)
        self.extra = {} if extra is None else extra
        self.watchers = watchers or []
        self.access_control = access_control or AssetAccessControl()

    @staticmethod
    def ref(*, name: str = "", uri: str = "") -> AssetRef:
        """An asset that is defined elsewhere, by its name or its URI."""
        if name and uri:
            raise TypeError("Asset reference must be made to either name or URI, not both")
        if name:
            return AssetNameRef(name)
        if uri:
            return AssetUriRef(uri)
        raise TypeError("Asset reference expects keyword argument 'name' or 'uri'")

    def __fspath__(self) -> str:
        return self.uri

    def _identity(self) -> tuple[str, ...]:
        return (
            self.name,
            self.uri,
            self.group,
            json.dumps(self.extra, sort_keys=True, default=str),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Asset):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name={self.name!r}, uri={self.uri!r}, "
            f"group={self.group!r}, extra={self.extra!r})"
        )


class Dataset(Asset):
    """Airflow 2's name: the first argument is the URI."""

    asset_type: ClassVar[str] = "dataset"


class Model(Asset):
    """An asset that is a model."""

    asset_type: ClassVar[str] = "model"


class AssetRef(BaseAsset):
    """Base of what `Asset.ref` makes."""


@dataclass(frozen=True)
class AssetNameRef(AssetRef):
    """`Asset.ref(name=...)`."""

    name: str


@dataclass(frozen=True)
class AssetUriRef(AssetRef):
    """`Asset.ref(uri=...)`."""

    uri: str


class AssetAlias(BaseAsset):
    """A name under which a task decides at run time which assets it makes."""

    def __init__(self, name: str, *, group: str = "asset") -> None:
        self.name = _identifier("AssetAlias", "name", name)
        self.group = _identifier("AssetAlias", "group", group)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AssetAlias):
            return NotImplemented
        return (self.name, self.group) == (other.name, other.group)

    def __hash__(self) -> int:
        return hash((self.name, self.group))

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r}, group={self.group!r})"


class AssetBooleanCondition(BaseAsset):
    """Base of `AssetAll` and `AssetAny`."""

    def __init__(self, *objects: BaseAsset) -> None:
        if not all(isinstance(item, BaseAsset) for item in objects):
            raise TypeError("expect asset expressions in condition")
        self.objects: Collection[BaseAsset] = objects

    def __iter__(self) -> Iterator[BaseAsset]:
        return iter(self.objects)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and list(self.objects) == list(other.objects)

    def __hash__(self) -> int:
        return hash(tuple(self.objects))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.objects))})"


class AssetAny(AssetBooleanCondition):
    """Due when one of them has a new event."""

    def __or__(self, other: BaseAsset) -> BaseAsset:
        return AssetAny(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


class AssetAll(AssetBooleanCondition):
    """Due when each of them has a new event."""

    def __and__(self, other: BaseAsset) -> BaseAsset:
        return AssetAll(*self.objects, other) if isinstance(other, BaseAsset) else NotImplemented


@dataclass
class Metadata:
    """Yield or return it from a task: `extra` goes to the asset's event."""

    asset: Any
    extra: dict[str, Any] = field(default_factory=dict)
    alias: AssetAlias | None = None


def _identifier(kind: str, what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{kind} {what} must be a string, not {type(value).__name__}: {value!r}")
    if len(value) > 1500:
        raise ValueError(f"{kind} {what} cannot exceed 1500 characters")
    if not value or value.isspace():
        raise ValueError(f"{kind} {what} cannot be empty or just whitespace")
    return value


def normalized_uri(uri: str) -> str:
    """One spelling for one place: no trailing slash, no password, no fragment, lower-case scheme.

    Text without a scheme, and schemes that begin with `x-`, stay as they are.
    """
    parts = urllib.parse.urlsplit(uri)
    scheme = parts.scheme.lower()
    if not scheme or scheme.startswith("x-"):
        return uri
    if scheme == "airflow":
        raise ValueError("Asset scheme 'airflow' is reserved")
    netloc = parts.netloc
    if parts.password:
        warnings.warn(
            "An Asset URI should not contain a password. User info has been automatically dropped.",
            UserWarning,
            stacklevel=3,
        )
        netloc = netloc.rpartition("@")[2]
    query = urllib.parse.urlencode(sorted(urllib.parse.parse_qsl(parts.query)))
    path = parts.path.rstrip("/") or "/"
    return urllib.parse.urlunsplit((scheme, netloc, path, query, ""))

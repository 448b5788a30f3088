"""XCom values as JSON and back, in Airflow's encoding.

JSON's own types stay as they are (keys of dicts become text). Anything else becomes
`{"__classname__": ..., "__version__": ..., "__data__": ...}`. What is read back may differ from
what went in, as in Airflow: Decimal("1.50") gives 1.5, a datetime's UTC becomes pendulum's.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatch
from typing import Any, NamedTuple

CLASSNAME = "__classname__"
VERSION = "__version__"
DATA = "__data__"

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_MAX_DEPTH = 500

Json = Any  # the wire's edge


def encode(value: Any) -> Json:
    """The JSON form. Raises TypeError for a type without one, ValueError for NaN, huge integers."""
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Json:
    if depth > _MAX_DEPTH:
        raise RecursionError("maximum recursion depth reached for serialization")
    if value is None or type(value) in (bool, str):
        return value
    if isinstance(value, Enum) and isinstance(value, (int, float, str)):
        return _encode(value.value, depth + 1)
    if isinstance(value, list):
        return [_encode(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return _encode_dict(value, depth)
    found = _handler_for(value)
    if found is not None:
        classname, handler = found
        data = _encode(handler.encode(value), depth + 1)
        return {CLASSNAME: classname, VERSION: handler.version, DATA: data}
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, str):
        return str(value)
    return _encode_object(value, depth)


def _encode_dict(value: Mapping[Any, Any], depth: int) -> Json:
    if CLASSNAME in value:
        raise AttributeError(f"reserved key {CLASSNAME} found in dict to serialize")
    return {str(key): _encode(item, depth + 1) for key, item in value.items()}


def _number(value: float) -> float:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be an XCom: JSON has no such number")
        return float(value)
    if not _SMALLEST <= value <= _LARGEST:
        raise ValueError("Integer exceeds 64-bit range; return it as text to keep it exact")
    return int(value)


def _encode_object(value: Any, depth: int) -> Json:
    """Objects that say themselves how: by `serialize()`, or as dataclasses and attrs classes."""
    cls = type(value)
    version = getattr(cls, "__version__", 0)
    if hasattr(value, "serialize"):
        data = value.serialize()
        data = _encode(data, depth + 1) if isinstance(data, dict) else data
    elif dataclasses.is_dataclass(cls):
        data = _encode(dataclasses.asdict(value), depth + 1)
    elif hasattr(cls, "__attrs_attrs__"):
        names = [field.name for field in cls.__attrs_attrs__ if field.init]
        data = _encode({name: getattr(value, name) for name in names}, depth + 1)
    else:
        raise TypeError(
            f"Cannot serialize object of type {cls}. Give it a `serialize()` method and a "
            "`deserialize(data, version)` staticmethod, or make it a dataclass; or return plain "
            "values (text, numbers, lists, dicts)."
        )
    return {CLASSNAME: qualname(cls), VERSION: version, DATA: data}


def decode(value: Json) -> Any:
    """What the JSON form stands for.

    Raises ImportError for a class that `[core] allowed_deserialization_classes` does not allow, and
    TypeError for one that cannot be built.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if CLASSNAME not in value or VERSION not in value:
        return {str(key): decode(item) for key, item in value.items()}
    classname, version, data = value[CLASSNAME], value[VERSION], value.get(DATA)
    handler = HANDLERS.get(classname)
    if handler is not None:
        if version > handler.version:
            raise TypeError(f"serialized version {version} of {classname} is newer than understood")
        return handler.decode(classname, decode(data))
    return _decode_object(classname, version, data)


def _decode_object(classname: str, version: int, data: Json) -> Any:
    if not _is_allowed(classname):
        raise ImportError(
            f"{classname} was not found in allow list for deserialization imports. "
            f"To allow it, add it to allowed_deserialization_classes in the configuration"
        )
    cls = _import(classname)
    if hasattr(cls, "model_validate"):
        return cls.model_validate(decode(data))
    if hasattr(cls, "deserialize"):
        return cls.deserialize(decode(data), version)
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__"):
        if version > getattr(cls, "__version__", 0):
            raise TypeError(f"serialized version of {classname} is newer than the class")
        return cls(**decode(data))
    raise TypeError(
        f"No deserializer found for {classname}. It must provide a `deserialize(data, version)` "
        "staticmethod, or be a dataclass."
    )


_explicitly_allowed: set[str] = set()


def allow_class(cls: type) -> None:
    """Let values of this class be read in this process. It has to be at the top of its module."""
    if "." in cls.__qualname__:
        raise ValueError(f"{qualname(cls)!r} is nested; define the class at module scope")
    _explicitly_allowed.add(qualname(cls))


def _is_allowed(classname: str) -> bool:
    from tradewind.sdk.configuration import conf

    globs = conf.get("core", "allowed_deserialization_classes", fallback="airflow.*").split()
    patterns = conf.get("core", "allowed_deserialization_classes_regexp", fallback="").split()
    return (
        classname in _explicitly_allowed
        or any(fnmatch(classname, glob) for glob in [*globs, "tradewind.*"])
        or any(re.fullmatch(pattern, classname) for pattern in patterns)
    )


def qualname(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _import(classname: str) -> Any:
    module, _, name = classname.rpartition(".")
    return getattr(importlib.import_module(module), name)


# --- types that Airflow knows ---------------------------------------------------------------------


class _Handler(NamedTuple):
    """`encode(value)` gives something that can be encoded; `decode(classname, data)` undoes it."""

    version: int
    encode: Callable[[Any], Any]
    decode: Callable[[str, Any], Any]


def _handler_for(value: Any) -> tuple[str, _Handler] | None:
    cls = type(value)
    if hasattr(value, "_asdict") and isinstance(value, tuple):
        return "builtins.tuple", HANDLERS["builtins.tuple"]
    classname = qualname(cls)
    handler = HANDLERS.get(classname)
    if handler is not None:
        return classname, handler
    for base in cls.__mro__:
        if qualname(base) in _STORED_NAMES:
            classname = _STORED_NAMES[qualname(base)]
            return classname, HANDLERS[classname]
    if hasattr(cls, "model_dump") and hasattr(cls, "model_fields"):
        return classname, _PYDANTIC
    return None


def _collection(classname: str, data: Any) -> Any:
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[classname.rpartition(".")[2]](data)


def _encode_decimal(value: Decimal) -> float:
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


def _encode_datetime(value: dt.datetime) -> dict[str, Any]:
    zone = None if value.tzinfo is None else _encode_zone_tuple(value.tzinfo)
    return {"timestamp": value.timestamp(), "tz": zone}


def _encode_zone_tuple(zone: dt.tzinfo) -> tuple[Any, str, int, bool]:
    """Zones of the standard library that are only an offset become pendulum's, to be readable."""
    name = zone_name(zone)
    if name is not None:
        return name, qualname(type(zone)), 1, True
    offset = zone.utcoffset(None)
    if offset is None:
        raise TypeError(f"Cannot serialize the time zone {zone!r}: it has neither name nor offset")
    seconds = int(offset.total_seconds())
    return seconds or "UTC", "pendulum.tz.timezone.FixedTimezone", 1, True


def zone_name(zone: dt.tzinfo) -> str | int | None:
    """A name, or pendulum's offset in seconds; None for zones of the standard library."""
    offset = getattr(zone, "offset", None)
    if isinstance(offset, int):  # pendulum's FixedTimezone
        return offset or "UTC"
    for attribute in ("key", "name", "zone"):
        name = getattr(zone, attribute, None)
        if isinstance(name, str):
            return name
    return None


def _decode_datetime(classname: str, data: Any) -> Any:
    zone = data["tz"] and _decode_zone("", data["tz"][0])  # pendulum's, whatever it was
    if classname == "datetime.datetime":
        return dt.datetime.fromtimestamp(data["timestamp"], tz=zone or None)
    from pendulum import DateTime

    return DateTime.fromtimestamp(data["timestamp"], tz=zone or None)


def _encode_zone(zone: dt.tzinfo) -> str | int:
    return zone_name(zone) or "UTC"


def _decode_zone(classname: str, data: str | int) -> Any:
    if classname == "zoneinfo.ZoneInfo":
        from zoneinfo import ZoneInfo

        return ZoneInfo(str(data))
    import pendulum

    return pendulum.timezone(data)


def _decode_date(classname: str, data: str) -> Any:
    if classname == "datetime.date":
        return dt.date.fromisoformat(data)
    from pendulum import Date

    return Date.fromisoformat(data)


def _decode_path(classname: str, data: Any) -> Any:
    from tradewind.sdk.io.path import ObjectStoragePath

    return ObjectStoragePath.deserialize(data, ObjectStoragePath.__version__)


def _encode_frame(value: Any) -> str:
    return value.to_parquet(compression="snappy").hex()  # type: ignore[no-any-return]  # pandas


def _decode_frame(classname: str, data: str) -> Any:
    from io import BytesIO

    pandas = importlib.import_module("pandas")
    return pandas.read_parquet(BytesIO(bytes.fromhex(data)))


def _numpy(convert: Callable[[Any], Any]) -> _Handler:
    return _Handler(1, convert, lambda classname, data: _import(classname)(data))


def _asset(version: int, our_class: str, *fields: str) -> _Handler:
    """Stored under Airflow's class name, so that XComs of either system can be read."""
    return _Handler(
        version,
        lambda value: {name: getattr(value, name) for name in fields},
        lambda classname, data: _import(our_class)(**data),
    )


_ASSETS = "airflow.sdk.definitions.asset"
_OURS = "tradewind.sdk.assets"
_PATH = "airflow.sdk.io.path.ObjectStoragePath"
_STORED_NAMES = {
    f"{_OURS}.Asset": f"{_ASSETS}.Asset",
    f"{_OURS}.AssetAlias": f"{_ASSETS}.AssetAlias",
    f"{_OURS}.AssetNameRef": f"{_ASSETS}.AssetNameRef",
    f"{_OURS}.AssetUriRef": f"{_ASSETS}.AssetUriRef",
    f"{_OURS}.AssetAccessControl": f"{_ASSETS}.access_control.AssetAccessControl",
    "tradewind.sdk.io.path.ObjectStoragePath": _PATH,
}
_ASSET_FIELDS = ("name", "uri", "group", "extra", "watchers", "access_control")
_ACCESS_FIELDS = ("producer_teams", "consumer_teams", "allow_global")

_TUPLES = _Handler(1, list, _collection)
_DATETIMES = _Handler(2, _encode_datetime, _decode_datetime)
_DATES = _Handler(2, lambda value: value.isoformat(), _decode_date)
_ZONES = _Handler(1, _encode_zone, _decode_zone)
_FRAMES = _Handler(1, _encode_frame, _decode_frame)
_PYDANTIC = _Handler(1, lambda value: value.model_dump(mode="json"), lambda name, data: data)

HANDLERS: dict[str, _Handler] = {
    "builtins.tuple": _TUPLES,
    "builtins.set": _TUPLES,
    "builtins.frozenset": _TUPLES,
    "decimal.Decimal": _Handler(1, _encode_decimal, lambda name, data: Decimal(str(data))),
    "uuid.UUID": _Handler(1, str, lambda name, data: _import(name)(data)),
    "datetime.datetime": _DATETIMES,
    "pendulum.datetime.DateTime": _DATETIMES,
    "datetime.date": _DATES,
    "pendulum.date.Date": _DATES,
    "datetime.timedelta": _Handler(
        2, lambda value: value.total_seconds(), lambda name, data: dt.timedelta(seconds=float(data))
    ),
    "pendulum.tz.timezone.FixedTimezone": _ZONES,
    "pendulum.tz.timezone.Timezone": _ZONES,
    "zoneinfo.ZoneInfo": _ZONES,
    f"{_ASSETS}.Asset": _asset(1, f"{_OURS}.Asset", *_ASSET_FIELDS),
    f"{_ASSETS}.AssetAlias": _asset(0, f"{_OURS}.AssetAlias", "name", "group"),
    f"{_ASSETS}.AssetNameRef": _asset(0, f"{_OURS}.AssetNameRef", "name"),
    f"{_ASSETS}.AssetUriRef": _asset(0, f"{_OURS}.AssetUriRef", "uri"),
    f"{_ASSETS}.access_control.AssetAccessControl": _asset(
        0, f"{_OURS}.AssetAccessControl", *_ACCESS_FIELDS
    ),
    _PATH: _Handler(1, lambda value: value.serialize(), _decode_path),
    "pandas.DataFrame": _FRAMES,
    "pandas.core.frame.DataFrame": _FRAMES,
    **{f"numpy.{kind}{bits}": _numpy(int) for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"numpy.float{bits}": _numpy(float) for bits in (16, 32, 64)},
    "numpy.bool": _numpy(bool),
    "numpy.bool_": _numpy(bool),
}

"""Strategies for our own message and document types, made from their annotations."""

import enum
import types
import typing
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from fuzz.shapes import JSON, TEXTS

_NUMBERS = st.one_of(
    st.integers(-2, 50),
    st.sampled_from([2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]),
)
_FLOATS = st.one_of(st.floats(), st.sampled_from([0.0, -1.0, 1e-320, 86400.0, 1e300]))
_MOMENTS = st.one_of(
    st.datetimes(timezones=st.timezones()),
    st.datetimes(datetime(2025, 12, 1), datetime(2026, 4, 1), timezones=st.timezones()),
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: JSON,
    str: TEXTS,
    int: _NUMBERS,
    float: _FLOATS,
    bool: st.booleans(),
    datetime: _MOMENTS,
    type(None): st.none(),
    None: st.none(),
    msgspec.Raw: st.just(msgspec.Raw(b"\x80")),
}


def of_type(annotation: Any, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid values of a type; `known` replaces what would be made up for fields of those names."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return of_type(arguments[0], **known)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([of_type(each, **known) for each in arguments])
    if origin is list:
        return st.lists(of_type(arguments[0], **known), max_size=3)
    if origin is tuple:
        return st.tuples(*(of_type(each, **known) for each in arguments))
    if origin is dict:
        keys, values = arguments
        return st.dictionaries(of_type(keys), of_type(values, **known), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return st.sampled_from(list(annotation))
    assert issubclass(annotation, msgspec.Struct), annotation
    return st.deferred(lambda: _struct(annotation, known))


def _struct(
    kind: type[msgspec.Struct], known: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {
        field.name: known[field.name]
        if field.name in known
        else of_type(hints[field.name], **known)
        for field in msgspec.structs.fields(kind)
    }
    needed = {
        field.name: fields[field.name] for field in msgspec.structs.fields(kind) if field.required
    }
    more = {name: fields[name] for name in fields if name not in needed}
    return st.fixed_dictionaries(needed, optional=more).map(lambda values: kind(**values))

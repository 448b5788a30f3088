"""The arguments of `expand` and `expand_kwargs`, and one instance's share of them at run time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.sdk.templater import ResolveMixin
from tradewind.sdk.xcom_arg import RETURN_VALUE, XComArg

if TYPE_CHECKING:
    from tradewind.sdk.operator import AbstractOperator


def is_mappable(value: Any) -> bool:
    """A reference, or a collection with an order; text would be taken apart by letter."""
    if isinstance(value, (str, bytes, bytearray)):
        return False
    return isinstance(value, (MappedArgument, XComArg, Mapping, Sequence))


def ensure_return_values(value: Any) -> None:
    """Raises ValueError when a mapped value refers to another XCom than the return value.

    The number of instances is known for return values only.
    """
    if isinstance(value, XComArg):
        for operator, key in value.iter_references():
            if key != RETURN_VALUE:
                raise ValueError(f"cannot map over XCom with custom key {key!r} from {operator}")
    elif isinstance(value, Mapping):
        for item in value.values():
            ensure_return_values(item)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            ensure_return_values(item)


def refuse_duplicates(first: Mapping[str, Any], second: Mapping[str, Any], reason: str) -> None:
    """Raises TypeError when an argument is given twice."""
    twice = sorted(set(first).intersection(second))
    if twice:
        plural = "s" if len(twice) > 1 else ""
        raise TypeError(f"{reason} argument{plural}: {', '.join(twice)}")


def _map_index(context: Mapping[str, Any]) -> int:
    index = context["ti"].map_index
    if index is None or index < 0:
        raise RuntimeError("can't resolve task-mapping argument without expanding")
    return int(index)


class ExpandInput(ResolveMixin):
    """Base of the two kinds."""

    value: Any

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        raise TypeError(f"{type(self).__name__} refers to nothing")

    def resolve(self, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[Any, ...]]:
        """This instance's keyword arguments, and those values that must not be rendered again."""
        raise TypeError(f"{type(self).__name__} cannot be resolved")


class DictOfListsExpandInput(ExpandInput):
    """`expand(a=[...], b=xcom)`: a cross product, the last argument varying fastest."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = dict(value)

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        for value in self.value.values():
            if isinstance(value, XComArg):
                yield from value.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[Any, ...]]:
        index = _map_index(context)
        share: dict[str, Any] = {}
        resolved: list[Any] = []
        for name, value in reversed(self.value.items()):
            at_run_time = isinstance(value, (MappedArgument, XComArg))
            items = value.resolve(context) if at_run_time else value
            if not isinstance(items, (Sequence, dict)):
                raise TypeError(f"can't map over value of type {type(items)} for {name!r}")
            if not len(items):
                raise RuntimeError(f"cannot expand field mapped to length 0: {name!r}")
            index, position = divmod(index, len(items))
            item = list(items.items())[position] if isinstance(items, dict) else items[position]
            share[name] = item
            if at_run_time:
                resolved.append(item)
        return {name: share[name] for name in self.value}, tuple(resolved)


class ListOfDictsExpandInput(ExpandInput):
    """`expand_kwargs([...])`: one instance for each dict of arguments."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, XComArg) and (
            not isinstance(value, Sequence)
            or not all(isinstance(item, (XComArg, Mapping)) for item in value)
        ):
            raise TypeError(f"expected XComArg or list[dict], not {type(value).__name__}")
        self.value = value

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        for value in [self.value] if isinstance(self.value, XComArg) else self.value:
            if isinstance(value, XComArg):
                yield from value.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[Any, ...]]:
        index = _map_index(context)
        items = self.value.resolve(context) if isinstance(self.value, XComArg) else self.value
        if not isinstance(items, Sequence):
            raise ValueError(f"expand_kwargs() expects a list[dict], not {_kind(items)}")
        share = items[index]
        if isinstance(share, XComArg):
            share = share.resolve(context)
        if not isinstance(share, Mapping):
            raise ValueError(f"expand_kwargs() expects a list[dict], not list[{_kind(share)}]")
        for key in share:
            if not isinstance(key, str):
                raise ValueError(
                    "expand_kwargs() input dict keys must all be str, "
                    f"but {key!r} is of type {_kind(key)}"
                )
        return share, ()  # as in Airflow, templates in these dicts are rendered


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


class MappedArgument(ResolveMixin):
    """Inside a mapped task group: this instance's value of one of the group's arguments."""

    def __init__(self, *, input: ExpandInput, key: str) -> None:
        if isinstance(input, DictOfListsExpandInput) and any(
            isinstance(value, MappedArgument) for value in input.value.values()
        ):
            raise ValueError("Nested Mapped TaskGroups are not yet supported")
        self._input = input
        self._key = key

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        yield from self._input.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        share, _ = self._input.resolve(context)
        return share[self._key]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            "a mapped task group's argument is not iterable: its value exists at run time"
        )

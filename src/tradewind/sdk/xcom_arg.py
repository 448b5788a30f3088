"""References to results that do not exist yet, and what they are at run time.

Run-time interface: `arg.resolve(context)` gives the value and uses only
`context["ti"].xcom_pull(task_ids=..., key=..., map_indexes=...)`:

* `map_indexes=None` asks for the instance that is not mapped,
* an int or a list of ints for those instances,
* left out: all of a mapped task's, as a sequence in index order (`LazyXComSequence` in Airflow).

For an upstream in a mapped group, `ti.upstream_map_indexes` (of the work order) says which; None or
absent means all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.exceptions import AirflowException, XComNotFound
from tradewind.sdk.node import DependencyMixin
from tradewind.sdk.templater import ResolveMixin, Templater

if TYPE_CHECKING:
    from typing import Self

    from tradewind.sdk.edges import EdgeModifier
    from tradewind.sdk.operator import AbstractOperator

RETURN_VALUE = "return_value"


def iter_xcom_references(value: Any) -> Iterator[tuple[AbstractOperator, str]]:
    """All references inside a value: in lists, dicts and objects with template fields."""
    if isinstance(value, ResolveMixin):
        yield from value.iter_references()
    elif isinstance(value, (tuple, set, list)):
        for item in value:
            yield from iter_xcom_references(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from iter_xcom_references(item)
    elif isinstance(value, Templater):
        for name in value.template_fields:
            yield from iter_xcom_references(getattr(value, name, None))


class XComArg(ResolveMixin, DependencyMixin):
    """What calling a @task function gives. Pass it to other tasks, or draw arrows with it.

    `XComArg(operator, key)` makes a reference to one XCom by hand.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is XComArg:
            return super().__new__(PlainXComArg)  # type: ignore[return-value]
        return super().__new__(cls)

    def __init__(self, operator: Any = None, key: str = RETURN_VALUE) -> None:
        """Subclasses take what they need."""

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        raise TypeError(f"{type(self).__name__} refers to nothing")

    @staticmethod
    def iter_xcom_references(arg: Any) -> Iterator[tuple[AbstractOperator, str]]:
        yield from iter_xcom_references(arg)

    @staticmethod
    def apply_upstream_relationship(op: DependencyMixin, arg: Any) -> None:
        for operator, _ in iter_xcom_references(arg):
            op.set_upstream(operator)

    @property
    def roots(self) -> list[AbstractOperator]:
        return [operator for operator, _ in self.iter_references()]

    @property
    def leaves(self) -> list[AbstractOperator]:
        return self.roots

    def set_upstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        for operator in self.roots:
            operator.set_upstream(other, edge_modifier)

    def set_downstream(self, other: Any, edge_modifier: EdgeModifier | None = None) -> None:
        for operator in self.roots:
            operator.set_downstream(other, edge_modifier)

    def map(self, f: Callable[[Any], Any]) -> MapXComArg:
        """Each item of the result put through `f`, when it is used."""
        return MapXComArg(self, [f])

    def zip(self, *others: XComArg, fillvalue: Any = NOTSET) -> ZipXComArg:
        """Tuples of items by position, as long as the shortest, or the longest with `fillvalue`."""
        return ZipXComArg([self, *others], fillvalue=fillvalue)

    def concat(self, *others: XComArg) -> ConcatXComArg:
        """The items of this result and then of the others."""
        return ConcatXComArg([self, *others])

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            f"{type(self).__name__!r} object is not iterable: its value exists at run time only. "
            "Use .expand(), or loop inside a task."
        )


class PlainXComArg(XComArg):
    """One XCom of one task."""

    def __init__(self, operator: AbstractOperator, key: str = RETURN_VALUE) -> None:
        self.operator = operator
        self.key = key

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PlainXComArg)
            and self.operator is other.operator
            and self.key == other.key
        )

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key))

    def __getitem__(self, item: str) -> XComArg:
        if not isinstance(item, str):
            raise ValueError(f"XComArg only supports str lookup, received {type(item).__name__}")
        return PlainXComArg(self.operator, item)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("'XComArg' object is not iterable")

    def __repr__(self) -> str:
        key = "" if self.key == RETURN_VALUE else f", {self.key!r}"
        return f"XComArg({self.operator!r}{key})"

    def __str__(self) -> str:
        """A template that pulls the value, for use inside a longer text."""
        return (
            f"{{{{ task_instance.xcom_pull(task_ids='{self.operator.task_id}', "
            f"dag_id='{self.operator.dag_id}', key='{self.key}') }}}}"
        )

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        yield self.operator, self.key

    def map(self, f: Callable[[Any], Any]) -> MapXComArg:
        self._need_return_value("map against")
        return super().map(f)

    def zip(self, *others: XComArg, fillvalue: Any = NOTSET) -> ZipXComArg:
        self._need_return_value("map against")
        return super().zip(*others, fillvalue=fillvalue)

    def concat(self, *others: XComArg) -> ConcatXComArg:
        self._need_return_value("concatenate")
        return super().concat(*others)

    def _need_return_value(self, what: str) -> None:
        if self.key != RETURN_VALUE:
            raise ValueError(f"cannot {what} non-return XCom")

    def resolve(self, context: Mapping[str, Any]) -> Any:
        ti = context["ti"]
        operator = self.operator
        indexes = None
        reads_all = operator.is_mapped
        if operator.get_closest_mapped_task_group() is not None:
            # An instance of the same mapped group reads some of the indexes, any other reads all.
            indexes = ti.upstream_map_indexes.get(operator.task_id)
            reads_all = indexes is None
        if reads_all:
            value = ti.xcom_pull(task_ids=operator.task_id, key=self.key)
        else:
            value = ti.xcom_pull(task_ids=operator.task_id, key=self.key, map_indexes=indexes)
        if value is None and operator.is_mapped:
            return []  # no instance has pushed anything
        if value is None and self.key != RETURN_VALUE and not self._may_be_absent():
            raise XComNotFound(ti.dag_id, operator.task_id, self.key)
        return value

    def _may_be_absent(self) -> bool:
        """With multiple_outputs, a skipped task's keys are simply not there."""
        return bool(getattr(self.operator, "multiple_outputs", False))

    # --- the operator's own switches --------------------------------------------------------------

    @property
    def is_setup(self) -> bool:
        return self.operator.is_setup

    @is_setup.setter
    def is_setup(self, value: bool) -> None:
        self.operator.is_setup = value

    @property
    def is_teardown(self) -> bool:
        return self.operator.is_teardown

    @is_teardown.setter
    def is_teardown(self, value: bool) -> None:
        self.operator.is_teardown = value

    @property
    def on_failure_fail_dagrun(self) -> bool:
        return self.operator.on_failure_fail_dagrun

    @on_failure_fail_dagrun.setter
    def on_failure_fail_dagrun(self, value: bool) -> None:
        self.operator.on_failure_fail_dagrun = value

    def as_setup(self) -> Self:
        self.operator.as_setup()
        return self

    def as_teardown(
        self, *, setups: Any = None, on_failure_fail_dagrun: bool | None = None
    ) -> Self:
        self.operator.as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def __enter__(self) -> Any:
        if not self.is_setup and not self.is_teardown:
            raise AirflowException("Only setup/teardown tasks can be used as context managers.")
        return self.operator.__enter__()

    def __exit__(self, *error: object) -> None:
        self.operator.__exit__(*error)


class MapXComArg(XComArg):
    """`arg.map(f)`."""

    def __init__(self, arg: XComArg, callables: Sequence[Callable[[Any], Any]]) -> None:
        for function in callables:
            if getattr(function, "is_task_decorator", False):
                raise ValueError("map() argument must be a plain function, not a @task operator")
        self.arg = arg
        self.callables = list(callables)

    def __repr__(self) -> str:
        calls = "".join(f".map({getattr(f, '__name__', '<function>')})" for f in self.callables)
        return f"{self.arg!r}{calls}"

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        yield from self.arg.iter_references()

    def map(self, f: Callable[[Any], Any]) -> MapXComArg:
        return MapXComArg(self.arg, [*self.callables, f])

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return _Mapped(_items(self.arg.resolve(context), "map"), self.callables)


class ZipXComArg(XComArg):
    """`arg.zip(...)`."""

    def __init__(self, args: Sequence[XComArg], *, fillvalue: Any = NOTSET) -> None:
        self.args = _outputs(args, "zip")
        self.fillvalue = fillvalue

    def __repr__(self) -> str:
        first, *others = map(repr, self.args)
        if self.fillvalue is not NOTSET:
            others.append(f"fillvalue={self.fillvalue!r}")
        return f"{first}.zip({', '.join(others)})"

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        for arg in self.args:
            yield from arg.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        values = [_items(arg.resolve(context), "zip") for arg in self.args]
        return _Zipped(values, self.fillvalue)


class ConcatXComArg(XComArg):
    """`arg.concat(...)`."""

    def __init__(self, args: Sequence[XComArg]) -> None:
        self.args = _outputs(args, "concat")

    def __repr__(self) -> str:
        first, *others = map(repr, self.args)
        return f"{first}.concat({', '.join(others)})"

    def iter_references(self) -> Iterator[tuple[AbstractOperator, str]]:
        for arg in self.args:
            yield from arg.iter_references()

    def concat(self, *others: XComArg) -> ConcatXComArg:
        return ConcatXComArg([*self.args, *others])

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return _Concatenated([_items(arg.resolve(context), "concat") for arg in self.args])


def _outputs(args: Sequence[XComArg], what: str) -> list[XComArg]:
    """The arguments of `zip` and `concat`; raises TypeError for what is no task's output."""
    for arg in args:
        if not isinstance(arg, XComArg):
            raise TypeError(
                f".{what}() takes outputs of other tasks, not {type(arg).__name__}: {arg!r}. "
                "Let a task return it."
            )
    return list(args)


def _items(value: Any, what: str) -> Sequence[Any] | dict[Any, Any]:
    if not isinstance(value, (Sequence, dict)):
        raise ValueError(f"XCom {what} expects sequence or dict, not {type(value).__name__}")
    return value


class _Lazy(Sequence[Any]):
    """A sequence over upstream results that computes an item when it is asked for."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, tuple, _Lazy)) and list(self) == list(other)

    def __repr__(self) -> str:
        return repr(list(self))


class _Mapped(_Lazy):
    def __init__(self, value: Any, callables: Sequence[Callable[[Any], Any]]) -> None:
        self.value = value
        self.callables = callables

    def __getitem__(self, index: Any) -> Any:
        item = self.value[index]
        for function in self.callables:
            item = function(item)
        return item

    def __len__(self) -> int:
        return len(self.value)


class _Zipped(_Lazy):
    def __init__(self, values: Sequence[Any], fillvalue: Any) -> None:
        self.values = values
        self.fillvalue = fillvalue

    def __getitem__(self, index: Any) -> Any:
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return tuple(self._at(value, index) for value in self.values)

    def _at(self, value: Any, index: int) -> Any:
        try:
            return value[index]
        except (IndexError, KeyError):
            return self.fillvalue

    def __len__(self) -> int:
        lengths = [len(value) for value in self.values]
        return min(lengths) if self.fillvalue is NOTSET else max(lengths)


class _Concatenated(_Lazy):
    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def __getitem__(self, index: Any) -> Any:
        position = index if index >= 0 else len(self) + index
        for value in self.values:
            if position < 0:
                break
            if position >= len(value):
                position -= len(value)
            elif isinstance(value, Sequence):
                return value[position]
            else:
                return next(itertools.islice(value, position, None))
        raise IndexError("list index out of range")

    def __len__(self) -> int:
        return sum(len(value) for value in self.values)


__all__ = ["RETURN_VALUE", "PlainXComArg", "XComArg", "iter_xcom_references"]

"""Parts of Airflow's machinery that DAG files name: what they do there has no effect here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


class BaseExecutor:
    """Any of Airflow's executors, as old files gave them to a SubDagOperator."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """What it is made with does not matter."""


def hookimpl(function: Function | None = None, **options: Any) -> Any:
    """Marks a function of a listener or policy; Tradewind does not call them."""
    return (lambda decorated: decorated) if function is None else function


def apply_lineage(function: Function) -> Function:
    return function


class Stats:
    """Airflow's metrics client."""

    @staticmethod
    def incr(*args: Any, **kwargs: Any) -> None: ...

    decr = gauge = timing = incr

    @staticmethod
    @contextmanager
    def timer(*args: Any, **kwargs: Any) -> Iterator[None]:
        yield


# --- what inlets and outlets were before assets ---------------------------------------------------


@dataclass
class File:
    url: str = ""
    type_hint: str | None = None


@dataclass
class User:
    email: str
    first_name: str | None = None
    last_name: str | None = None


@dataclass
class Tag:
    tag_name: str


@dataclass
class Column:
    name: str
    description: str | None = None
    data_type: str = ""
    tags: list[Tag] = field(default_factory=list)


@dataclass
class Table:
    database: str
    cluster: str
    name: str
    tags: list[Tag] = field(default_factory=list)
    description: str | None = None
    columns: list[Column] = field(default_factory=list)
    owners: list[User] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    type_hint: str | None = None


def is_venv_installed() -> bool:
    """Whether virtual environments can be made: they can, with uv or Python's own venv."""
    return True

"""What is open while a DAG file is imported: the `with DAG(...)` and `with TaskGroup(...)` blocks.

Also the small rules that every authoring class shares: the "not given" marker and the form of ids.
The only global state of the SDK beside the channel of `sdk.comms`.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from tradewind.sdk.old_names import OldNameWarning

if TYPE_CHECKING:
    from tradewind.sdk.dag import DAG
    from tradewind.sdk.taskgroup import TaskGroup


class ArgNotSet:
    """Type of `NOTSET`, the marker for "the caller gave nothing" where None is a value."""

    def __repr__(self) -> str:
        return "NOTSET"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "NOTSET"  # one object, also after pickle and deepcopy


NOTSET: Final = ArgNotSet()


def is_arg_set(value: Any) -> bool:
    """Whether the caller gave something."""
    return not isinstance(value, ArgNotSet)


class _Authoring(threading.local):
    def __init__(self) -> None:
        self.dags: list[DAG | None] = []
        self.groups: list[TaskGroup | None] = []
        self.registered: list[DAG] | None = None
        self.made: list[DAG] = []


_now = _Authoring()


def current_dag() -> DAG | None:
    return _now.dags[-1] if _now.dags else None


def current_group(dag: DAG | None = None) -> TaskGroup | None:
    """The innermost open group of `dag`, or its root when none of its groups is open."""
    dag = dag or current_dag()
    if _now.groups and _now.groups[-1] is not None:
        group = _now.groups[-1]
        if dag is None or group.dag is dag:
            return group
    return dag.task_group if dag is not None else None


def push_dag(dag: DAG | None) -> None:
    _now.dags.append(dag)
    _now.groups.append(None)


def pop_dag() -> DAG | None:
    _now.groups.pop()
    dag = _now.dags.pop()
    if dag is not None and dag.auto_register:
        register(dag)
    return dag


def register(dag: DAG) -> None:
    """Remember a DAG that no module global needs to hold (`with DAG(...)` without `as`, `@dag`)."""
    if _now.registered is not None and not any(dag is known for known in _now.registered):
        _now.registered.append(dag)


def push_group(group: TaskGroup) -> None:
    _now.groups.append(group)


def pop_group() -> TaskGroup | None:
    return _now.groups.pop()


_NO_SCHEDULE = (
    "The DAG has no schedule. Airflow 1 and 2 ran such a DAG daily; since Airflow 3 it runs only "
    "when triggered: write schedule=None for that, or the schedule that it shall have."
)


@contextmanager
def recording() -> Iterator[list[DAG]]:
    """Collect the DAGs that are registered inside the block, in order, on this thread.

    To be put around the import of one DAG file: older names that the file uses become notes of all
    DAGs that it makes.
    """
    before = _now.registered, _now.made
    _now.registered, _now.made = [], []
    with warnings.catch_warnings():
        notes = _catch_old_names()
        try:
            yield _now.registered
        finally:
            for dag in _now.made:
                for note in notes:
                    dag.warn(note)
                if notes and not dag.schedule_is_given:
                    dag.warn(_NO_SCHEDULE)
            _now.registered, _now.made = before


def _catch_old_names() -> list[str]:
    """Until the surrounding `catch_warnings` ends, take warnings about older names aside."""
    notes: list[str] = []
    show_others = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, OldNameWarning):
            notes.append(f"{os.path.basename(filename)}:{lineno}: {message}")
        else:
            show_others(message, category, filename, lineno, file, line)

    warnings.simplefilter("always", OldNameWarning)
    warnings.showwarning = show
    return notes


def note_made(dag: DAG) -> None:
    """Called for each new DAG."""
    if _now.registered is not None:
        _now.made.append(dag)


_KEY = re.compile(r"^[\w.-]+$")
_GROUP_KEY = re.compile(r"^[\w-]+$")


def validate_key(key: Any, what: str = "task_id", max_length: int = 250) -> str:
    """An id: letters, digits, dashes, dots and underscores, at most 250 characters."""
    if not isinstance(key, str):
        raise TypeError(f"The {what} has to be a string and is {type(key)}: {key!r}")
    if len(key) > max_length:
        raise ValueError(f"The {what} has to be less than {max_length} characters: {key!r}")
    if not _KEY.match(key):
        raise ValueError(
            f"The {what} {key!r} has to be made of alphanumeric characters, dashes, dots, "
            "and underscores exclusively"
        )
    return key


def validate_group_key(key: Any) -> str:
    """A group's own id; dots are not allowed since they separate it from its parent's."""
    if not isinstance(key, str):
        raise TypeError(f"The group_id has to be a string and is {type(key)}: {key!r}")
    if len(key) > 200:
        raise ValueError(f"The group_id has to be less than 200 characters: {key!r}")
    if not _GROUP_KEY.match(key):
        raise ValueError(
            f"The group_id {key!r} has to be made of alphanumeric characters, dashes and "
            "underscores exclusively"
        )
    return key


def read_if_markdown_file(doc_md: str | None) -> str | None:
    """`doc_md="notes.md"` means the file's text; a missing file leaves the name as it is."""
    if doc_md is None or not doc_md.endswith(".md"):
        return doc_md
    try:
        with open(doc_md, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return doc_md

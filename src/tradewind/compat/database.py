"""Stand-ins for what reaches into Airflow's metadata database.

DAG files name these classes in annotations and hand `provide_session` around; that goes on working.
What would need the database says so when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from tradewind.core.errors import UserError

Function = TypeVar("Function", bound=Callable[..., Any])

NEW_SESSION = None


class NoMetadataDatabase(UserError, RuntimeError):
    """The code wants Airflow's metadata database; tasks and DAG files have no access to one."""


def _refuse(what: str) -> NoReturn:
    raise NoMetadataDatabase(
        f"{what} needs Airflow's metadata database, which tasks and DAG files cannot reach.",
        hint="Use the context (ti, dag_run), XComs, Variable and Connection in a task, and the "
        "`tradewind` commands outside of one.",
    )


class _Member:
    """A column or method of a stand-in, or something of one: naming it is harmless."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Member:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Member(f"{self._name}.{name}")

    def _used(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self._name)

    __call__ = __lt__ = __le__ = __gt__ = __ge__ = __invert__ = _used
    __eq__ = __ne__ = _used
    __hash__ = object.__hash__


class _Table(type):
    """Columns and query methods of the class can be named; using one is refused with a reason."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Member(f"{cls.__name__}.{name}")


class _Model(metaclass=_Table):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _refuse(f"{type(self).__name__}(...)")


class DagModel(_Model):
    """Airflow's row of a DAG."""


class DagRun(_Model):
    """Airflow's row of a run; for annotations. `dag_run` of the context has the same attributes."""


class TaskInstance(_Model):
    """Airflow's row of a task instance; for annotations. `ti` of the context is the real one."""


class Pool(_Model):
    """Airflow's row of a pool."""


class DagBag(_Model):
    """All DAGs of a folder."""


def _models(names: str) -> dict[str, type]:
    """Stand-ins that nothing but their name tells apart."""
    return {
        name: _Table(name, (_Model,), {"__doc__": f"Airflow's {name}.", "__module__": __name__})
        for name in names.split()
    }


_OTHERS = _models(
    "AssetEvent AssetModel Base DagCode DagTag DagVersion DagWarning ImportError Job Log"
    " RenderedTaskInstanceFields SerializedBaseOperator SerializedDAG SerializedDagModel SlaMiss"
    " TaskFail TaskReschedule Trigger AssetManager"
)


engine = _Member("airflow.settings.engine")


def __getattr__(name: str) -> Any:
    if name in _OTHERS:
        return _OTHERS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Session(_Model):
    """A database session; old files make one at their top, so that only what it does is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Connects to nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _refuse(
            f"Session.{name}"
        )  # before its arguments, such as Connection.conn_id, are looked at


def provide_session(function: Function) -> Function:
    """Airflow's decorator that opens a session. The function is called without one."""
    return function


def clear_task_instances(*args: Any, **kwargs: Any) -> NoReturn:
    """Airflow's way to run task instances again."""
    _refuse("clear_task_instances()")


def run_cleanup(*args: Any, **kwargs: Any) -> NoReturn:
    """Airflow's clean-up of old rows."""
    _refuse("run_cleanup()")


def render_dag(*args: Any, **kwargs: Any) -> NoReturn:
    """Airflow's picture of a DAG."""
    _refuse("render_dag()")


def expand_alias_to_assets(*args: Any, **kwargs: Any) -> NoReturn:
    """Airflow's query for the assets that tasks have put under an alias."""
    _refuse("expand_alias_to_assets()")


@contextmanager
def create_session(*args: Any, **kwargs: Any) -> Iterator[Any]:
    _refuse("create_session()")
    yield

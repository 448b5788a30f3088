"""`BaseXCom`: Airflow's class for XComs by name, of any run, for tasks that do without `ti`."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from msgspec import structs

from tradewind.core import protocol
from tradewind.core.errors import UserError
from tradewind.sdk import serde
from tradewind.sdk.comms import get_channel
from tradewind.sdk.context import get_current_context
from tradewind.sdk.exceptions import NotInTaskContext
from tradewind.sdk.off_loop import off_loop
from tradewind.sdk.xcom_arg import RETURN_VALUE


class BaseXCom:
    """Reading works for all runs and tasks; a task writes and deletes only what is its own."""

    XCOM_RETURN_KEY: ClassVar[str] = RETURN_VALUE

    @classmethod
    def get_one(
        cls,
        *,
        key: str = RETURN_VALUE,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int | None = None,
        include_prior_dates: bool = False,
    ) -> Any:
        """One value, or None when nobody pushed it."""
        query = protocol.GetXCom(
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            key=key,
            map_index=map_index,
            include_prior_dates=include_prior_dates,
        )
        return _ask(query)[1]

    @classmethod
    def get_all(
        cls,
        *,
        key: str = RETURN_VALUE,
        dag_id: str,
        task_id: str,
        run_id: str,
        include_prior_dates: bool = False,
    ) -> list[Any] | None:
        """The values of all instances of a task, by map index; None when nobody pushed one."""
        unmapped = protocol.GetXCom(
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            key=key,
            map_index=-1,
            include_prior_dates=include_prior_dates,
        )
        found, value = _ask(unmapped)
        return [value] if found else _ask(structs.replace(unmapped, map_index=None))[1]

    @classmethod
    def get_value(cls, *, ti_key: Any, key: str = RETURN_VALUE) -> Any:
        """The value of the task instance with that key (`ti.key`)."""
        return cls.get_one(
            key=key,
            dag_id=ti_key.dag_id,
            task_id=ti_key.task_id,
            run_id=ti_key.run_id,
            map_index=ti_key.map_index,
        )

    @classmethod
    def set(
        cls,
        key: str,
        value: Any,
        *,
        dag_id: str,
        task_id: str,
        run_id: str,
        map_index: int = -1,
        **_: Any,
    ) -> None:
        """Push a value of this task instance. Raises UserError for another one's."""
        _own_instance(dag_id, task_id, run_id, map_index).xcom_push(key=key, value=value)

    @classmethod
    def delete(
        cls, key: str, task_id: str, dag_id: str, run_id: str, map_index: int | None = None
    ) -> None:
        """Delete a value of this task instance. Raises UserError for another one's."""
        ti = _own_instance(dag_id, task_id, run_id, -1 if map_index is None else map_index)
        _request(protocol.DeleteXCom(attempt_id=ti.attempt_id, key=key))

    @staticmethod
    def serialize_value(value: Any, **_: Any) -> Any:
        """The JSON form that is stored."""
        return serde.encode(value)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """The value of something that has the stored form as `value`."""
        return serde.decode(result.value)

    @classmethod
    async def aget_one(cls, **query: Any) -> Any:
        """`get_one` for coroutines: does not block the event loop."""
        return await off_loop(cls.get_one, **query)

    @classmethod
    async def aget_all(cls, **query: Any) -> Any:
        """`get_all` for coroutines."""
        return await off_loop(cls.get_all, **query)

    @classmethod
    def get_many(cls, *_: Any, **__: Any) -> NoReturn:
        """Airflow 2's query on its database."""
        raise UserError(
            "XCom.get_many is a query on Airflow's metadata database, which tasks cannot reach.",
            hint="Use ti.xcom_pull(task_ids=[...]), XCom.get_one(...) or XCom.get_all(...).",
        )


def _ask(query: protocol.GetXCom) -> tuple[bool, Any]:
    reply = _request(query)
    if isinstance(reply, protocol.XComReply) and reply.found:
        return True, serde.decode(reply.value)
    return False, None


def _request(message: protocol.Request) -> protocol.Reply:
    channel = get_channel()
    if channel is None:
        raise NotInTaskContext("XComs exist only inside a running task.")
    return channel.request(message)


def _own_instance(dag_id: str, task_id: str, run_id: str, map_index: int) -> Any:
    ti = get_current_context()["ti"]
    if (dag_id, task_id, run_id, map_index) != (ti.dag_id, ti.task_id, ti.run_id, ti.map_index):
        raise UserError(
            f"{ti.dag_id}.{ti.task_id} may not change XComs of {dag_id}.{task_id} in {run_id}.",
            hint="A task changes its own XComs only: push the value here, and pull it there.",
        )
    return ti

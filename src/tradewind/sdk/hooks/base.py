"""What every hook is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.sdk.logging_mixin import LoggingMixin

if TYPE_CHECKING:
    from tradewind.sdk import Connection


class BaseHook(LoggingMixin):
    """A way to some system outside, by a connection's id.

    Subclasses add what the system can do; `get_conn` gives its client.
    """

    _logger_prefix = "airflow.task.hooks."

    def __init__(self, logger_name: str | None = None, **kwargs: Any) -> None:
        self._logger_name = logger_name

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Raises AirflowNotFoundException when there is no connection of that id."""
        from tradewind.sdk import Connection

        return Connection.get(conn_id)

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        """`get_connection` for triggers: does not block the event loop."""
        import asyncio

        return await asyncio.to_thread(cls.get_connection, conn_id)

    @classmethod
    def get_connections(cls, conn_id: str) -> list[Connection]:
        """Airflow 1 and 2 could have several connections of one id; there is one now."""
        return [cls.get_connection(conn_id)]

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """The hook for the connection's type."""
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    def get_conn(self) -> Any:
        raise TypeError(f"{type(self).__name__} has no client of its own (get_conn)")

"""`BaseSecretsBackend`: what a secrets backend, an outside store of connections, derives from."""

from __future__ import annotations

from typing import Any

from tradewind.sdk import Connection


class BaseSecretsBackend:
    """Subclasses define `get_conn_value` and `get_variable`; None means: not in this store."""

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        """Where the store keeps a secret."""
        return f"{path_prefix}{sep}{secret_id}"

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """A connection as URI or JSON."""
        raise TypeError(f"{type(self).__name__} does not define get_conn_value()")

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """A variable's text."""
        raise TypeError(f"{type(self).__name__} does not define get_variable()")

    def get_config(self, key: str) -> str | None:
        """A configuration option's text."""
        return None

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """The connection that `get_conn_value` gave as text."""
        return Connection.from_text(value, conn_id)

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Any:
        """The connection of that id, or None."""
        value = self.get_conn_value(conn_id=conn_id)
        return self.deserialize_connection(conn_id, value) if value else None

"""A Python package index as a connection."""

from typing import Any
from urllib.parse import quote, urlsplit

from tradewind.sdk.hooks.base import BaseHook


class PackageIndexHook(BaseHook):
    """The index whose URL is the connection's host, with its login and password in it."""

    conn_name_attr = "pi_conn_id"
    default_conn_name = "package_index_default"
    conn_type = "package_index"
    hook_name = "Package Index (Python)"

    def __init__(self, pi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pi_conn_id = pi_conn_id

    def get_conn(self) -> str:
        return self.get_connection_url()

    def get_connection_url(self) -> str:
        connection = self.get_connection(self.pi_conn_id)
        if not connection.host:
            raise ValueError(
                f"Connection {self.pi_conn_id!r} has no host; put the package index's URL there."
            )
        url = urlsplit(connection.host)
        place = url.netloc.rpartition("@")[2]
        if connection.login:
            secret = f":{quote(connection.password)}" if connection.password else ""
            place = f"{quote(connection.login)}{secret}@{place}"
        return str(url._replace(netloc=place).geturl())

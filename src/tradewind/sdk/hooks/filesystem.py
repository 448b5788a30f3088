"""A folder as a connection."""

from pathlib import Path
from typing import Any

from tradewind.sdk.hooks.base import BaseHook


class FSHook(BaseHook):
    """The folder that the connection's extra names: ``{"path": "/data"}``."""

    conn_name_attr = "fs_conn_id"
    default_conn_name = "fs_default"
    conn_type = "fs"
    hook_name = "File (path)"

    def __init__(self, fs_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn = self.get_connection(fs_conn_id)
        self.basepath: str = self.conn.extra_dejson.get("path", "")

    def get_conn(self) -> None:
        """A folder needs no client."""

    def get_path(self) -> str:
        return self.basepath

    def test_connection(self) -> tuple[bool, str]:
        if not self.basepath:
            return False, "File Path is undefined."
        if not Path(self.basepath).exists():
            return False, f"Path {self.basepath} does not exist."
        return True, f"Path {self.basepath} is existing."

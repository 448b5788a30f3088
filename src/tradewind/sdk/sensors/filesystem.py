"""Wait for a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

from tradewind.sdk.configuration import default_deferrable
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.files import first_match
from tradewind.sdk.hooks.filesystem import FSHook
from tradewind.sdk.sensors.base import BaseSensorOperator
from tradewind.sdk.triggers.file import FileTrigger


class FileSensor(BaseSensorOperator):
    """Done when `filepath`, a glob, matches a file or a folder that has a file below it.

    A relative path is read from the path of the connection `fs_conn_id`. `recursive` lets ``**``
    match any depth. `deferrable` waits in the triggerer, which must see the same files;
    `start_from_trigger` asks for nothing more, since the first look takes no time.
    """

    template_fields: Sequence[str] = ("filepath", "fs_conn_id")
    ui_color = "#91818a"

    def __init__(
        self,
        *,
        filepath: str,
        fs_conn_id: str = "fs_default",
        recursive: bool = False,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filepath = filepath
        self.fs_conn_id = fs_conn_id
        self.recursive = recursive
        self.deferrable = default_deferrable() if deferrable is None else deferrable

    @cached_property
    def path(self) -> str:
        if os.path.isabs(self.filepath) and self.fs_conn_id == "fs_default":
            return self.filepath  # the connection could not change it, and need not exist
        return os.path.join(FSHook(self.fs_conn_id).get_path(), self.filepath)

    def poke(self, context: Any) -> bool:
        self.log.info("Poking for file %s", self.path)
        found = first_match(self.path, self.recursive)
        if found is not None:
            self.log.info("Found %s", found)
        return found is not None

    def execute(self, context: Any) -> Any:
        if not self.deferrable:
            return super().execute(context)
        if not self.poke(context):
            self.defer(
                trigger=FileTrigger(self.path, self.recursive, self.poke_interval),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return None

    def execute_complete(self, context: Any, event: bool | None = None) -> None:
        if not event:
            raise AirflowException(f"{self.task_id} task failed as {self.filepath} not found.")
        self.log.info("%s completed successfully as %s found.", self.task_id, self.filepath)

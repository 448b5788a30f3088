"""Wait for files, where the triggerer runs."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from tradewind.sdk.files import first_match
from tradewind.sdk.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent, until


class FileTrigger(BaseTrigger):
    """Fires with True once `filepath` (a glob) matches a file or a folder with a file below it."""

    def __init__(
        self, filepath: str, recursive: bool = False, poke_interval: float = 5.0, **kwargs: Any
    ) -> None:
        super().__init__()
        self.filepath = filepath
        self.recursive = recursive
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.file.FileTrigger",
            {
                "filepath": self.filepath,
                "recursive": self.recursive,
                "poke_interval": self.poke_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        look = partial(asyncio.to_thread, first_match, self.filepath, self.recursive)
        found = await until(look, self.poke_interval)
        self.log.info("Found file %s", found)
        yield TriggerEvent(True)


class FileDeleteTrigger(BaseEventTrigger):
    """Takes `filepath` away as soon as it is there, and fires with True."""

    def __init__(self, filepath: str, poke_interval: float = 5.0, **kwargs: Any) -> None:
        super().__init__()
        self.filepath = filepath
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.file.FileDeleteTrigger",
            {"filepath": self.filepath, "poke_interval": self.poke_interval},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        look = partial(asyncio.to_thread, _take_away, Path(self.filepath))
        await until(look, self.poke_interval)
        self.log.info("Found and deleted file %s", self.filepath)
        yield TriggerEvent(True)


class DirectoryFileDeleteTrigger(BaseEventTrigger):
    """Takes `filename` away from `directory` as soon as it is there; fires with its path."""

    def __init__(self, *, directory: str, filename: str, poke_interval: float = 5.0) -> None:
        super().__init__()
        self.directory = directory
        self.filename = filename
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.file.DirectoryFileDeleteTrigger",
            {
                "directory": self.directory,
                "filename": self.filename,
                "poke_interval": self.poke_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        path = Path(self.directory) / self.filename
        await until(partial(asyncio.to_thread, _take_away, path), self.poke_interval)
        self.log.info("Found and deleted file %s", path)
        yield TriggerEvent({"filepath": str(path)})


def _take_away(path: Path) -> bool:
    """Delete the file; False when there is none, or somebody else was first."""
    if not path.is_file():
        return False
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True

"""What parsing one file gives: DAGs, or the reason why there are none, as plain data."""

import msgspec

from tradewind.core.dag import Json, SerializedDag, Slot
from tradewind.core.protocol import Message


class FileError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a file, or a DAG in it, cannot be used. For people: shown as an import error.

    `kind` is stable: "syntax", "missing_module", "missing_name", "missing_provider",
    "missing_variable", "missing_connection", "exit", "memory", "timeout", "killed", "processes",
    "cycle", "duplicate_dag", "unsteady", "invalid" or "error". `missing`: the name of what is not
    there: for a module or provider, the distribution to install.
    """

    kind: str
    message: str
    file: str  # where it happened, relative to the bundle's root
    line: int | None = None
    traceback: str = ""
    hint: str | None = None
    missing: str | None = None


class Watcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trigger that makes events of an asset which a DAG is scheduled on."""

    asset_name: str
    asset_uri: str
    name: str
    classpath: str
    kwargs: dict[str, Json] = msgspec.field(default_factory=dict)


class ParseResult(Message, frozen=True):
    """Everything that is known of a file afterwards.

    `inputs`: what it read while it was imported: bundle files, "<folder>/" for a folder whose names
    it listed, "variable:<key>" and "connection:<id>"; without the file itself. `unsteady`: it reads
    the clock, chance or the order of a set, so that it may give something else the next time.
    """

    file: str
    dags: list[SerializedDag] = msgspec.field(default_factory=list)
    error: FileError | None = None
    warnings: list[str] = msgspec.field(default_factory=list)
    inputs: list[str] = msgspec.field(default_factory=list)
    watchers: list[Watcher] = msgspec.field(default_factory=list)
    unsteady: bool = False
    seconds: float = 0.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What importing one file may take. `processes` counts all descendants at one moment."""

    seconds: float = 30.0
    memory_bytes: int = 2 << 30
    processes: int = 64


class Parse(Message, frozen=True):
    """Parse `file` below `root` (parent → host). `last_slots`: of the newest automatic run of each
    DAG, from which a custom timetable goes on."""

    root: str
    file: str
    limits: Limits
    last_slots: dict[str, Slot] = msgspec.field(default_factory=dict)

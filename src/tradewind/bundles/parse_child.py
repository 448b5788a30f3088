"""Imports one DAG file and describes what it made. Runs user code: only ever in a child process."""

import os
import re
import sys
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import structs

from tradewind.bundles.explain import explain
from tradewind.bundles.inputs import is_asked_for
from tradewind.bundles.results import FileError, Parse, ParseResult, Watcher
from tradewind.core.dag import AssetOrTimeSchedule, CustomSchedule, SerializedDag, Slot
from tradewind.core.protocol import GetConnection, GetVariable, Reply, Request
from tradewind.runner.load import load_dag_file
from tradewind.sdk.assets import Asset, AssetBooleanCondition, BaseAsset
from tradewind.sdk.comms import Channel, set_channel
from tradewind.sdk.custom_timetables import Timetable, upcoming_slots
from tradewind.sdk.serialize import serialize_dag

if TYPE_CHECKING:
    from tradewind.sdk import DAG

_UNSTEADY = re.compile(
    rb"""\b(?: now | today | utcnow | time | time_ns | days_ago | uuid[1-8] | random\w* | randint
        | choice | shuffle | token_\w+ | getpid | hash | set | frozenset ) \s* \(
      | \{ \s* ['"] [^'":{}]* ['"] \s* [,}]""",
    re.VERBOSE,
)
"""Calls whose result may differ from one import to the next, and sets of texts (the order does)."""


def parse(job: Parse, channel: Channel) -> ParseResult:
    """Never raises on behalf of the file: what it raised is in the result."""
    root, file = job.root, job.file
    began = time.monotonic()
    dags: list[DAG] = []
    raised: BaseException | None = None
    with _kept_warnings() as notes:
        with _Reads(root, file) as reads:
            set_channel(_NotingChannel(channel, reads))
            try:
                dags = load_dag_file(root, file)
            except BaseException as error:  # SystemExit and the like are import errors too
                raised = error
        made, problem = _serialize(dags, job)
    inputs = reads.inputs()
    return ParseResult(
        file=file,
        dags=[document for document, _ in made],
        error=explain(raised, root, file) if raised is not None else problem,
        warnings=list(dict.fromkeys(_note(note, root) for note in notes)),
        inputs=inputs,
        watchers=[watcher for _, watchers in made for watcher in watchers],
        unsteady=_may_be_unsteady(root, [file, *inputs]),
        seconds=time.monotonic() - began,
    )


def _serialize(
    dags: "list[DAG]", job: Parse
) -> tuple[list[tuple[SerializedDag, list[Watcher]]], FileError | None]:
    """Each DAG by itself, so that a bad one does not take the file's others along."""
    good: list[tuple[SerializedDag, list[Watcher]]] = []
    errors: list[FileError] = []
    for dag in dags:
        if any(dag.dag_id == other.dag_id for other, _ in good):
            errors.append(_twice(dag.dag_id, job))
            continue
        try:
            document = serialize_dag(dag, job.file)
            document = _with_slots(document, dag, job.last_slots.get(dag.dag_id))
            good.append((document, list(_watchers(dag))))
        except Exception as error:
            found = explain(error, job.root, job.file)
            line = found.line or _line_of(dag.dag_id, job)
            errors.append(structs.replace(found, line=line))
    return good, _joined(errors)


def _with_slots(document: SerializedDag, dag: "DAG", last: Slot | None) -> SerializedDag:
    """A custom timetable's slots were computed from the start; with runs, it goes on from there."""
    if last is None:
        return document
    timetable, own = document.timetable, dag.timetable
    if isinstance(timetable, AssetOrTimeSchedule) and isinstance(
        timetable.timetable, CustomSchedule
    ):
        inner = _upcoming(timetable.timetable, own.timetable, dag, last)
        return structs.replace(document, timetable=structs.replace(timetable, timetable=inner))
    if isinstance(timetable, CustomSchedule):
        return structs.replace(document, timetable=_upcoming(timetable, own, dag, last))
    return document


def _upcoming(schedule: CustomSchedule, own: Timetable, dag: "DAG", last: Slot) -> CustomSchedule:
    if not schedule.can_be_scheduled:
        return schedule
    slots, exhausted = upcoming_slots(own, dag, last)
    return structs.replace(schedule, upcoming=slots, exhausted=exhausted)


def _line_of(dag_id: str, job: Parse) -> int | None:
    """Where the DAG's id is written; what is wrong with it is found after the file has run."""
    try:
        with open(os.path.join(job.root, job.file), encoding="utf-8") as source:
            lines = source.readlines()
    except (OSError, UnicodeDecodeError):
        return None
    name = re.escape(dag_id)
    here = re.compile(rf"""['"]{name}['"]|\bdef {name}\b""")
    return next((number for number, line in enumerate(lines, 1) if here.search(line)), None)


def _twice(dag_id: str, job: Parse) -> FileError:
    return FileError(
        kind="duplicate_dag",
        message=f"The DAG id {dag_id!r} is used twice in {job.file}.",
        file=job.file,
        line=_line_of(dag_id, job),
        hint="Give each DAG an id of its own.",
    )


def _joined(errors: list[FileError]) -> FileError | None:
    if len(errors) <= 1:
        return errors[0] if errors else None
    return structs.replace(
        errors[0],
        message="\n".join(error.message for error in errors),
        traceback="\n\n".join(error.traceback for error in errors if error.traceback),
    )


# --- what the file read ---------------------------------------------------------------------------


class _Reads:
    """Notes which of the bundle's files and folders this process opens or lists, by an audit hook.

    A hook stays for the life of the process; outside of the block it does nothing.
    """

    def __init__(self, root: str, file: str) -> None:
        self._prefix = root + os.sep
        self._file = file
        self._paths: set[str] = set()
        self.asked: set[str] = set()
        self._active = False

    def __enter__(self) -> "_Reads":
        self._active = True
        sys.addaudithook(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._active = False

    def inputs(self) -> list[str]:
        """All of them, the file itself left out, sorted."""
        for module in list(sys.modules.values()):
            origin = getattr(module, "__file__", None)
            if isinstance(origin, str):
                self._note(origin, "")
        inside = self._file + "/"  # of a zip file, which is an input as a whole
        paths = {path for path in self._paths if not path.startswith(inside)}
        return sorted((paths | self.asked) - {self._file})

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._active:
            return
        if event == "open":
            self._note(arguments[0], "")
        elif event in ("os.listdir", "os.scandir") and not _is_import_machinery():
            self._note(arguments[0], "/")

    def _note(self, path: object, suffix: str) -> None:
        if isinstance(path, bytes | os.PathLike):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        path = os.path.normpath(os.path.join(os.getcwd(), path))
        if path + os.sep == self._prefix:
            self._paths.add("/")
        elif path.startswith(self._prefix) and "__pycache__" not in path:
            self._paths.add(path.removeprefix(self._prefix).replace(os.sep, "/") + suffix)


def _is_import_machinery() -> bool:
    """Python's path finder lists folders by itself; that says nothing about the file."""
    caller = sys._getframe(2)
    return caller.f_code.co_filename.startswith("<frozen importlib")


class _NotingChannel:
    """Notes which variables and connections the file's structure may depend on."""

    def __init__(self, channel: Channel, reads: _Reads) -> None:
        self._channel = channel
        self._reads = reads

    def request(self, message: Request) -> Reply:
        if isinstance(message, GetVariable):
            self._reads.asked.add(f"variable:{message.key}")
        elif isinstance(message, GetConnection):
            self._reads.asked.add(f"connection:{message.conn_id}")
        return self._channel.request(message)


def _may_be_unsteady(root: str, files: list[str]) -> bool:
    return any(
        _UNSTEADY.search(source)
        for file in files
        if not is_asked_for(file) and not file.endswith("/")
        for source in _sources(os.path.join(root, file))
    )


def _sources(path: str) -> Iterator[bytes]:
    """The Python text in a file: its own, or that of a zip file's members."""
    if path.endswith(".py"):
        with open(path, "rb") as file:
            yield file.read()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist() if name.endswith(".py"))


# --- warnings, watchers ---------------------------------------------------------------------------


@contextmanager
def _kept_warnings() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("default")
        yield notes


def _note(note: warnings.WarningMessage, root: str) -> str:
    where = note.filename.removeprefix(root + os.sep)
    return f"{where}:{note.lineno}: {note.category.__name__}: {note.message}"


def _watchers(dag: "DAG") -> Iterator[Watcher]:
    """The triggers that watch the assets which the DAG is scheduled on."""
    condition = dag.timetable.asset_condition
    for asset in _assets(condition) if condition is not None else ():
        for watcher in asset.watchers:
            from tradewind.sdk.serde import encode  # few files have watchers

            classpath, kwargs = watcher.trigger.serialize()
            yield Watcher(
                asset_name=asset.name,
                asset_uri=asset.uri,
                name=watcher.name,
                classpath=classpath,
                kwargs={name: encode(value) for name, value in kwargs.items()},
            )


def _assets(condition: BaseAsset) -> Iterator[Asset]:
    if isinstance(condition, AssetBooleanCondition):
        for part in condition.objects:
            yield from _assets(part)
    elif isinstance(condition, Asset):
        yield condition

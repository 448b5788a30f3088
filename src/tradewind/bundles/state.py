"""What the DAG processor knows of one bundle: its files, what became of each, and what is to do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from tradewind.bundles.base import Bundle
from tradewind.bundles.discovery import Discovery
from tradewind.bundles.inputs import input_digest
from tradewind.bundles.results import ParseResult
from tradewind.bundles.scan import Scan


@dataclass(frozen=True)
class KnownFile:
    """A file that was parsed. `digest` None: it is not known from what."""

    digest: str | None
    inputs: tuple[str, ...] = ()
    error_kind: str | None = None
    is_asked_for: bool = False  # somebody wants it to be parsed again


@dataclass(frozen=True)
class Job:
    """A file to be parsed, and why. `retry`: nothing that it depends on has changed.

    `postponed`: it was parsed, and waits for another file that a DAG id may have moved out of.
    """

    file: str
    reason: str
    retry: bool = False
    postponed: bool = False


@dataclass(eq=False)
class Running:
    """A parse that is under way. `first`: the result of the parse before, to compare with."""

    state: "BundleState"
    job: Job
    digest: str  # of the snapshot that it reads
    hashes: dict[str, str]
    host: str = ""
    first: ParseResult | None = None


@dataclass(frozen=True)
class Changes:
    """What a new scan means for the store. `unchanged` files' DAGs move on to the new snapshot."""

    scan: Scan
    unchanged: list[str]
    gone: list[str]


@dataclass(eq=False)
class BundleState:
    bundle: Bundle
    discovery: Discovery
    value: Callable[[str], str]
    scan: Scan | None = None
    digest: str | None = None
    version: str | None = None
    hashes: dict[str, str] = field(default_factory=dict)
    candidates: frozenset[str] = frozenset()
    known: dict[str, KnownFile] = field(default_factory=dict)
    defines: dict[str, frozenset[str]] = field(default_factory=dict)  # DAG ids by file
    queue: dict[str, Job] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    look_again_at: float = float("inf")
    misses: int = 0  # how often in a row files changed under our hands
    error: str | None = None

    @property
    def name(self) -> str:
        return self.bundle.name

    def due(self, now: float) -> float:
        return min(self.bundle.due(now), self.look_again_at)

    def is_as_before(self, scan: Scan) -> bool:
        """Nothing in it changed. If a file was saved all the same, errors are tried again."""
        if self.scan is None or self.error is not None or scan.digest != self.digest:
            return False
        if scan.touched_ns != self.scan.touched_ns:
            self.retry_errors("it had an error, and a file was saved")
        self.scan = scan
        return True

    def take(self, scan: Scan, digest: str, version: str | None, found: Iterable[str]) -> Changes:
        """Go on from a new snapshot: queue what must be parsed. `settle` once that is stored."""
        self.digest, self.version = digest, version
        self.hashes = scan.hashes
        self.candidates = frozenset(found)
        gone = sorted((self.known.keys() | self.defines.keys()) - self.candidates)
        self.queue = {f: job for f, job in self.queue.items() if f in self.candidates}
        self.plan("its content or what it imports changed")
        self.retry_errors("it had an error, and the bundle changed")
        waiting = self.queue.keys() | self.running.keys()
        return Changes(scan, [f for f in sorted(self.candidates) if f not in waiting], gone)

    def settle(self, changes: Changes) -> None:
        self.scan, self.error, self.misses = changes.scan, None, 0
        for file in changes.gone:
            self.known.pop(file, None)
            self.defines.pop(file, None)

    def overtaken(self) -> list[Running]:
        """Parses of files that read otherwise by now: nobody need wait for them."""
        return [
            running
            for file, running in self.running.items()
            if running.hashes.get(file) != self.hashes.get(file)
        ]

    def ask_for(self, file: str) -> None:
        if file in self.known:
            self.known[file] = replace(self.known[file], is_asked_for=True)

    def plan(self, reason: str) -> None:
        """Queue every candidate that is not what it was when it was parsed."""
        for file in sorted(self.candidates):
            known = self.known.get(file)
            if known is None:
                self.add(Job(file, "it is new"))
            elif known.is_asked_for or known.digest is None:
                self.add(Job(file, "somebody asked for it"))
            elif known.digest != self.input_digest(file, known.inputs):
                self.add(Job(file, reason))

    def retry_errors(self, reason: str, kind: str | None = None) -> None:
        for file, known in sorted(self.known.items()):
            if known.error_kind is not None and kind in (None, known.error_kind):
                self.add(Job(file, reason, retry=True))

    def add(self, job: Job) -> None:
        """A file that is being parsed is judged anew when it is done; so it is not queued too."""
        if job.file in self.running or job.file not in self.candidates:
            return
        queued = self.queue.get(job.file)
        if queued is None or (queued.retry and not job.retry):
            self.queue[job.file] = job

    def input_digest(self, file: str, inputs: Iterable[str]) -> str:
        return input_digest(file, inputs, self.hashes, self.value)

    def is_outdated(self, running: Running, inputs: Iterable[str]) -> bool:
        """Whether what the parse read has changed while it was under way."""
        file = running.job.file
        then = input_digest(file, inputs, running.hashes, self.value)
        return then != self.input_digest(file, inputs)

    def may_still_change(self, file: str) -> bool:
        """Whether which DAGs are in the file is not known yet."""
        queued = self.queue.get(file)
        running = self.running.get(file)
        job = queued or (running.job if running is not None else None)
        return job is not None and not job.postponed

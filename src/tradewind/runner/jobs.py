"""The host's view of a job (an attempt, or a set of callbacks) and of the zygote it is from."""

import os
import signal
import socket
import time
from typing import NamedTuple

from tradewind.core.protocol import CallbackOrder, Finished, WorkOrder
from tradewind.runner.logs import LogFile, RawOutput
from tradewind.runner.masking import Masker
from tradewind.runner.messages import Fork, LoadFailed
from tradewind.runner.wire import Peer
from tradewind.runner.zygote import signal_group

NEVER = float("inf")


def job_name(order: WorkOrder | CallbackOrder) -> str:
    if isinstance(order, WorkOrder):
        return attempt_job(order.attempt_id)
    return f"callback {order.callback_id}"


def attempt_job(attempt_id: int) -> str:
    return f"attempt {attempt_id}"


class ZygoteKey(NamedTuple):
    """One file of one snapshot."""

    digest: str
    file: str


class Job:
    """From the order to the process's end. Times are monotonic seconds."""

    def __init__(self, order: WorkOrder | CallbackOrder, log_fd: int, lease_end: float) -> None:
        self.order = order
        self.name = job_name(order)
        self.attempt_id = order.attempt_id if isinstance(order, WorkOrder) else None
        self.log = LogFile(log_fd, Masker())
        self.lease_end = lease_end
        self.kill_at = NEVER
        self.ending: tuple[str, str] | None = None  # category and reason, once it was told to stop
        self.pid: int | None = None
        self.peer: Peer | None = None
        self.output: RawOutput | None = None
        self.held: Finished | None = None  # a report that waits for the callbacks
        self.reported = False
        self.launches = 0

    def launch(self, zygote: "Zygote") -> tuple[Peer, RawOutput]:
        """Have the zygote fork; the order waits in the channel for its reader. Raises OSError.

        Gives what is to be watched.
        """
        self.launches += 1
        ours, theirs = socket.socketpair()
        output, output_writer = os.pipe()
        zygote.peer.send(Fork(job=self.name), [theirs.detach(), output_writer, os.dup(self.log.fd)])
        self.peer = Peer(ours)
        self.peer.send(self.order)
        self.output = RawOutput(output, self.log)
        return self.peer, self.output

    def stop(self, category: str, reason: str, now: float, grace_seconds: float) -> None:
        """SIGTERM now, SIGKILL after the grace. The first reason stands."""
        if self.ending is not None:
            return
        self.ending = (category, reason)
        self.kill_at = now + grace_seconds
        self.log.phase(f"Stopping: {reason}")
        if self.pid is not None:
            signal_group(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        self.kill_at = NEVER
        if self.pid is not None:
            signal_group(self.pid, signal.SIGKILL)

    def close(self) -> None:
        os.close(self.log.fd)


class Zygote:
    """One warm parent as the host sees it. `loaded` False: it still imports the file."""

    def __init__(self, key: ZygoteKey, pid: int, peer: Peer, output: int) -> None:
        self.key = key
        self.pid = pid
        self.peer = peer
        self.loaded = False
        self.load_deadline = NEVER
        self.idle_since = 0.0
        self.memory_bytes = 0  # that it does not share with the host; known once it has loaded
        self.jobs: dict[str, Job] = {}  # forked, or about to be
        self.waiting: dict[str, Job] = {}  # until the file is imported
        self.failure: LoadFailed | None = None
        self.timed_out = False
        self.output = RawOutput(output, _LogsOf(self.waiting))

    @property
    def is_idle(self) -> bool:
        return not self.jobs and not self.waiting

    def leave(self, job: Job) -> None:
        self.jobs.pop(job.name, None)
        self.waiting.pop(job.name, None)
        self.idle_since = time.monotonic()


class _LogsOf(LogFile):
    """What a file prints while it is imported belongs to every job that waits for it."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        super().__init__(-1, Masker())
        self._jobs = jobs

    def write_all(self, lines: list[bytes]) -> None:
        for job in self._jobs.values():
            job.log.write_all(lines)


class Verdict(NamedTuple):
    """Why a process is gone that reported nothing; see `executors.base.AttemptEnded`."""

    category: str
    reason: str
    exit_code: int | None = None


def no_process(error: object) -> Verdict:
    return Verdict("infra_lost", f"No process could be started: {error}")


def judge(status: int | None, *, oom_killed: bool) -> Verdict:
    """From a wait status (None: nobody could wait for it) of a process that we did not end.

    A crash and an exit are the user's; a kill from outside is infrastructure.
    """
    if status is None:
        return Verdict("infra_lost", "The process is gone and nobody saw how it ended.")
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        reason = f"The process ended itself with exit code {code} before the task was done."
        return Verdict("exit", reason, code)
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL and oom_killed:
        return Verdict("oom", "The kernel killed the process because memory ran out.", code)
    if -code in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return Verdict("infra_lost", f"The process was ended from outside by {name}.", code)
    return Verdict("exit", f"The process crashed with {name}.", code)


def judge_import(zygote: Zygote, status: int | None, *, oom_killed: bool) -> Verdict:
    """Why a job could not begin: its zygote ended before the DAG file was imported."""
    file = zygote.key.file
    if zygote.failure is not None:
        return Verdict("import_error", f"{file} could not be imported: {zygote.failure.error}")
    if zygote.timed_out:
        return Verdict("import_error", f"Importing {file} took too long and was stopped.")
    verdict = judge(status, oom_killed=oom_killed)
    if verdict.category == "exit":
        reason = f"The process ended while {file} was imported. {verdict.reason}"
        return Verdict("import_error", reason, verdict.exit_code)
    return verdict

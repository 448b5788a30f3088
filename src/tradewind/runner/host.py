"""The warm host: one process beside an executor that starts, feeds, watches and ends all attempts.

Single-threaded, one selector loop, and nothing in it waits: slow user code or a silent executor
cannot stop leases from being enforced. It runs no user code itself. When the executor closes the
connection or dies, every attempt is ended and the host with them.
"""

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from tradewind.core.protocol import CallbackOrder, Finished, Started, Usage, WorkOrder
from tradewind.runner import linux
from tradewind.runner.jobs import (
    NEVER,
    Job,
    Verdict,
    Zygote,
    attempt_job,
    job_name,
    judge,
    judge_import,
    no_process,
)
from tradewind.runner.logs import open_log
from tradewind.runner.loop import Loop
from tradewind.runner.messages import (
    Answer,
    Ask,
    Batch,
    CallbackDone,
    CancelAttempt,
    Ended,
    Exited,
    Forked,
    FromJob,
    FromZygote,
    Loaded,
    LoadFailed,
    NotForked,
    RenewLeases,
    RunAttempt,
    RunCallback,
    Secrets,
    ToHost,
)
from tradewind.runner.nursery import Nursery, wait
from tradewind.runner.rehearsal import rehearse
from tradewind.runner.wire import ANY_LENGTH, Peer, Unreadable, decode, refuse_deep
from tradewind.runner.zygote import signal_group, usage_of

Item = Started | Finished | Ended | CallbackDone | Ask

_from_executor: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
_from_zygote: msgspec.msgpack.Decoder[FromZygote] = msgspec.msgpack.Decoder(FromZygote)
_from_job: msgspec.msgpack.Decoder[FromJob] = msgspec.msgpack.Decoder(FromJob)

_LINGER_SECONDS: Final = 0.02
"""How long "it has started" may wait for company: a short task costs the scheduler one wake-up."""

PRELOADED = (
    "jinja2.ext",
    "jinja2.nativetypes",
    "jinja2.sandbox",
    "pendulum",
    "tradewind.runner.accessors",
    "tradewind.runner.job",
    "tradewind.runner.neighbours",
    "tradewind.sdk.macros",
    "tradewind.sdk.mapped",
    "tradewind.sdk.serialize",
    "tradewind.sdk.state_store",
)
"""What many attempts need is imported once, in the host: forks share it."""


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`slots`: how many attempts the executor runs at most; with a free one, ends need no hurry."""

    log_folder: str
    slots: int
    grace_seconds: float = 5.0  # between SIGTERM and SIGKILL
    load_timeout_seconds: float = 60.0  # for importing a DAG file
    callback_timeout_seconds: float = 600.0
    max_zygotes: int = 8
    zygote_idle_seconds: float = 300.0


class Host:
    """All state is here: jobs by name, zygotes by file, open requests, what is to be said."""

    def __init__(self, control: socket.socket, settings: HostSettings) -> None:
        self._settings = settings
        self._control = Peer(control, limit=ANY_LENGTH)  # many XComs in one answer
        self._loop = Loop(self._on_children)
        self._nursery = Nursery(
            self._loop,
            max_zygotes=settings.max_zygotes,
            idle_seconds=settings.zygote_idle_seconds,
            spare_bytes=linux.memory_limit() // 8,
            load_seconds=settings.load_timeout_seconds,
        )
        self._jobs: dict[str, Job] = {}
        self._homes: dict[str, Zygote] = {}  # job name → its zygote, while that lives
        self._asked: dict[int, tuple[Peer, int]] = {}
        self._last_ask = 0
        self._items: list[Item] = []
        self._flush_at = NEVER
        self._oom_kills = linux.oom_kills()
        self._oom_checked = time.monotonic()

    # --- the loop ------------------------------------------------------------------------------

    def run(self) -> None:
        self._loop.watch(self._control, self._on_control)
        while not self._control.closed:
            self._turn()
        self._end_everything()

    def _turn(self) -> None:
        deadline = min(
            self._flush_at,
            self._nursery.next_deadline(),
            min((min(job.lease_end, job.kill_at) for job in self._jobs.values()), default=NEVER),
        )
        self._loop.turn(None if deadline == NEVER else max(0.0, deadline - time.monotonic()))
        now = time.monotonic()
        self._nursery.enforce(now)
        self._enforce_leases(now)
        if now >= self._flush_at:
            self._flush()

    def _enforce_leases(self, now: float) -> None:
        for job in list(self._jobs.values()):
            if now >= job.kill_at:
                job.kill()
            elif now >= job.lease_end:
                job.lease_end = NEVER
                self._stop(job, "infra_lost", "The lease ended: the scheduler did not renew it.")

    def _end_everything(self) -> None:
        """The executor is gone. SIGTERM, a grace for `on_kill`, SIGKILL; nobody hears reports."""
        self._loop.unwatch(self._control)
        for job in list(self._jobs.values()):
            self._stop(job, "infra_lost", "The executor is gone.")
        deadline = time.monotonic() + self._settings.grace_seconds
        while self._jobs and time.monotonic() < deadline:
            self._turn()
        for job in self._jobs.values():
            job.kill()

    # --- what is said to the executor ----------------------------------------------------------

    def _say(self, item: Item, *, at_once: bool = True) -> None:
        self._items.append(item)
        now = time.monotonic()
        self._flush_at = min(self._flush_at, now if at_once else now + _LINGER_SECONDS)

    def _flush(self) -> None:
        self._flush_at = NEVER
        self._loop.send(self._control, Batch(items=self._items))
        self._items = []

    def _forward(self, ask: Ask, peer: Peer, attempt_id: int | None) -> None:
        self._last_ask += 1
        if ask.reply:
            self._asked[self._last_ask] = (peer, ask.id)
        passed_on = Ask(id=self._last_ask, body=ask.body, reply=ask.reply, attempt_id=attempt_id)
        self._say(passed_on, at_once=ask.reply)

    # --- the executor's wishes -----------------------------------------------------------------

    def _on_control(self) -> None:
        for body in self._control.read():
            match _from_executor.decode(body):
                case RunAttempt(order=order, lease_end=lease_end):
                    self._accept(order, lease_end)
                case RunCallback(order=order):
                    timeout = self._settings.callback_timeout_seconds
                    self._accept(order, time.monotonic() + timeout)
                case CancelAttempt(attempt_id=attempt_id, reason=reason):
                    if job := self._jobs.get(attempt_job(attempt_id)):
                        self._stop(job, "cancelled", reason)
                case RenewLeases(attempt_ids=ids, lease_end=lease_end):
                    self._flush_at = time.monotonic()
                    for job in filter(None, map(self._jobs.get, map(attempt_job, ids))):
                        job.lease_end = lease_end
                case Answer(id=asked, body=reply):
                    peer, its_id = self._asked.pop(asked, (None, 0))
                    if peer is not None:
                        self._loop.send(peer, Answer(id=its_id, body=reply))

    def _accept(self, order: WorkOrder | CallbackOrder, lease_end: float) -> None:
        name = job_name(order)
        if name in self._jobs:
            return
        if lease_end <= time.monotonic():  # another process may have been told to run it by now
            self._say_ended(order, Verdict("infra_lost", "Its lease ended before it could start."))
            return
        try:
            log = open_log(self._settings.log_folder, order.log_file)
        except OSError as error:
            reason = f"The log file cannot be opened: {error}"
            self._say_ended(order, Verdict("infra_lost", reason))
            return
        job = self._jobs[name] = Job(order, log, lease_end)
        self._settle(job)

    def _stop(self, job: Job, category: str, reason: str) -> None:
        home = self._homes.get(job.name)
        if home is not None and home.waiting.pop(job.name, None) is not None:
            self._conclude(job, Verdict(category, reason))
        else:
            job.stop(category, reason, time.monotonic(), self._settings.grace_seconds)

    # --- zygotes -------------------------------------------------------------------------------

    def _settle(self, job: Job) -> None:
        """Launch it from its zygote, or let it wait until that has imported the file."""
        try:
            warm = self._homes[job.name] = self._nursery.get(job.order.source, self._on_zygote)
            if warm.loaded:
                self._launch(job, warm)
            else:
                warm.waiting[job.name] = job
        except OSError as error:  # out of processes, descriptors or memory
            self._conclude(job, no_process(error))

    def _on_zygote(self, warm: Zygote) -> None:
        if warm.peer.sock.fileno() < 0:
            return  # retired earlier in this turn
        try:
            for body in warm.peer.read():
                self._heard_from_zygote(warm, decode(_from_zygote, body))
        except Unreadable:  # the DAG file wrote to what it should not have touched
            warm.peer.close()
        if warm.peer.closed:
            self._on_zygote_gone(warm)

    def _heard_from_zygote(self, warm: Zygote, message: FromZygote) -> None:
        match message:
            case Loaded():
                self._on_loaded(warm)
            case LoadFailed():
                warm.failure = message
            case Forked(job=name, pid=pid):
                if job := warm.jobs.get(name):
                    self._has_process(job, pid)
            case NotForked(job=name, reason=reason):
                if job := warm.jobs.get(name):
                    self._conclude(job, no_process(reason))
            case Exited(job=name, status=status, usage=usage):
                if job := warm.jobs.get(name):
                    self._on_exit(job, status, usage)
            case Ask():
                self._forward(message, warm.peer, None)

    def _on_loaded(self, warm: Zygote) -> None:
        warm.loaded = True
        warm.memory_bytes = linux.private_bytes(warm.pid)
        warm.load_deadline = NEVER
        warm.output.read()
        waiting = list(warm.waiting.values())
        warm.waiting.clear()
        for job in waiting:
            self._settle(job)

    def _on_zygote_gone(self, warm: Zygote) -> None:
        """It failed to import its file, or was killed."""
        status = self._nursery.bury(warm)
        verdict = judge_import(warm, status, oom_killed=self._was_oom(status))
        for job in list(warm.waiting.values()):
            if warm.failure is not None:
                job.log.write("error", warm.failure.detail, source="tradewind")
            self._conclude(job, verdict)
        for job in list(warm.jobs.values()):
            self._homes.pop(job.name, None)
            self._keep_or_restart(job)

    def _keep_or_restart(self, job: Job) -> None:
        """A job whose zygote is gone: it lives on as our child, or was never born."""
        if job.peer is not None:
            self._hear(job, job.peer.drain)
        if job.pid is not None:
            self._reap_orphan(job, job.pid)
        elif job.peer is None or job.peer.closed:
            if job.launches > 1 or job.ending is not None:
                self._conclude(job, no_process("its parent died"))
            else:
                self._unwatch(job)
                self._settle(job)

    # --- jobs ----------------------------------------------------------------------------------

    def _launch(self, job: Job, warm: Zygote) -> None:
        now = time.monotonic()
        if now - self._oom_checked > 1.0:
            self._oom_kills, self._oom_checked = linux.oom_kills(), now
        peer, output = job.launch(warm)
        warm.jobs[job.name] = job
        self._loop.sent(warm.peer)
        self._loop.watch(peer, partial(self._on_job, job))
        self._loop.watch_output(output)

    def _has_process(self, job: Job, pid: int) -> None:
        if job.pid is None:
            job.pid = pid
            if job.ending is not None:  # it was told to stop before it had one
                signal_group(pid, signal.SIGTERM)

    def _on_job(self, job: Job) -> None:
        if job.peer is None:
            return
        self._hear(job, job.peer.read)
        if job.peer.closed:
            self._loop.unwatch(job.peer)
            if job.name not in self._homes and job.pid is None:
                self._conclude(job, judge(None, oom_killed=False))

    def _hear(self, job: Job, bodies: Callable[[], list[bytes]]) -> None:
        try:
            for body in bodies():
                self._heard(job, self._own_message(job, body))
        except Unreadable as error:  # user code wrote to what it should not have touched
            reason = f"The process sent the runner what it cannot take: {error}."
            self._stop(job, "exit", reason)

    def _own_message(self, job: Job, body: bytes) -> FromJob:
        """A job speaks for itself alone: about another's attempt it is not to be believed."""
        message = decode(_from_job, body)
        match message, job.order:
            case Started() | Finished(), WorkOrder(attempt_id=own):
                foreign = message.attempt_id != own
            case CallbackDone(), CallbackOrder(callback_id=own):
                foreign = message.callback_id != own
            case _:
                foreign = isinstance(message, Started | Finished | CallbackDone)
        if foreign:
            raise Unreadable(f"{type(message).__name__}, but not of {job.name}")
        if isinstance(message, Finished):
            refuse_deep(body)
        return message

    def _heard(self, job: Job, message: FromJob) -> None:
        match message:
            case Started(pid=pid) as started:
                self._has_process(job, pid)
                self._say(started, at_once=False)
            case Finished(callbacks_follow=True) as finished:
                job.held = finished
            case Finished() | CallbackDone() as report:
                job.reported = True
                self._say(report)
            case Secrets(values=values):
                job.log.mask.add(values)
            case Ask() as ask if job.peer is not None:
                self._forward(ask, job.peer, job.attempt_id)

    def _on_exit(self, job: Job, status: int | None, usage: Usage | None) -> None:
        """The process is gone: hear what it still said, then conclude."""
        if job.peer is not None:
            self._hear(job, job.peer.drain)
        if job.held is not None:
            job.reported = True
            self._say(job.held)
        if job.reported:
            self._conclude(job, None, usage)
        elif job.ending is not None:
            self._conclude(job, Verdict(*job.ending), usage)
        else:
            self._conclude(job, judge(status, oom_killed=self._was_oom(status)), usage)

    def _conclude(self, job: Job, verdict: Verdict | None, usage: Usage | None = None) -> None:
        """The only place where a job's life ends. `verdict` None: it has reported."""
        if self._jobs.pop(job.name, None) is None:
            return
        if job.ending is not None and job.pid is not None:
            signal_group(job.pid, signal.SIGKILL)  # what it left behind in its process group
        home = self._homes.pop(job.name, None)
        if home is not None:
            home.leave(job)
        self._unwatch(job)
        if verdict is not None:
            job.log.write("error", verdict.reason, source="tradewind")
        self._say_ended(job.order, verdict, usage)
        job.close()

    def _say_ended(
        self,
        order: WorkOrder | CallbackOrder,
        verdict: Verdict | None,
        usage: Usage | None = None,
    ) -> None:
        if isinstance(order, CallbackOrder):
            if verdict is not None:
                self._say(CallbackDone(callback_id=order.callback_id, error=verdict.reason))
            return
        category, reason, code = verdict or (None, None, None)
        ended = Ended(
            attempt_id=order.attempt_id,
            category=category,
            reason=reason,
            exit_code=code,
            usage=usage,
        )
        # After a report only the slot is news, and that can wait while others are free.
        urgent = verdict is not None or len(self._jobs) + 1 >= self._settings.slots
        self._say(ended, at_once=urgent)

    def _unwatch(self, job: Job) -> None:
        if job.peer is not None and job.output is not None:
            self._loop.unwatch(job.peer)
            self._loop.unwatch_output(job.output)

    def _was_oom(self, status: int | None) -> bool:
        if status is None or not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return False
        before, self._oom_kills = self._oom_kills, linux.oom_kills()
        return self._oom_kills > before

    # --- children ------------------------------------------------------------------------------

    def _on_children(self) -> None:
        """Orphans of dead zygotes. Living zygotes wait for their own, and say so."""
        for job in [job for job in self._jobs.values() if job.name not in self._homes]:
            if job.pid is not None:
                self._reap_orphan(job, job.pid)
        self._reap_strangers()

    def _reap_orphan(self, job: Job, pid: int) -> None:
        try:
            waited, status, used = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:  # its zygote had waited for it and could not say so any more
            self._on_exit(job, None, None)
            return
        if waited:
            self._on_exit(job, status, usage_of(used.ru_utime, used.ru_stime, used.ru_maxrss))

    def _reap_strangers(self) -> None:
        """Retired zygotes, and what tasks left running that became ours."""
        ours = {z.pid for z in self._nursery} | {job.pid for job in self._jobs.values()}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in ours:
                return
            wait(found.si_pid)


def _allow_descriptors(count: int) -> None:
    """An attempt needs three in the host."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        enough = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def main() -> None:
    """`python -m tradewind.runner.host <socket's descriptor> <settings as JSON>`."""
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = msgspec.json.decode(sys.argv[2], type=HostSettings)
    control.set_inheritable(False)
    _allow_descriptors(3 * settings.slots + 256)
    linux.become_subreaper()
    for name in PRELOADED:
        importlib.import_module(name)
    rehearse()
    gc.collect()
    gc.freeze()
    Host(control, settings).run()


if __name__ == "__main__":
    main()

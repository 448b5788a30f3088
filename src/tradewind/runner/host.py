"""The warm host: one process beside an executor that starts, feeds, watches and ends all attempts.

Single-threaded, one selector loop, and nothing in it waits: slow user code or a silent executor
cannot stop leases from being enforced. It runs no user code itself. When the executor closes the
connection or dies, every attempt is ended and the host with them.
"""

import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

import msgspec

from tradewind.core.protocol import (
    CallbackOrder,
    DagSource,
    Finished,
    Started,
    Usage,
    WorkOrder,
)
from tradewind.runner import linux, zygote
from tradewind.runner.jobs import (
    NEVER,
    Job,
    Verdict,
    Zygote,
    ZygoteKey,
    attempt_job,
    job_name,
    judge,
    judge_import,
)
from tradewind.runner.logs import open_log
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
from tradewind.runner.wire import Peer
from tradewind.runner.zygote import signal_group

Item = Started | Finished | Ended | CallbackDone | Ask

_from_executor: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
_from_zygote: msgspec.msgpack.Decoder[FromZygote] = msgspec.msgpack.Decoder(FromZygote)
_from_job: msgspec.msgpack.Decoder[FromJob] = msgspec.msgpack.Decoder(FromJob)

_LINGER_SECONDS: Final = 0.02
"""How long "it has started" may wait for company: a short task costs the scheduler one wake-up."""


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
        self._control = Peer(control)
        self._selector = selectors.DefaultSelector()
        self._jobs: dict[str, Job] = {}
        self._homes: dict[str, Zygote] = {}  # job name → its zygote, while that lives
        self._zygotes: dict[ZygoteKey, Zygote] = {}
        self._asked: dict[int, tuple[Peer, int]] = {}
        self._last_ask = 0
        self._items: list[Item] = []
        self._flush_at = NEVER
        self._oom_kills = linux.oom_kills()
        self._oom_checked = time.monotonic()
        self._wake, self._wake_writer = os.pipe()

    # --- the loop ----------------------------------------------------------------------------

    def run(self) -> None:
        self._watch_children()
        self._watch(self._control, self._on_control)
        while not self._control.closed:
            self._turn()
        self._end_everything()

    def _turn(self) -> None:
        timeout = max(0.0, self._next_deadline() - time.monotonic())
        for key, events in self._selector.select(None if timeout == NEVER else timeout):
            key.data(events)
        now = time.monotonic()
        self._enforce(now)
        if now >= self._flush_at:
            self._flush()

    def _next_deadline(self) -> float:
        idle = self._settings.zygote_idle_seconds
        return min(
            self._flush_at,
            *(min(job.lease_end, job.kill_at) for job in self._jobs.values()),
            *(
                z.idle_since + idle if z.is_idle else z.load_deadline
                for z in self._zygotes.values()
            ),
            NEVER,
        )

    def _enforce(self, now: float) -> None:
        """Whatever is due: leases, kills, imports that hang, zygotes that nobody uses."""
        for job in list(self._jobs.values()):
            if now >= job.kill_at:
                job.kill()
            elif now >= job.lease_end:
                job.lease_end = NEVER
                self._stop(job, "infra_lost", "The lease ended: the scheduler did not renew it.")
        for warm in list(self._zygotes.values()):
            if now >= warm.load_deadline:
                warm.load_deadline = NEVER
                warm.timed_out = True
                os.kill(warm.pid, signal.SIGKILL)
            elif warm.is_idle and now >= warm.idle_since + self._settings.zygote_idle_seconds:
                self._retire(warm)

    # --- what is said to the executor --------------------------------------------------------

    def _say(self, item: Item, *, at_once: bool = True) -> None:
        self._items.append(item)
        now = time.monotonic()
        self._flush_at = min(self._flush_at, now if at_once else now + _LINGER_SECONDS)

    def _flush(self) -> None:
        self._flush_at = NEVER
        if self._items:
            self._send(self._control, Batch(items=self._items))
            self._items = []

    def _forward(self, ask: Ask, peer: Peer, attempt_id: int | None) -> None:
        self._last_ask += 1
        if ask.reply:
            self._asked[self._last_ask] = (peer, ask.id)
        passed_on = Ask(id=self._last_ask, body=ask.body, reply=ask.reply, attempt_id=attempt_id)
        self._say(passed_on, at_once=ask.reply)

    # --- the executor's wishes ---------------------------------------------------------------

    def _on_control(self, events: int) -> None:
        self._write(self._control, events)
        for body in self._control.read():
            match _from_executor.decode(body):
                case RunAttempt(order=order, lease_seconds=seconds):
                    self._accept(order, time.monotonic() + seconds)
                case RunCallback(order=order):
                    self._accept(order, time.monotonic() + self._settings.callback_timeout_seconds)
                case CancelAttempt(attempt_id=attempt_id, reason=reason):
                    if job := self._jobs.get(attempt_job(attempt_id)):
                        self._stop(job, "cancelled", reason)
                case RenewLeases(attempt_ids=ids, lease_seconds=seconds):
                    lease_end = time.monotonic() + seconds
                    for job in filter(None, map(self._jobs.get, map(attempt_job, ids))):
                        job.lease_end = lease_end
                case Answer(id=asked, body=reply):
                    peer, its_id = self._asked.pop(asked, (None, 0))
                    if peer is not None:
                        self._send(peer, Answer(id=its_id, body=reply))

    def _accept(self, order: WorkOrder | CallbackOrder, lease_end: float) -> None:
        name = job_name(order)
        if name in self._jobs:
            return
        try:
            log = open_log(self._settings.log_folder, order.log_file)
        except OSError as error:
            self._refuse(order, f"The log file cannot be opened: {error}")
            return
        job = self._jobs[name] = Job(order, log, lease_end)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        """Launch it from its zygote, or let it wait until that has imported the file."""
        try:
            warm = self._homes[job.name] = self._zygote_for(job.order.source)
            if warm.loaded:
                self._launch(job, warm)
            else:
                warm.waiting[job.name] = job
        except OSError as error:  # out of processes, descriptors or memory
            self._conclude(job, no_process(error))

    def _refuse(self, order: WorkOrder | CallbackOrder, reason: str) -> None:
        if isinstance(order, WorkOrder):
            self._say(Ended(attempt_id=order.attempt_id, category="infra_lost", reason=reason))
        else:
            self._say(CallbackDone(callback_id=order.callback_id, error=reason))

    def _stop(self, job: Job, category: str, reason: str) -> None:
        home = self._homes.get(job.name)
        if home is not None and home.waiting.pop(job.name, None) is not None:
            self._conclude(job, Verdict(category, reason))
        else:
            job.stop(category, reason, time.monotonic(), self._settings.grace_seconds)

    # --- zygotes -----------------------------------------------------------------------------

    def _zygote_for(self, source: DagSource) -> Zygote:
        key = ZygoteKey(source.digest, source.file)
        warm = self._zygotes.get(key)
        if warm is None:
            self._make_room()
            warm = self._zygotes[key] = self._start_zygote(key, source.root)
        return warm

    def _make_room(self) -> None:
        idle = sorted((z for z in self._zygotes.values() if z.is_idle), key=lambda z: z.idle_since)
        surplus = len(self._zygotes) + 1 - self._settings.max_zygotes
        for warm in idle[: max(0, surplus)]:
            self._retire(warm)

    def _start_zygote(self, key: ZygoteKey, root: str) -> Zygote:
        ours, theirs = socket.socketpair()
        output, output_writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._be_zygote(theirs, output_writer, root, key.file)
        theirs.close()
        os.close(output_writer)
        warm = Zygote(key, pid, Peer(ours), output)
        warm.load_deadline = time.monotonic() + self._settings.load_timeout_seconds
        self._watch(warm.peer, partial(self._on_zygote, warm))
        self._watch_output(warm)
        return warm

    def _be_zygote(self, sock: socket.socket, output: int, root: str, file: str) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keep = {0, 1, 2, sock.fileno(), output}
            for fd in open_descriptors() - keep:
                os.close(fd)
            zygote.run(sock, output, root, file)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def _on_zygote(self, warm: Zygote, events: int) -> None:
        if warm.peer.closed:
            return  # retired earlier in this turn
        self._write(warm.peer, events)
        for body in warm.peer.read():
            self._heard_from_zygote(warm, _from_zygote.decode(body))
        if warm.peer.closed:
            self._on_zygote_gone(warm)

    def _heard_from_zygote(self, warm: Zygote, message: FromZygote) -> None:
        match message:
            case Loaded():
                self._on_loaded(warm)
            case LoadFailed() as failure:
                warm.failure = failure
            case Forked(job=name, pid=pid):
                self._on_forked(name, pid)
            case NotForked(job=name, reason=reason):
                if job := self._jobs.get(name):
                    self._conclude(job, no_process(reason))
            case Exited(job=name, status=status, usage=usage):
                if job := self._jobs.get(name):
                    self._on_exit(job, status, usage)
            case Ask() as ask:
                self._forward(ask, warm.peer, None)

    def _on_loaded(self, warm: Zygote) -> None:
        warm.loaded = True
        warm.load_deadline = NEVER
        self._on_output(warm)
        for job in list(warm.waiting.values()):
            try:
                self._launch(job, warm)
            except OSError as error:
                self._conclude(job, no_process(error))
        warm.waiting.clear()

    def _retire(self, warm: Zygote) -> None:
        """Close the connection: a zygote without children ends by itself."""
        self._forget(warm)
        warm.peer.close()

    def _forget(self, warm: Zygote) -> None:
        if self._zygotes.get(warm.key) is warm:
            del self._zygotes[warm.key]
            self._unwatch(warm.peer)
            self._unwatch_output(warm)
            warm.output.drain()

    def _on_zygote_gone(self, warm: Zygote) -> None:
        """It failed to import its file, or was killed. Jobs that it has forked live on as ours."""
        _kill(warm.pid)
        status = _wait(warm.pid)
        self._forget(warm)
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
        for body in job.peer.drain() if job.peer is not None else []:
            self._heard(job, body)
        if job.pid is not None:
            self._reap_orphan(job, job.pid)
        elif job.peer is None or job.peer.closed:
            if job.launches > 1 or job.ending is not None:
                self._conclude(job, no_process("its parent died twice"))
            else:
                self._unwatch_job(job)
                self._settle(job)

    # --- jobs --------------------------------------------------------------------------------

    def _launch(self, job: Job, warm: Zygote) -> None:
        now = time.monotonic()
        if now - self._oom_checked > 1.0:
            self._oom_kills, self._oom_checked = linux.oom_kills(), now
        job.launch(warm)
        warm.jobs[job.name] = job
        self._check_unsent(warm.peer)
        if job.peer is not None:
            self._watch(job.peer, partial(self._on_job, job))
            self._check_unsent(job.peer)
        self._watch_output(job)

    def _on_forked(self, name: str, pid: int) -> None:
        job = self._jobs.get(name)
        if job is not None and job.pid is None:
            job.pid = pid
            if job.ending is not None:  # it was told to stop before it had a process
                signal_group(pid, signal.SIGTERM)

    def _on_job(self, job: Job, events: int) -> None:
        if job.peer is None:
            return
        self._write(job.peer, events)
        for body in job.peer.read():
            self._heard(job, body)
        if job.peer.closed:
            self._unwatch(job.peer)
            if job.name not in self._homes and job.pid is None:
                self._conclude(job, judge(None, oom_killed=False))

    def _heard(self, job: Job, body: bytes) -> None:
        match _from_job.decode(body):
            case Started(pid=pid) as started:
                self._on_forked(job.name, pid)
                self._say(started, at_once=False)
            case Finished(callbacks_follow=True) as finished:
                job.held = finished
            case Finished() as finished:
                job.reported = True
                self._say(finished)
            case CallbackDone() as done:
                job.reported = True
                self._say(done)
            case Secrets(values=values):
                job.log.mask.add(values)
            case Ask() as ask if job.peer is not None:
                self._forward(ask, job.peer, job.attempt_id)

    def _on_exit(self, job: Job, status: int | None, usage: Usage | None) -> None:
        """The process is gone: hear what it still said, then conclude."""
        for body in job.peer.drain() if job.peer is not None else []:
            self._heard(job, body)
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
        """The only place where a job's life ends."""
        if self._jobs.pop(job.name, None) is None:
            return
        if job.ending is not None and job.pid is not None:
            signal_group(job.pid, signal.SIGKILL)  # what it left behind in its process group
        self._leave_home(job)
        self._unwatch_job(job)
        if verdict is not None:
            job.log.write("error", verdict.reason, source="tradewind")
        self._say_ended(job, verdict, usage)
        job.close()

    def _say_ended(self, job: Job, verdict: Verdict | None, usage: Usage | None) -> None:
        if isinstance(job.order, CallbackOrder):
            if not job.reported:
                error = verdict.reason if verdict else None
                self._say(CallbackDone(callback_id=job.order.callback_id, error=error))
            return
        category, reason, code = verdict or (None, None, None)
        ended = Ended(
            attempt_id=job.order.attempt_id,
            category=category,
            reason=reason,
            exit_code=code,
            usage=usage,
        )
        # After a report only the slot is news, and that can wait while others are free.
        self._say(ended, at_once=not job.reported or len(self._jobs) + 1 >= self._settings.slots)

    def _leave_home(self, job: Job) -> None:
        home = self._homes.pop(job.name, None)
        if home is not None:
            home.jobs.pop(job.name, None)
            home.waiting.pop(job.name, None)
            home.idle_since = time.monotonic()

    def _was_oom(self, status: int | None) -> bool:
        if status is None or not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return False
        before, self._oom_kills = self._oom_kills, linux.oom_kills()
        return self._oom_kills > before

    # --- children ----------------------------------------------------------------------------

    def _watch_children(self) -> None:
        for fd in (self._wake, self._wake_writer):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        self._selector.register(self._wake, selectors.EVENT_READ, self._on_children)

    def _on_children(self, events: int) -> None:
        """Orphans of dead zygotes. Living zygotes wait for their own, and say so."""
        os.read(self._wake, 4096)
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
            usage = zygote.usage_of(used.ru_utime, used.ru_stime, used.ru_maxrss)
            self._on_exit(job, status, usage)

    def _reap_strangers(self) -> None:
        """Retired zygotes, and what tasks left running that became ours."""
        ours = {z.pid for z in self._zygotes.values()} | {job.pid for job in self._jobs.values()}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in ours:
                return
            _wait(found.si_pid)

    # --- watching ----------------------------------------------------------------------------

    def _watch(self, peer: Peer, callback: Callable[[int], None]) -> None:
        self._selector.register(peer.sock, selectors.EVENT_READ, callback)

    def _unwatch(self, peer: Peer) -> None:
        if peer.sock.fileno() >= 0:
            self._selector.unregister(peer.sock)
            peer.close()
            peer.sock.close()

    def _unwatch_job(self, job: Job) -> None:
        if job.peer is not None:
            self._unwatch(job.peer)
        if job.output is not None:
            self._unwatch_output(job)
            job.output.drain()

    def _watch_output(self, owner: Job | Zygote) -> None:
        if owner.output is not None:
            callback = partial(self._on_output, owner)
            self._selector.register(owner.output.fd, selectors.EVENT_READ, callback)

    def _on_output(self, owner: Job | Zygote, _events: int = 0) -> None:
        if owner.output is None or owner.output.closed:
            return  # an event of the same turn in which its owner ended
        fd = owner.output.fd
        owner.output.read()
        if owner.output.closed:
            self._selector.unregister(fd)

    def _unwatch_output(self, owner: Job | Zygote) -> None:
        if owner.output is not None and not owner.output.closed:
            self._selector.unregister(owner.output.fd)

    def _send(self, peer: Peer, message: object) -> None:
        if not peer.closed:
            peer.send(message)
            self._check_unsent(peer)

    def _check_unsent(self, peer: Peer) -> None:
        if peer.wants_write:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(peer.sock, both, self._selector.get_key(peer.sock).data)

    def _write(self, peer: Peer, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            peer.flush()
            if not peer.wants_write and not peer.closed:
                key = self._selector.get_key(peer.sock)
                self._selector.modify(peer.sock, selectors.EVENT_READ, key.data)

    # --- the end -----------------------------------------------------------------------------

    def _end_everything(self) -> None:
        """The executor is gone. SIGTERM, a grace for `on_kill`, SIGKILL; nobody hears reports."""
        self._unwatch(self._control)
        for job in list(self._jobs.values()):
            self._stop(job, "infra_lost", "The executor is gone.")
        deadline = time.monotonic() + self._settings.grace_seconds
        while self._jobs and time.monotonic() < deadline:
            self._items.clear()
            self._turn()
        for job in self._jobs.values():
            job.kill()


def no_process(error: object) -> Verdict:
    return Verdict("infra_lost", f"No process could be started: {error}")


def open_descriptors() -> set[int]:
    """This process's descriptors above the three standard ones."""
    try:
        found = {int(name) for name in os.listdir("/dev/fd")}
    except OSError:
        return set()
    return {fd for fd in found if fd > 2 and _is_open(fd)}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait(pid: int) -> int | None:
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def main() -> None:
    """`python -m tradewind.runner.host <socket's descriptor> <settings as JSON>`."""
    import gc

    control = socket.socket(fileno=int(sys.argv[1]))
    settings = msgspec.json.decode(sys.argv[2], type=HostSettings)
    control.set_inheritable(False)
    linux.become_subreaper()
    preload()
    gc.collect()
    gc.freeze()
    Host(control, settings).run()


def preload() -> None:
    """Import once, here, what many attempts need: forks share it."""
    for name in (
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
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    main()

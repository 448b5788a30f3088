"""Processes that die, hang, are told to stop or were never born: host and executor."""

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.runner.harness import WAIT_SECONDS, Bench, bench
from tradewind.core.protocol import Failed, Succeeded
from tradewind.executors.base import AttemptEnded, AttemptReported, AttemptStarted
from tradewind.runner.messages import RenewLeases

DAG_FILE = """
import ctypes, os, signal, subprocess, time

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.dag import DAG


class Do(BaseOperator):
    def __init__(self, *, do, kill=None, **kwargs):
        super().__init__(**kwargs)
        self.do, self.kill = do, kill

    def execute(self, context):
        return self.do()

    def on_kill(self):
        print("on_kill was called")
        if self.kill:
            self.kill()


def sleep():
    print("sleeping", flush=True)
    time.sleep(100)


def deaf():
    while True:
        try:
            sleep()
        except BaseException:
            print("what was that?")


def finish_anyway():
    try:
        sleep()
    except BaseException:
        return "finished"


def child():
    process = subprocess.Popen(["sleep", "100"])
    print("spawned", process.pid, flush=True)
    process.wait()


def leave_child():
    process = subprocess.Popen(["sleep", "100"])
    return process.pid


def write(*frames):
    # to whatever is open; the runner's connection is among it
    import socket

    for fd in range(3, 20):
        try:
            socket.socket(fileno=os.dup(fd)).sendall(b"".join(frames))
        except OSError:
            pass
    time.sleep(100)


def frame(message):
    from tradewind.runner.wire import frame

    return frame(message)


def started(attempt_id):
    from tradewind.core.protocol import Started

    return frame(Started(attempt_id=attempt_id, pid=1, hostname="elsewhere"))


def finished(attempt_id, value=None):
    from tradewind.core.protocol import Finished, Succeeded, XComValue

    outcome = Succeeded(xcoms=[XComValue(key="k", value=value)])
    return frame(Finished(attempt_id=attempt_id, outcome=outcome))


def called_back():
    from tradewind.runner.messages import CallbackDone

    return frame(CallbackDone(callback_id=10**6))


def secrets_of(text):
    from tradewind.runner.messages import Secrets

    return frame(Secrets(values=["text"])).replace(b"text", text)


def own():
    # the attempt's id, from the name of its open log
    for name in os.listdir("/proc/self/fd"):
        path = f"/proc/self/fd/{name}"
        if os.path.lexists(path) and (target := os.readlink(path)).endswith(".log"):
            return int(os.path.basename(target).removesuffix(".log"))


def deep(value=None, levels=400):
    for _ in range(levels):
        value = [value]
    return value


def inherited():
    import random

    targets = []
    for name in os.listdir("/proc/self/fd"):
        try:
            targets.append(os.readlink(f"/proc/self/fd/{name}").split(":")[0])
        except FileNotFoundError:  # the one that listing them has used
            pass
    targets.sort()
    return {
        "descriptors": targets,
        "random": random.random(),
        "group": os.getpgid(0) == os.getpid(),
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
        "child_handler": str(signal.getsignal(signal.SIGCHLD)),
        "blocked": [str(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    }


with DAG("d"):
    Do(task_id="quick", do=lambda: 1)
    Do(task_id="sleep", do=sleep)
    Do(task_id="deaf", do=deaf)
    Do(task_id="finish_anyway", do=finish_anyway)
    Do(task_id="child", do=child)
    Do(task_id="leave_child", do=leave_child)
    Do(task_id="segfault", do=lambda: ctypes.string_at(0))
    Do(task_id="suicide", do=lambda: os.kill(os.getpid(), signal.SIGKILL))
    Do(task_id="abort", do=os.abort)
    Do(task_id="exit_3", do=lambda: os._exit(3))
    Do(task_id="broken_on_kill", do=sleep, kill=lambda: 1 / 0)
    Do(task_id="nonsense", do=lambda: write(bytes([0, 0, 0, 4]), b"what"))
    Do(task_id="no_text", do=lambda: write(secrets_of(bytes([0xFF] * 4))))
    Do(task_id="endless", do=lambda: write(bytes([0xFF] * 4)))
    Do(task_id="too_deep", do=lambda: write(finished(own(), deep())))
    Do(task_id="starts_another", do=lambda: write(started(own() - 1)))
    Do(task_id="ends_another", do=lambda: write(finished(own() - 1)))
    Do(task_id="is_no_callback", do=lambda: write(called_back()))
    Do(task_id="inherited", do=inherited)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Bench]:
    """A stand whose host may be killed."""
    with bench(tmp_path) as ready:
        ready.write("d.py", DAG_FILE)
        yield ready


@pytest.fixture(scope="module", autouse=True)
def dag_file(stand: Bench) -> None:
    stand.write("d.py", DAG_FILE)


def sleeping(stand: Bench, task_id: str) -> tuple[int, int]:
    """The attempt and its process, once it sleeps."""
    attempt = stand.start("d.py", task_id)
    pid = stand.started(attempt).pid
    assert pid is not None
    stand.wait_for_log(attempt, "sleeping")
    return attempt, pid


def parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} lives on")


@pytest.mark.parametrize(
    ("task_id", "category", "exit_code", "reason"),
    [
        ("exit_3", "exit", 3, "exit code 3"),
        ("segfault", "exit", -signal.SIGSEGV, "crashed with SIGSEGV"),
        ("abort", "exit", -signal.SIGABRT, "crashed with SIGABRT"),
        ("suicide", "infra_lost", -signal.SIGKILL, "from outside by SIGKILL"),
    ],
)
def test_a_process_that_ends_itself(
    stand: Bench, task_id: str, category: str, exit_code: int, reason: str
) -> None:
    attempt = stand.start("d.py", task_id)
    outcome, ended = stand.result(attempt)
    assert outcome is None
    assert (ended.category, ended.exit_code) == (category, exit_code)
    assert reason in str(ended.reason)
    assert reason in stand.text(attempt)


def test_a_crash_leaves_a_traceback_in_the_log(stand: Bench) -> None:
    attempt = stand.start("d.py", "segfault")
    stand.ended(attempt)
    assert "Fatal Python error: Segmentation fault" in stand.text(attempt)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_from_outside(stand: Bench, number: signal.Signals) -> None:
    attempt, pid = sleeping(stand, "sleep")
    os.kill(pid, number)
    outcome, ended = stand.result(attempt)
    assert outcome is None
    assert (ended.category, ended.exit_code) == ("infra_lost", -number)
    assert ("on_kill was called" in stand.text(attempt)) is (number == signal.SIGTERM)


@pytest.mark.parametrize("task_id", ["sleep", "broken_on_kill"])
def test_cancel_calls_on_kill(stand: Bench, task_id: str) -> None:
    attempt, pid = sleeping(stand, task_id)
    stand.executor.cancel(attempt, "Somebody cleared it.")
    outcome, ended = stand.result(attempt)
    assert outcome is None
    assert (ended.category, ended.reason) == ("cancelled", "Somebody cleared it.")
    assert "on_kill was called" in stand.text(attempt)
    wait_until_gone(pid)


def test_cancel_of_a_deaf_task_ends_by_force(stand: Bench) -> None:
    attempt, pid = sleeping(stand, "deaf")
    stand.executor.cancel(attempt, "Enough.")
    _, ended = stand.result(attempt)
    assert (ended.category, ended.exit_code) == ("cancelled", None)
    wait_until_gone(pid)


def test_a_task_that_finishes_in_its_grace_has_finished(stand: Bench) -> None:
    attempt, _ = sleeping(stand, "finish_anyway")
    stand.executor.cancel(attempt, "Enough.")
    outcome, ended = stand.result(attempt)
    assert isinstance(outcome, Succeeded)
    assert ended.category is None


def test_cancel_takes_the_whole_process_group(stand: Bench) -> None:
    attempt = stand.start("d.py", "child")
    stand.started(attempt)
    stand.wait_for_log(attempt, "spawned")
    (line,) = [r["event"] for r in stand.log(attempt) if r["event"].startswith("spawned")]
    stand.executor.cancel(attempt, "Enough.")
    stand.ended(attempt)
    wait_until_gone(int(line.split()[1]))


def test_what_a_finished_task_left_running_does_not_hold_it_up(stand: Bench) -> None:
    outcome, _ = stand.result(stand.start("d.py", "leave_child"))
    os.kill(outcome.xcoms[0].value, signal.SIGKILL)


def test_cancel_of_what_is_over_or_unknown_changes_nothing(stand: Bench) -> None:
    attempt = stand.start("d.py", "quick")
    stand.ended(attempt)
    stand.executor.cancel(attempt, "Too late.")
    stand.executor.cancel(10_000, "Who?")
    assert isinstance(stand.run("d.py", "quick"), Succeeded)


@pytest.mark.parametrize(
    ("task_id", "reason"),
    [
        ("nonsense", "Expected `object`"),
        ("no_text", "utf-8"),
        ("endless", "4,294,967,295 bytes"),
        ("too_deep", "levels"),
        ("starts_another", "not of attempt"),
        ("ends_another", "not of attempt"),
        ("is_no_callback", "not of attempt"),
    ],
)
def test_nonsense_on_the_channel_ends_only_who_wrote_it(
    stand: Bench, task_id: str, reason: str
) -> None:
    victim, _ = sleeping(stand, "finish_anyway")
    attempt = stand.start("d.py", task_id)
    outcome, ended = stand.result(attempt)
    assert outcome is None
    assert ended.category == "exit"
    assert "cannot take" in str(ended.reason)
    assert reason in str(ended.reason)
    assert str(ended.reason) in stand.text(attempt)
    stand.executor.cancel(victim, "Enough.")
    outcome, _ = stand.result(victim)
    assert outcome.xcoms[0].value == "finished"
    starts = [e for e in stand.events if isinstance(e, AttemptStarted) and e.attempt_id == victim]
    assert len(starts) == 1


def test_what_an_attempt_inherits(stand: Bench) -> None:
    first, second = (stand.run("d.py", "inherited").xcoms[0].value for _ in range(2))
    log = [target for target in first["descriptors"] if target.endswith(".log")]
    rest = [target for target in first["descriptors"] if not target.endswith(".log")]
    assert len(log) == 1
    assert rest == ["/dev/null", "pipe", "pipe", "socket"]
    assert first["random"] != second["random"]
    assert first["group"] is True
    assert first["dumpable"] == 0
    assert first["child_handler"] == str(signal.SIG_DFL)
    assert first["blocked"] == []


def test_an_attempt_ends_with_its_lease(stand: Bench) -> None:
    lost, _ = sleeping(stand, "sleep")
    kept, kept_pid = sleeping(stand, "sleep")
    stand.executor.renewed({lost}, 0.0)
    stand.executor.renewed({kept}, 60.0)
    ended = stand.ended(lost)
    assert ended.category == "infra_lost"
    assert "lease" in str(ended.reason)
    os.kill(kept_pid, 0)
    stand.executor.cancel(kept, "done")
    stand.ended(kept)


def test_attempts_outlive_their_zygote(own: Bench) -> None:
    attempt, pid = sleeping(own, "finish_anyway")
    zygote = parent_of(pid)
    os.kill(zygote, signal.SIGKILL)
    assert isinstance(own.run("d.py", "quick"), Succeeded)  # by a new zygote
    assert parent_of(pid) == parent_of_new_zygote(own)
    os.kill(pid, signal.SIGTERM)
    outcome, ended = own.result(attempt)
    assert isinstance(outcome, Succeeded)
    assert ended.usage is not None  # the host itself has waited for it


def parent_of_new_zygote(own: Bench) -> int:
    attempt, pid = sleeping(own, "sleep")
    host = parent_of(parent_of(pid))
    own.executor.cancel(attempt, "enough")
    own.ended(attempt)
    return host


def test_an_orphan_that_is_killed(own: Bench) -> None:
    attempt, pid = sleeping(own, "sleep")
    os.kill(parent_of(pid), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    ended = own.ended(attempt)
    assert ended.category == "infra_lost"


def test_when_the_host_dies_its_attempts_do_and_another_host_takes_over(own: Bench) -> None:
    attempt, pid = sleeping(own, "sleep")
    os.kill(parent_of(parent_of(pid)), signal.SIGKILL)
    ended = own.ended(attempt)
    assert ended.category == "infra_lost"
    assert "host process" in str(ended.reason)
    wait_until_gone(pid)
    while not own.executor.free_slots():
        own.woken.wait(WAIT_SECONDS)
        own.woken.clear()
    assert isinstance(own.run("d.py", "quick"), Succeeded)


def test_a_host_that_hangs_is_replaced_when_it_is_spoken_to(own: Bench) -> None:
    attempt, pid = sleeping(own, "sleep")
    host = parent_of(parent_of(pid))
    os.kill(host, signal.SIGSTOP)
    connection = own.executor._connection
    assert connection is not None
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 1000))
    while own.executor._tell(RenewLeases(attempt_ids=[0] * 10_000, lease_end=0.0)):
        pass  # until its buffer is full
    assert own.ended(attempt).category == "infra_lost"
    wait_until_gone(host)


def test_a_host_that_hangs_is_replaced_when_it_gives_no_sign_of_life(own: Bench) -> None:
    attempt, pid = sleeping(own, "sleep")
    host = parent_of(parent_of(pid))
    os.kill(host, signal.SIGSTOP)
    for _ in range(4):
        own.executor.renewed({attempt}, 30.0)
    assert own.ended(attempt).category == "infra_lost"
    wait_until_gone(host)
    wait_until_gone(pid)


def test_what_comes_after_the_end_of_its_lease_does_not_start(tmp_path: Path) -> None:
    with bench(tmp_path) as stand:
        stand.write("d.py", DAG_FILE)
        outcome, ended = stand.result(stand.start("d.py", "quick", lease_seconds=0.0))
        assert outcome is None
        assert ended.category == "infra_lost"
        assert "before it could start" in str(ended.reason)


def test_closing_lets_attempts_finish_then_cancels(tmp_path: Path) -> None:
    with bench(tmp_path) as stand:
        stand.write("d.py", DAG_FILE)
        attempt, pid = sleeping(stand, "sleep")
        host = parent_of(parent_of(pid))
        stand.executor.close(drain_seconds=0.2)
        ended = stand.ended(attempt)
        assert ended.category == "cancelled"
        assert stand.executor.free_slots() == 0
        wait_until_gone(pid)
        wait_until_gone(host)


def test_an_executor_that_vanishes_takes_its_attempts_along(tmp_path: Path) -> None:
    with bench(tmp_path) as stand:
        stand.write("d.py", DAG_FILE)
        _, pid = sleeping(stand, "deaf")
        host = parent_of(parent_of(pid))
        connection = stand.executor._connection
        assert connection is not None
        stand.executor._closing.set()
        connection.sock.shutdown(2)
        wait_until_gone(pid)
        wait_until_gone(host)


# --- files that do not load ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("syntax.py", "def", "SyntaxError"),
        ("missing.py", "import nowhere_to_be_found", "nowhere_to_be_found"),
        ("raises.py", "def f():\n    1 / 0\nf()", "ZeroDivisionError"),
        ("leaves.py", "import sys\nsys.exit(0)", "SystemExit"),
        ("gone.py", "import os\nos._exit(7)", "exit code 7"),
        ("closes.py", "import os, time\nos.closerange(3, 99)\ntime.sleep(99)", "SIGKILL"),
    ],
)
def test_a_file_that_cannot_be_imported(stand: Bench, name: str, text: str, reason: str) -> None:
    stand.write(name, f"print('loading')\n{text}\n")
    attempt = stand.start(name, "any")
    outcome, ended = stand.result(attempt)
    assert outcome is None
    assert ended.category in ("import_error", "infra_lost")
    assert reason in str(ended.reason)
    if name == "raises.py":
        assert 'raises.py", line 3, in f' in stand.text(attempt)


def test_a_mended_file_loads(stand: Bench) -> None:
    stand.write("mend.py", "1 / 0")
    assert stand.ended(stand.start("mend.py", "quick")).category == "import_error"
    stand.write("mend.py", DAG_FILE)
    assert isinstance(stand.run("mend.py", "quick"), Succeeded)


def test_a_file_without_the_dag(stand: Bench) -> None:
    outcome = stand.run("d.py", "quick", dag_id="other")
    assert isinstance(outcome, Failed)
    assert "defines no DAG 'other'" in outcome.message


def test_a_module_level_request_is_answered(stand: Bench) -> None:
    stand.api.variables["name"] = "from_variable"
    stand.write(
        "asks.py",
        "from tradewind.core.protocol import GetVariable\n"
        "from tradewind.sdk.comms import get_channel\n"
        "NAME = get_channel().request(GetVariable(key='name')).value\n"
        + DAG_FILE
        + "\n    Do(task_id='name', do=lambda: NAME)\n",
    )
    assert stand.run("asks.py", "name").xcoms[0].value == "from_variable"


def test_helpers_beside_dags_and_zip_files(stand: Bench) -> None:
    import zipfile

    stand.write("helper_at_root.py", "A = 1")
    stand.write("team/helper_beside.py", "B = 2")
    stand.write(
        "team/uses.py",
        "from helper_at_root import A\nfrom helper_beside import B\n"
        + DAG_FILE
        + "\n    Do(task_id='sum', do=lambda: A + B)\n",
    )
    assert stand.run("team/uses.py", "sum").xcoms[0].value == 3
    with zipfile.ZipFile(stand.root / "packed.zip", "w") as archive:
        archive.writestr(
            "in_zip.py",
            "from inside import C\n" + DAG_FILE + "\n    Do(task_id='c', do=lambda: C)\n",
        )
        archive.writestr("inside/__init__.py", "C = 5")
    assert stand.run("packed.zip", "c").xcoms[0].value == 5


def test_many_attempts_of_many_files(tmp_path: Path) -> None:
    """More files than zygotes are kept, more attempts than slots would hold at once."""
    with bench(tmp_path, slots=16) as stand:
        for number in range(12):
            stand.write(f"f{number}.py", DAG_FILE)
        waiting: set[int] = set()
        started = 0
        while started < 300 or waiting:
            while started < 300 and stand.executor.free_slots():
                waiting.add(stand.start(f"f{started % 12 if started < 48 else 0}.py", "quick"))
                started += 1
            stand.woken.wait(WAIT_SECONDS)
            stand.woken.clear()
            new = stand.executor.events()
            stand.events += new
            waiting -= {event.attempt_id for event in new if isinstance(event, AttemptEnded)}
        reports = [e.outcome for e in stand.events if isinstance(e, AttemptReported)]
        assert len(reports) == 300
        assert all(isinstance(outcome, Succeeded) for outcome in reports)
        host = stand.executor._host
        assert host is not None
        assert len(os.listdir(f"/proc/{host.pid}/fd")) < 40  # 8 zygotes, nothing of the attempts
        assert not [pid for pid in children_of(host.pid) if state_of(pid) == "Z"]


def children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]

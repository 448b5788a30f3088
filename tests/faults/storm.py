"""Faults by chance, from a seed: everything is killed, stopped and taken away."""

import random
import signal
import time
from collections.abc import Callable

from faults import harness
from faults.harness import Installation, send
from support.postgres import PostgresServer

STOPPED_SECONDS = 3.5  # longer than a lease
ROLES = ("scheduler", "scheduler", "dag-processor", "triggerer")


class Storm:
    """`done` is the schedule of faults, for people: second and what."""

    def __init__(self, installation: Installation, server: PostgresServer, seed: int) -> None:
        self._installation = installation
        self._server = server
        self._chance = random.Random(seed)
        self._roles = [(role, installation.start(role)) for role in ROLES]
        self._stopped: list[tuple[float, int]] = []
        self._began = time.monotonic()
        self._next_restart = 0.0
        self.done: list[str] = []

    def blow(self, until: Callable[[], bool], *, least: float, most: float) -> None:
        """For `least` seconds at least, `most` at most, and in between until it is so."""
        self._began = time.monotonic()
        self._next_restart = self._chance.uniform(2, 6)
        kill_server_at = least / 2
        while self._passed() < most and (self._passed() < least or not until()):
            time.sleep(self._chance.uniform(0.4, 1.2))
            self._go_on_with_stopped()
            self._start_dead()
            if self._passed() > kill_server_at:
                kill_server_at = float("inf")
                self._note("kill -9 of the database server")
                self._server.kill()
                self._server.start()
            elif self._passed() > self._next_restart:
                self._restart_server()
            else:
                self._chance.choice(self._faults())()

    def end(self) -> None:
        """What is stopped goes on, what is dead is there again, and from now on all is calm."""
        for _, pid in self._stopped:
            send(pid, signal.SIGCONT)
        self._stopped = []
        self._start_dead()

    def pids(self) -> list[int]:
        return [process.pid for _, process in self._roles]

    def _passed(self) -> float:
        return time.monotonic() - self._began

    def _note(self, what: str) -> None:
        self.done.append(f"{self._passed():.1f} {what}")

    def _faults(self) -> list[Callable[[], None]]:
        """Each as likely as it is often here."""
        below = [
            *[(harness.hosts, "host")] * 2,
            *[(harness.zygotes, "warm parent")] * 1,
            *[(harness.attempts_of, "task")] * 5,
            *[(harness.trigger_children, "trigger's process")] * 1,
        ]
        return [
            self._kill_role,
            self._kill_role,
            self._stop_role,
            *(
                lambda find=find, name=name: self._kill_one(find, name)  # type: ignore[misc]
                for find, name in below
            ),
            lambda: self._stop_one(harness.hosts, "host"),
            *[lambda: self._stop_one(harness.attempts_of, "task")] * 2,
        ]

    def _restart_server(self) -> None:
        self._next_restart = self._passed() + self._chance.uniform(4, 10)
        self._note("restart of the database server")
        with self._server.away():
            time.sleep(self._chance.uniform(0, 1))

    def _kill_role(self) -> None:
        role, process = self._chance.choice(self._roles)
        self._note(f"kill {role}")
        process.kill()
        process.wait()

    def _stop_role(self) -> None:
        role, process = self._chance.choice(self._roles)
        self._stop(process.pid, role)

    def _start_dead(self) -> None:
        self._roles = [
            (role, process if process.poll() is None else self._installation.start(role))
            for role, process in self._roles
        ]

    def _kill_one(self, find: Callable[[int], list[int]], name: str) -> None:
        if found := self._below(find):
            self._note(f"kill {name}")
            send(self._chance.choice(found), signal.SIGKILL)

    def _stop_one(self, find: Callable[[int], list[int]], name: str) -> None:
        if found := self._below(find):
            self._stop(self._chance.choice(found), name)

    def _below(self, find: Callable[[int], list[int]]) -> list[int]:
        return [pid for root in self.pids() for pid in find(root)]

    def _stop(self, pid: int, name: str) -> None:
        self._note(f"stop {name}")
        send(pid, signal.SIGSTOP)
        self._stopped.append((time.monotonic() + STOPPED_SECONDS, pid))

    def _go_on_with_stopped(self) -> None:
        now = time.monotonic()
        for _, pid in [item for item in self._stopped if item[0] <= now]:
            send(pid, signal.SIGCONT)
        self._stopped = [item for item in self._stopped if item[0] > now]

"""Running a command, its output into the log."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from subprocess import PIPE, STDOUT, Popen
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tradewind.sdk.hooks.base import BaseHook


class SubprocessResult(NamedTuple):
    """`output`: the last line that the command wrote, on stdout or stderr; "" if there is none."""

    exit_code: int
    output: str


@contextlib.contextmanager
def working_directory(cwd: str | None = None) -> Iterator[str]:
    """`cwd`, or a folder of its own that is gone afterwards."""
    if cwd is not None:
        yield cwd
        return
    with TemporaryDirectory(prefix="tradewind-") as own:
        yield own


class SubprocessHook(BaseHook):
    """Runs one command at a time, in a process group of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sub_process: Popen[bytes] | None = None

    def run_command(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        output_encoding: str = "utf-8",
        cwd: str | None = None,
        pass_fds: Sequence[int] = (),
    ) -> SubprocessResult:
        """Run it to its end, each line of output logged as it comes.

        `env` None inherits this process's environment, `{}` gives none. `cwd` None is a temporary
        folder. `pass_fds` are descriptors that the command has as well. Bytes that are not in
        `output_encoding` are shown as escapes.
        """
        with working_directory(cwd) as folder:
            self.log.info("Running command: %s", list(command))
            self.sub_process = process = Popen(
                command,
                stdout=PIPE,
                stderr=STDOUT,
                cwd=folder,
                env=env,
                start_new_session=True,
                pass_fds=pass_fds,
            )
            assert process.stdout is not None  # PIPE was asked for
            line = ""
            try:
                for raw in process.stdout:
                    line = raw.decode(output_encoding, errors="backslashreplace").rstrip()
                    self.log.info("%s", line)
                exit_code = process.wait()
            except Exception:
                process.stdout.close()
                raise
            # Not closed for a BaseException: the time-out passes through here before on_kill sends
            # SIGTERM, and a command that then writes its last words must not die of SIGPIPE.
            process.stdout.close()
            self.log.info("Command exited with return code %s", exit_code)
        return SubprocessResult(exit_code, line)

    def send_sigterm(self) -> None:
        """Ask the command and all that it started to stop."""
        if self.sub_process is None:
            return
        self.log.info("Sending SIGTERM signal to process group")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.sub_process.pid, signal.SIGTERM)

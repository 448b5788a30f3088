"""A shell command as a task."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.exceptions import AirflowException, AirflowSkipException
from tradewind.sdk.hooks.subprocess import SubprocessHook, SubprocessResult, working_directory
from tradewind.sdk.task_environment import context_to_airflow_vars


class BashOperator(BaseOperator):
    """Runs a command, several, or a script with Bash.

    Exit code 0 is a success, `skip_on_exit_code` (one or several; None: none) skips, all others
    fail. The XCom is the last line of output, stderr included, after `output_processor`.

    bash_command: the text; a path that ends in .sh or .bash is read as a template and run as a
        script (put a blank behind it to run the file as it is).
    env: replaces the whole environment, or with `append_env` is added to it.
    cwd: where to run; a temporary folder if None.
    """

    template_fields: Sequence[str] = ("bash_command", "env", "cwd")
    template_fields_renderers: ClassVar[Mapping[str, str]] = {"bash_command": "bash", "env": "json"}
    template_ext: Sequence[str] = (".sh", ".bash")
    ui_color = "#f0ede4"

    def __init__(
        self,
        *,
        bash_command: Any,
        env: dict[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Container[int] | None = 99,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] = lambda output: output,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = output_encoding
        self.skip_on_exit_code = exit_codes(skip_on_exit_code)
        self.cwd = cwd
        self.output_processor = output_processor
        # As written: rendering puts the text of a script file in its place.
        self._is_script_file = is_script_file(bash_command, self.template_ext)

    @cached_property
    def subprocess_hook(self) -> SubprocessHook:
        return SubprocessHook()

    def get_env(self, context: Any) -> dict[str, str]:
        """What the command sees as its environment: the task's identity is always in it."""
        own = self.env or {}
        inherited = dict(os.environ) if self.env is None or self.append_env else {}
        return {**inherited, **own, **context_to_airflow_vars(context, in_env_var_format=True)}

    def execute(self, context: Any) -> Any:
        if self.cwd is not None:
            if not os.path.exists(self.cwd):
                raise AirflowException(f"Can not find the cwd: {self.cwd}")
            if not os.path.isdir(self.cwd):
                raise AirflowException(f"The cwd {self.cwd} must be a directory")
        result = self._run(self.get_env(context))
        if result.exit_code in self.skip_on_exit_code:
            raise AirflowSkipException(
                f"Bash command returned exit code {result.exit_code}. Skipping."
            )
        if result.exit_code != 0:
            raise AirflowException(
                f"Bash command failed. The command returned a non-zero exit code "
                f"{result.exit_code}."
            )
        return self.output_processor(result.output)

    def _run(self, env: dict[str, str]) -> SubprocessResult:
        bash = shutil.which("bash") or "bash"
        if not self._is_script_file:
            command = [bash, "-c", self.bash_command]
            return self.subprocess_hook.run_command(command, env, self.output_encoding, self.cwd)
        # A rendered script may be longer than an argument may be.
        with (
            working_directory(self.cwd) as folder,
            tempfile.NamedTemporaryFile("w", dir=folder, suffix=".sh") as script,
        ):
            script.write(self.bash_command)
            script.flush()
            command = [bash, os.path.basename(script.name)]
            return self.subprocess_hook.run_command(command, env, self.output_encoding, folder)

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()


def is_script_file(command: Any, extensions: Sequence[str]) -> bool:
    return isinstance(command, str) and command.endswith(tuple(extensions))


def exit_codes(value: int | Container[int] | None) -> Container[int]:
    """`skip_on_exit_code` in one form."""
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else value

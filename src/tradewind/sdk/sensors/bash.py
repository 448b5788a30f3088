"""Wait for a shell command to succeed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from tradewind.sdk.exceptions import AirflowFailException
from tradewind.sdk.hooks.subprocess import SubprocessHook
from tradewind.sdk.sensors.base import BaseSensorOperator


class BashSensor(BaseSensorOperator):
    """Done when the command exits with 0. Other codes mean: ask again.

    retry_exit_code: if set, only this code means that; all others fail the task for good.
    env: replaces the environment, if given.
    """

    template_fields: Sequence[str] = ("bash_command", "env")

    def __init__(
        self,
        *,
        bash_command: str,
        env: dict[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.output_encoding = output_encoding
        self.retry_exit_code = retry_exit_code

    @cached_property
    def subprocess_hook(self) -> SubprocessHook:
        return SubprocessHook()

    def poke(self, context: Any) -> bool:
        command = ["bash", "-c", self.bash_command]
        code = self.subprocess_hook.run_command(command, self.env, self.output_encoding).exit_code
        if code in (0, self.retry_exit_code) or self.retry_exit_code is None:
            return code == 0
        raise AirflowFailException(f"Command exited with return code {code}")

    def on_kill(self) -> None:
        self.subprocess_hook.send_sigterm()

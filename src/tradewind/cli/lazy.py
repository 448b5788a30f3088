"""Groups that import a command's module when the command is named, so that others cost nothing."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands may live in modules that are not imported yet.

    `elsewhere`: command → (module of this package and attribute, the line that help shows).
    """

    def __init__(
        self, *args: Any, elsewhere: Mapping[str, tuple[str, str]], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._elsewhere, *sorted(self.commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._elsewhere:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._elsewhere[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"tradewind.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands; help must not import those that live elsewhere."""
        lines = [(name, text) for name, (_, text) in self._elsewhere.items()]
        for name in sorted(self.commands):
            command = self.commands[name]
            if not command.hidden:
                lines.append((name, command.get_short_help_str(limit=70)))
        with formatter.section("Commands"):
            formatter.write_dl(lines)

"""How code in a DAG file reaches the control plane: through whatever channel its process was given.

An attempt, a parsing child and a trigger process each set one; a plain Python process has none, and
then only environment variables answer.
"""

from typing import Protocol

from tradewind.core.protocol import Failure, Reply, Request


class Channel(Protocol):
    def request(self, message: Request) -> Reply:
        """Ask and wait for the answer. Never returns `Failure`: raises what fits instead."""


_channel: Channel | None = None


def set_channel(channel: Channel | None) -> None:
    global _channel
    _channel = channel


def get_channel() -> Channel | None:
    return _channel


__all__ = ["Channel", "Failure", "get_channel", "set_channel"]

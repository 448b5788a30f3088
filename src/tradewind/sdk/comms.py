"""How code in a DAG file reaches the control plane: through whatever channel its process was given.

An attempt, a parsing child and a trigger process each set one; a plain Python process has none, and
then only environment variables answer.
"""

from typing import Protocol

from tradewind.core import errors
from tradewind.core.protocol import Failure, Reply, Request

_ERRORS: dict[str, type[errors.TradewindError]] = {
    "not_found": errors.NotFound,
    "conflict": errors.Conflict,
    "superseded": errors.Superseded,
    "invalid": errors.UserError,
}
"""What a refusal of each kind is raised as; all others are the infrastructure's."""


class Channel(Protocol):
    def request(self, message: Request) -> Reply:
        """Ask and wait for the answer. Never returns `Failure`: raises what fits instead."""


_channel: Channel | None = None


def set_channel(channel: Channel | None) -> None:
    global _channel
    _channel = channel


def get_channel() -> Channel | None:
    return _channel


def accepted(reply: Reply) -> Reply:
    """The reply, unless it is a refusal; raises the `TradewindError` that fits that one."""
    if isinstance(reply, Failure):
        raise _ERRORS.get(reply.kind, errors.InfrastructureError)(reply.message)
    return reply


def refusal(error: errors.TradewindError) -> Failure:
    """The refusal that `accepted` raises such an error for."""
    kinds = (kind for kind, branch in _ERRORS.items() if isinstance(error, branch))
    return Failure(kind=next(kinds, "internal"), message=str(error))


__all__ = ["Channel", "accepted", "get_channel", "refusal", "set_channel"]

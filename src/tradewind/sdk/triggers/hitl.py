"""Wait for a person's answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from tradewind.core.protocol import AnswerHitl, GetHitl, HitlReply
from tradewind.sdk.asking import ask_from_loop
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent


class HITLTrigger(BaseTrigger):
    """Fires with the answer; at `timeout_datetime` with `defaults`, or as an error without them.

    The payload is ``{"chosen_options", "params_input", "responded_at", "responded_by_user",
    "timedout"}``, or ``{"error", "error_type"}``. `params_defaults`: values of the form's params,
    for the answer that is made of defaults.
    """

    def __init__(
        self,
        *,
        ti_id: int,
        defaults: list[str] | None = None,
        params_defaults: dict[str, Any] | None = None,
        timeout_datetime: datetime | None = None,
        poke_interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ti_id = ti_id
        self.defaults = defaults
        self.params_defaults = params_defaults or {}
        self.timeout_datetime = timeout_datetime
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "tradewind.sdk.triggers.hitl.HITLTrigger",
            {
                "ti_id": self.ti_id,
                "defaults": self.defaults,
                "params_defaults": self.params_defaults,
                "timeout_datetime": self.timeout_datetime,
                "poke_interval": self.poke_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        while True:
            event = await self._look()
            if event is not None:
                break
            await asyncio.sleep(self._pause_seconds())
        yield event

    def _pause_seconds(self) -> float:
        """Short enough to be there when the time is over."""
        if self.timeout_datetime is None:
            return self.poke_interval
        left = (self.timeout_datetime - datetime.now(UTC)).total_seconds()
        return max(0.1, min(self.poke_interval, left))

    async def _look(self) -> TriggerEvent | None:
        reply = await ask_from_loop(GetHitl(task_instance_id=self.ti_id), HitlReply)
        if reply.answered:
            return _event(reply)
        if self.timeout_datetime is None or datetime.now(UTC) < self.timeout_datetime:
            return None
        if self.defaults is None:
            message = "The timeout has passed, and the response has not yet been received."
            return TriggerEvent({"error": message, "error_type": "timeout"})
        answer = AnswerHitl(
            task_instance_id=self.ti_id, chosen=self.defaults, params=self.params_defaults
        )
        # A person may have been faster; the reply is the answer that stands.
        return _event(await ask_from_loop(answer, HitlReply))


def _event(reply: HitlReply) -> TriggerEvent:
    return TriggerEvent(
        {
            "chosen_options": reply.chosen,
            "params_input": reply.params,
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": reply.by, "name": reply.by} if reply.by else None,
            "timedout": reply.by is None,
        }
    )

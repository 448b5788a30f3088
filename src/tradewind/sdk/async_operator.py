"""`BaseAsyncOperator`: an operator whose work is a coroutine in the task's own process."""

from __future__ import annotations

import asyncio
from typing import Any

from tradewind.sdk.baseoperator import BaseOperator


class BaseAsyncOperator(BaseOperator):
    """Define `aexecute` instead of `execute`."""

    @property
    def is_async(self) -> bool:
        return True

    async def aexecute(self, context: Any) -> Any:
        """Do the work; the result is pushed as XCom."""
        raise TypeError(f"{self.task_type} does not define aexecute()")

    def execute(self, context: Any) -> Any:
        return asyncio.run(self.aexecute(context))

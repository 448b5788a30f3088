"""Blocking calls from code that runs in an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


async def off_loop(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Call `function` in a thread; others in the same event loop go on meanwhile."""
    # Few tasks need asyncio, but what is imported before the fork each attempt's fork pays for.
    from asyncio import to_thread

    return await to_thread(function, *args, **kwargs)

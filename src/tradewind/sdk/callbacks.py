"""What a deadline calls when it is missed: `AsyncCallback` and `SyncCallback`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

_DOTTED = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")


class Callback:
    """A function at the top of a module, or its dotted path, and keyword arguments for it."""

    def __init__(
        self, callback_callable: Callable[..., Any] | str, kwargs: dict[str, Any] | None = None
    ) -> None:
        if kwargs and "context" in kwargs:
            raise ValueError("context is a reserved kwarg for this class")
        self.kwargs = kwargs or {}
        self._function = callback_callable if callable(callback_callable) else None
        if self._function is not None:
            self.check(self._function)
            name = getattr(self._function, "__qualname__", type(self._function).__qualname__)
            self.path = f"{self._function.__module__}.{name}"
        else:
            self.path = str(callback_callable).strip()
            if not _DOTTED.match(self.path):
                raise ImportError(f"`{callback_callable}` doesn't look like a valid dot path.")

    def check(self, function: Callable[..., Any]) -> None:
        """Raise when the function is of the wrong kind."""

    def resolve(self) -> Callable[..., Any]:
        """The function itself; a dotted path is imported now."""
        if self._function is None:
            module, _, name = self.path.rpartition(".")
            self._function = getattr(importlib.import_module(module), name)
        return self._function

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Callback):
            return NotImplemented
        return type(self) is type(other) and (self.path, self.kwargs) == (other.path, other.kwargs)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r}, {self.kwargs!r})"


class AsyncCallback(Callback):
    """Runs in an event loop. The function is `async`, or a notifier with `async_notify`."""

    def check(self, function: Callable[..., Any]) -> None:
        awaitable = inspect.iscoroutinefunction(function) or hasattr(function, "__await__")
        if not awaitable:
            raise AttributeError(f"Provided callback {function} is not awaitable.")


class SyncCallback(Callback):
    """Runs in a process of its own; `executor` is where."""

    def __init__(
        self,
        callback_callable: Callable[..., Any] | str,
        kwargs: dict[str, Any] | None = None,
        executor: str | None = None,
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor

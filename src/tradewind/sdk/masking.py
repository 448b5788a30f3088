"""Telling whoever writes the logs what must not be read in them."""

from collections.abc import Callable
from typing import Any

receiver: Callable[[Any, str | None], None] | None = None
"""Set by the runner; in a plain Python process there is no log of ours to mask."""

redactor: Callable[[Any, str | None], Any] | None = None
"""As `receiver`."""


def mask_secret(secret: Any, name: str | None = None) -> None:
    """Show `***` instead of this text (or the texts in this structure) in logs from now on.

    With `name`, only if it sounds like a secret's ("password", "token"…).
    """
    if receiver is not None and secret:
        receiver(secret, name)


def redact(value: Any, name: str | None = None, max_depth: int | None = None) -> Any:
    """A copy of the value with known secrets, and whatever has a secret's name, as `***`."""
    return redactor(value, name) if redactor is not None else value

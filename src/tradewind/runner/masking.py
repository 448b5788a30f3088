"""Keeping secrets out of logs and of what people see of rendered templates."""

import json
import re
from collections.abc import Iterable
from typing import Any

SENSITIVE_WORDS = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "keyfile_dict",
        "passphrase",
        "passwd",
        "password",
        "private_key",
        "secret",
        "service_account",
        "token",
    }
)
"""What has one of these in its name holds a secret: a variable, argument, field of an extra."""

MASK = "***"
_SHORTEST = 5  # masking shorter values would make logs unreadable and reveal them by the gaps
_DEEPEST = 10


def is_sensitive(name: Any) -> bool:
    return isinstance(name, str) and any(word in name.lower() for word in SENSITIVE_WORDS)


class Masker:
    """Knows the secrets that this process has seen and replaces them in text.

    `on_new` is called with values that were added, so that another process can mask them as well.
    """

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.on_new: Any = None
        self._pattern: re.Pattern[str] | None = None

    def add(self, values: Iterable[str]) -> None:
        new = {value for value in values if len(value) >= _SHORTEST} - self.secrets
        if not new:
            return
        self.secrets |= new
        self._pattern = None
        if self.on_new is not None:
            self.on_new(sorted(new))

    def add_value(self, value: Any, name: str | None = None) -> None:
        """Whatever `mask_secret` may be given: a text, or a structure of them.

        In a dict only the entries with sensitive names are secrets, unless `name` itself is one.
        """
        self.add(_texts(value, name is None or is_sensitive(name)))

    def mask(self, text: str) -> str:
        if not self.secrets:
            return text
        if self._pattern is None:
            longest_first = sorted(self.secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(MASK, text)

    def redact(self, value: Any, name: str | None = None, depth: int = 0) -> Any:
        """A copy of a JSON-like value: known secrets and whatever has a sensitive name masked."""
        if depth > _DEEPEST:
            return value
        if isinstance(value, dict):
            hidden = is_sensitive(name)
            return {
                key: self.redact(inner, name if hidden else key, depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.redact(inner, name, depth + 1) for inner in value]
        if isinstance(value, str):
            return MASK if value and is_sensitive(name) else self.mask(value)
        return value


def _texts(value: Any, secret: bool, depth: int = 0) -> Iterable[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        if secret:
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            nested = isinstance(inner, dict | list | tuple)
            yield from _texts(inner, is_sensitive(key) or (secret and nested), depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner, secret, depth + 1)


def connection_secrets(password: str | None, extra: str | None) -> list[str]:
    """What to mask of a connection: its password and the sensitive fields of its extra."""
    found = [password] if password else []
    try:
        fields = json.loads(extra) if extra else None
    except ValueError:
        return [*found, extra] if extra else found
    if isinstance(fields, dict):
        found += _texts(fields, secret=False)
    return found


masker = Masker()
"""The process's own. A forked child inherits what its parent knew."""

"""`Variable`: values that people keep outside of DAG files."""

from __future__ import annotations

import json
import os
from typing import Any

from tradewind.core import protocol
from tradewind.sdk.authoring import NOTSET
from tradewind.sdk.comms import get_channel
from tradewind.sdk.exceptions import NotInTaskContext, VariableNotFound
from tradewind.sdk.masking import mask_secret

_PREFIXES = ("AIRFLOW_VAR_", "TRADEWIND_VAR_")


class Variable:
    """A value by key: from the environment (`AIRFLOW_VAR_<KEY>`), else from the control plane."""

    def __init__(self, key: str, value: Any = None, description: str | None = None) -> None:
        self.key = key
        self.value = value
        self.description = description

    @classmethod
    def get(
        cls,
        key: str,
        default: Any = NOTSET,
        deserialize_json: bool = False,
        *,
        default_var: Any = NOTSET,
    ) -> Any:
        """The value as text, or parsed. `default_var` is Airflow 1 and 2's name of `default`.

        Raises VariableNotFound when there is none and no default was given.
        """
        text = _look_up(key)
        if text is None:
            fallback = default if default is not NOTSET else default_var
            if fallback is NOTSET:
                raise VariableNotFound(key)
            return fallback
        if not deserialize_json:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"Variable {key} does not hold JSON: {error}") from error

    @classmethod
    def set(
        cls,
        key: str,
        value: Any,
        description: str | None = None,
        serialize_json: bool = False,
    ) -> None:
        """Store a value; anything but JSON is stored as its text."""
        text = json.dumps(value, indent=2) if serialize_json else str(value)
        _request(protocol.SetVariable(key=key, value=text, description=description))

    @classmethod
    def setdefault(
        cls, key: str, default: Any, description: str | None = None, deserialize_json: bool = False
    ) -> Any:
        """The value; stored from `default` when there is none yet."""
        found = cls.get(key, default=None, deserialize_json=deserialize_json)
        if found is not None:
            return found
        if default is None:
            raise ValueError(f"Default value of Variable {key} must be set")
        cls.set(key, default, description=description, serialize_json=deserialize_json)
        return default

    @classmethod
    def delete(cls, key: str) -> None:
        """Remove it; nothing happens when there is none."""
        _request(protocol.DeleteVariable(key=key))


def _look_up(key: str) -> str | None:
    for prefix in _PREFIXES:
        text = os.environ.get(prefix + key.upper())
        if text is not None:
            mask_secret(text, key)
            return text
    channel = get_channel()
    if channel is None:
        return None
    reply = channel.request(protocol.GetVariable(key=key))
    return reply.value if isinstance(reply, protocol.VariableReply) and reply.found else None


def _request(message: protocol.Request) -> None:
    channel = get_channel()
    if channel is None:
        raise NotInTaskContext(
            "Variables can only be written inside a running task.",
            hint="From a terminal: tradewind variables set KEY VALUE",
        )
    channel.request(message)

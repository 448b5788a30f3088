"""`Connection`: how to reach a system outside, by id."""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from tradewind.core import protocol
from tradewind.sdk.comms import get_channel
from tradewind.sdk.exceptions import AirflowException, ConnectionNotFound
from tradewind.sdk.masking import mask_secret

log = logging.getLogger(__name__)

_PREFIXES = ("AIRFLOW_CONN_", "TRADEWIND_CONN_")
EXTRA_KEY = "__extra__"
_FIELDS = (
    *("conn_id", "conn_type", "description", "host", "login", "password", "schema", "port"),
    *("extra", "uri"),
)
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


class Connection:
    """Host, login and so on; give the parts, or one `uri`. `extra` is a JSON text."""

    EXTRA_KEY = EXTRA_KEY

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | str | None = None,
        extra: str | dict[str, Any] | None = None,
        uri: str | None = None,
    ) -> None:
        parts = (conn_type, host, login, password, schema, port, extra)
        if uri is not None and any(part is not None for part in parts):
            raise AirflowException(
                "You must create an object using the URI or individual values "
                "(conn_type, host, login, password, schema, port or extra). "
                "You can't mix these two ways to create this object."
            )
        self.conn_id = conn_id
        self.conn_type = conn_type
        self.description = description
        self.host = host
        self.login = login
        self.password = password
        self.schema = schema
        self.port = _port(port)
        self.extra = extra if isinstance(extra, str | None) else json.dumps(extra)
        if uri is not None:
            self.__dict__.update(_parts_of_uri(uri))

    @classmethod
    def get(cls, conn_id: str) -> Connection:
        """From the environment (`AIRFLOW_CONN_<ID>`: URI or JSON), else from the control plane.

        Raises ConnectionNotFound when there is none.
        """
        for prefix in _PREFIXES:
            text = os.environ.get(prefix + conn_id.upper())
            if text:
                return cls.from_text(text, conn_id)._masked()
        channel = get_channel()
        reply = channel.request(protocol.GetConnection(conn_id=conn_id)) if channel else None
        if not isinstance(reply, protocol.ConnectionReply) or reply.connection is None:
            raise ConnectionNotFound(conn_id)
        found = reply.connection
        return cls(
            conn_id=found.conn_id,
            conn_type=found.conn_type,
            description=found.description,
            host=found.host,
            login=found.login,
            password=found.password,
            schema=found.schema,
            port=found.port,
            extra=found.extra,
        )._masked()

    @classmethod
    async def async_get(cls, conn_id: str) -> Connection:
        """`get` for code in an event loop."""
        import asyncio

        return await asyncio.to_thread(cls.get, conn_id)

    @classmethod
    def get_connection_from_secrets(cls, conn_id: str) -> Connection:
        """Airflow 2's name of `get`."""
        return cls.get(conn_id)

    @classmethod
    def from_text(cls, text: str, conn_id: str | None = None) -> Connection:
        """A URI, or JSON when it begins with a brace."""
        if text.lstrip().startswith("{"):
            return cls.from_json(text, conn_id)
        return cls.from_uri(text, conn_id)

    @classmethod
    def from_uri(cls, uri: str, conn_id: str | None = None) -> Connection:
        return cls(conn_id=conn_id, uri=uri)

    @classmethod
    def from_json(cls, value: str, conn_id: str | None = None) -> Connection:
        parts = json.loads(value)
        _check_fields(parts, conn_id)
        if "uri" in parts:
            return cls(conn_id=conn_id, uri=parts["uri"])
        if parts.get("conn_type"):
            parts["conn_type"] = _normal_type(parts["conn_type"])
        parts.pop("conn_id", None)
        return cls(conn_id=conn_id, **parts)

    def _masked(self) -> Connection:
        mask_secret(self.password)
        mask_secret(self.extra_dejson, "extra")
        return self

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """`extra` as a dict; empty, with an error in the log, when it is not JSON."""
        if not self.extra:
            return {}
        try:
            parsed = json.loads(self.extra)
        except ValueError:
            log.error("The extra of connection %r is not JSON; it is left out", self.conn_id)
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def get_uri(self) -> str:
        """The connection as a URI, from which `Connection(uri=...)` makes an equal one."""
        scheme = f"{self.conn_type.lower().replace('_', '-')}://" if self.conn_type else "//"
        protocol_part, host = _split_protocol(self.host, self.conn_type)
        return scheme + protocol_part + self._login_part() + self._host_part(host) + self._query()

    def _login_part(self) -> str:
        login = quote(self.login, safe="") if self.login is not None else ""
        if self.password is not None:
            login += ":" + quote(self.password, safe="")
        return f"{login}@" if login else ""

    def _host_part(self, host: str | None) -> str:
        part = quote(host, safe="") if host else ""
        if self.port:
            part += f":{self.port}" if part or self._login_part() else f"@:{self.port}"
        return f"{part}/{quote(self.schema, safe='')}" if self.schema else part

    def _query(self) -> str:
        if not self.extra:
            return ""
        parsed = self.extra_dejson
        query = urlencode(parsed)
        if not query or parsed != dict(parse_qsl(query, keep_blank_values=True)):
            query = urlencode({EXTRA_KEY: self.extra})
        return f"?{query}" if self.schema else f"/?{query}"

    def to_dict(self, *, prune_empty: bool = False, validate: bool = True) -> dict[str, Any]:
        """All parts, `extra` as a dict."""
        names = (
            "conn_id",
            "conn_type",
            "description",
            "host",
            "login",
            "password",
            "schema",
            "port",
        )
        parts = {name: getattr(self, name) for name in names}
        if prune_empty:
            parts = {name: value for name, value in parts.items() if value is not None}
        if self.extra_dejson or not prune_empty:
            parts["extra"] = self.extra_dejson
        return parts

    def as_json(self) -> str:
        parts = self.to_dict(prune_empty=True)
        parts.pop("conn_id", None)
        return json.dumps(parts)

    def get_hook(self, *, hook_params: dict[str, Any] | None = None) -> Any:
        """The hook for its type; `hook_params` go to it too.

        Raises AirflowException when no installed provider has the type, ImportError when its hook
        lacks something that it needs.
        """
        from tradewind.sdk.providers import connection_types

        if (known := connection_types().get(self.conn_type or "")) is None:
            raise AirflowException(
                f'Unknown hook type "{self.conn_type}" of connection {self.conn_id!r}. Known here: '
                f"{', '.join(connection_types())}. `tradewind providers install` adds others."
            )
        module, _, name = known.hook_class.rpartition(".")
        hook = getattr(importlib.import_module(module), name)
        return hook(**{hook.conn_name_attr: self.conn_id}, **(hook_params or {}))

    def test_connection(self) -> tuple[bool, str]:
        """Whether the hook of its type gets through, and what it says about that.

        The hook looks the connection up by its id, so it must be known under it.
        """
        try:
            hook = self.get_hook()
            if not hasattr(hook, "test_connection"):
                return False, f"{type(hook).__name__} cannot test a connection"
            works, message = hook.test_connection()
        except Exception as error:  # of the provider or the network: it is the answer
            return False, str(error)
        return bool(works), str(message)

    def __repr__(self) -> str:
        return f"Connection(conn_id={self.conn_id!r}, conn_type={self.conn_type!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self.conn_id)


def _check_fields(parts: Any, conn_id: str | None) -> None:
    """Raise ValueError unless the parts are a JSON object of a connection's fields."""
    if not isinstance(parts, dict):
        raise ValueError(f"Connection {conn_id!r} in JSON must be an object.")
    for name, value in parts.items():
        if name not in _FIELDS:
            raise ValueError(
                f"Connection {conn_id!r} has no field {name!r}. There are: {', '.join(_FIELDS)}."
            )
        if name not in ("port", "extra") and not isinstance(value, str | None):
            raise ValueError(
                f"{name} of connection {conn_id!r} must be a text, not {type(value).__name__}."
            )


def _port(port: int | str | None) -> int | None:
    if port is None or port == "":
        return None
    try:
        return int(port)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"Expected integer value for `port`, but got {port!r} instead.") from None


def _normal_type(conn_type: str) -> str:
    return "postgres" if conn_type == "postgresql" else conn_type.replace("-", "_")


def _split_protocol(host: str | None, conn_type: str | None) -> tuple[str, str | None]:
    """A host such as "https://example.org" keeps its protocol unless that is the type itself."""
    if host and "://" in host:
        protocol_name, rest = host.split("://", 1)
        if protocol_name != conn_type:
            return f"{protocol_name}://", rest
    return "", host


def _parts_of_uri(uri: str) -> dict[str, Any]:
    """`type://login:password@host:port/schema?extra`; the host may bring a protocol of its own."""
    count = uri.count("://")
    if count > 2:
        raise AirflowException(f"Invalid connection string: {uri}.")
    scheme = urlsplit(uri).scheme
    rest = (uri[len(scheme) + 1 :] if scheme else uri).removeprefix("//")
    protocol_name = None
    if count == 2:
        before, _, after = rest.partition("://")
        if "@" in before or ":" in before:
            raise AirflowException(f"Invalid connection string: {uri}.")
        if _PROTOCOL.fullmatch(before):  # else it stands in the query or the schema
            protocol_name, rest = before, after
    parts = urlsplit(f"//{rest}")
    host = _host_of(parts)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "conn_type": _normal_type(scheme),
        "host": f"{protocol_name}://{host}" if protocol_name and host else host,
        "schema": unquote(parts.path[1:]),
        "login": unquote(parts.username) if parts.username else parts.username,
        "password": unquote(parts.password) if parts.password else parts.password,
        "port": parts.port,
        "extra": (query.get(EXTRA_KEY) or json.dumps(query)) if query else None,
    }


def _host_of(parts: SplitResult) -> str:
    """The host in lower case, as everywhere; but a path (of a socket) in its own."""
    host = unquote(parts.hostname or "")
    if "/" not in host:
        return host
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0])

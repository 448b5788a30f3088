"""Small functions of `airflow.utils` about the machine and the process that code runs in."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from tradewind.core.errors import UserError


@cache
def getuser() -> str:
    """The name of the user that this process runs as. Raises UserError when it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UserError(
            f"The user id {os.getuid()}, as which this process runs, has no user name.",
            hint="Set LOGNAME in the environment, or add the user to the image's /etc/passwd.",
        ) from None


def getfqdn(name: str = "") -> str:
    """The full name of a host; of this one when nothing is given."""
    return socket.getfqdn(name.strip())


def get_hostname() -> str:
    return getfqdn()


def get_host_ip_address() -> str:
    return socket.gethostbyname(getfqdn())


def md5(string: bytes = b"", /) -> Any:
    """A checksum, also on machines that forbid MD5 where security depends on it."""
    return hashlib.md5(string, usedforsecurity=False)


@contextmanager
def patch_environ(new_env_variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within a `with` block."""
    before = {name: os.environ.get(name) for name in new_env_variables}
    os.environ.update(new_env_variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

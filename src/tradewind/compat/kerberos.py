"""`airflow.security`, as far as the Spark and Hive providers use it."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from tradewind.compat.machine import get_hostname
from tradewind.core.errors import UserError


def renew_from_kt(principal: str | None, keytab: str, exit_on_fail: bool = True) -> NoReturn:
    """Airflow's renewal of tickets; always raises UserError."""
    raise UserError(
        f"Tradewind renews no Kerberos tickets (for {principal}, from {keytab}).",
        hint="Run kinit where tasks run, before they do; or renew in a task before this one.",
    )


def get_kerberos_principal(principal: str | None) -> str:
    """The given one, or that of the configuration."""
    from tradewind.sdk.configuration import conf

    return principal or conf.get("kerberos", "principal").replace("_HOST", get_hostname())


def get_components(principal: Any) -> list[str] | None:
    """name, host and realm of "name/host@realm"."""
    return re.split("[/@]", str(principal)) if principal else None


def replace_hostname_pattern(components: list[str], host: str | None = None) -> str:
    """ "name/host@realm" with the given host, or with this machine's."""
    named = host if host and host != "0.0.0.0" else get_hostname()
    return f"{components[0]}/{named.lower()}@{components[2]}"


def principal_from_username(username: str, realm: str | None) -> str:
    return f"{username}@{realm}" if realm and "@" not in username else username

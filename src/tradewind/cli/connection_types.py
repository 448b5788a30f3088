"""What a connection's type means here, which depends on the providers that are installed."""

import os

import click

from tradewind import compat
from tradewind.sdk.connection import Connection
from tradewind.sdk.providers import connection_types

_WITHOUT_HOOK = {"generic", "email"}


def note_unknown(conn_type: str | None) -> None:
    """Say so when no hook belongs to the type: a slip, or a provider that is not there."""
    compat.install()
    if conn_type not in {*connection_types(), *_WITHOUT_HOOK}:
        click.echo(
            f"No installed provider has the connection type {conn_type!r}; there are:"
            f" {', '.join(connection_types())}. `tradewind providers install` adds others.",
            err=True,
        )


def try_out(connection: Connection) -> tuple[bool, str]:
    """Let the hook of its type connect; whether it works, and what it says."""
    compat.install()
    os.environ[f"AIRFLOW_CONN_{str(connection.conn_id).upper()}"] = connection.as_json()
    return connection.test_connection()

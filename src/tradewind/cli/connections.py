"""`tradewind connections`.

DAG files that read a connection are parsed again when it changes, so the DAG processor is told.
"""

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from tradewind.cli.app import confirm, current_store
from tradewind.cli.connection_types import note_unknown, try_out
from tradewind.cli.files import (
    FILE_FORMATS,
    STDOUT,
    parse_json,
    parse_object,
    read_object,
    write_object,
)
from tradewind.cli.files import file_format as format_of
from tradewind.cli.output import output_option, print_record, print_rows
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.core.protocol import ConnectionValue
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.store import connections as statements

FIELDS = ("conn_type", "description", "host", "schema", "login", "password", "port", "extra")


@click.group()
def connections() -> None:
    """Manage connections."""


@connections.command("list")
@click.option("--show-values", is_flag=True, help="Print passwords, extras and URIs as well.")
@click.option("--hide-sensitive", is_flag=True, help="With --show-values: *** for each of them.")
@output_option
def list_(show_values: bool, hide_sensitive: bool, output: str) -> None:
    """List connections, without passwords and extras."""
    with current_store() as store, store.read() as tx:
        found = statements.listing(tx)
    rows = [_row(value) for value in found]
    if show_values:
        for row, value in zip(rows, found, strict=True):
            secrets = _secrets(value)
            row |= dict.fromkeys(secrets, "***") if hide_sensitive else secrets
    print_rows(rows, output, empty="There are no connections.")


@connections.command()
@click.argument("conn_id")
@click.option("--show-password", is_flag=True, help="Print password, extra and URI as they are.")
@output_option
def get(conn_id: str, show_password: bool, output: str) -> None:
    """Show one connection."""
    with current_store() as store, store.read() as tx:
        value = statements.get(tx, conn_id)
    if value is None:
        raise _unknown(conn_id)
    record = _row(value)
    if show_password:
        record |= _secrets(value)
    print_record(record, output)


@connections.command("add")
@click.argument("conn_id")
@click.option("--conn-uri", help="The whole connection as a URI.")
@click.option("--conn-json", help="The whole connection as JSON.")
@click.option("--conn-type", help="For example postgres, http, aws.")
@click.option("--conn-description")
@click.option("--conn-host")
@click.option("--conn-schema")
@click.option("--conn-login")
@click.option("--conn-password")
@click.option("--conn-port", type=int)
@click.option("--conn-extra", help="A JSON object.")
@click.option("--overwrite", is_flag=True, help="Replace a connection of that id.")
def add(
    conn_id: str, conn_uri: str | None, conn_json: str | None, overwrite: bool, **fields: Any
) -> None:
    """Add a connection from a URI, from JSON, or field by field."""
    given = {key.removeprefix("conn_"): value for key, value in fields.items() if value is not None}
    if "type" in given:
        given["conn_type"] = given.pop("type")
    with_uri = given.keys() & {"description", "extra"} if conn_uri else set()
    if bool(conn_uri) + bool(conn_json) + bool(given.keys() - with_uri) != 1:
        raise UserError(
            "A connection is given in exactly one of three ways.",
            hint="Use --conn-uri, or --conn-json, or --conn-type with the other fields.",
        )
    value = _value(conn_id, conn_uri or conn_json or given, f"connection {conn_id}")
    if with_uri:
        value = msgspec.structs.replace(value, **{key: given[key] for key in with_uri})
        _check_extra(value.extra, f"connection {conn_id}")
    _save({conn_id: value}, on_existing="overwrite" if overwrite else "fail")
    note_unknown(value.conn_type)
    click.echo(f"Connection {conn_id} is set.")


connections.add_command(add, "set")


@connections.command("test")
@click.argument("conn_id")
def test(conn_id: str) -> None:
    """Connect with the hook of the connection's type. Exit code 0 if that works, else 1."""
    with current_store() as store, store.read() as tx:
        value = statements.get(tx, conn_id)
    if value is None:
        raise _unknown(conn_id)
    works, message = try_out(_connection(value))
    click.echo(message)
    raise click.exceptions.Exit(0 if works else 1)


@connections.command()
@click.argument("conn_id")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(conn_id: str, yes: bool) -> None:
    """Delete a connection."""
    confirm(f"Delete the connection {conn_id}?", yes=yes)
    with current_store() as store, store.begin() as tx:
        if not statements.remove(tx, conn_id):
            raise _unknown(conn_id)
        store.notify(tx, "dag_processor")
    click.echo(f"Connection {conn_id} is deleted.")


@connections.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--file-format", type=click.Choice(FILE_FORMATS), help="Default: as the name ends.")
@click.option(
    "--serialization-format",
    type=click.Choice(["uri", "json"]),
    default="uri",
    show_default=True,
    help="How a connection looks in an .env file.",
)
def export(file: Path, file_format: str | None, serialization_format: str) -> None:
    """Write all connections to a JSON, YAML or .env file, passwords included; `-`: to stdout."""
    with current_store() as store, store.read() as tx:
        found = statements.listing(tx)
    kind = file_format or format_of(file)
    values: dict[str, Any] = {v.conn_id: {key: getattr(v, key) for key in FIELDS} for v in found}
    if kind == "env" and serialization_format == "uri":
        values = {v.conn_id: _uri(v) for v in found}
    elif kind == "env":
        values = {conn_id: json.dumps(value) for conn_id, value in values.items()}
    write_object(file, values, kind, private=True)
    if file != STDOUT:
        click.echo(f"{len(found)} connections are in {file}, with their passwords.")


@connections.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace connections of the same id.")
def import_(file: Path, overwrite: bool) -> None:
    """Add connections from a JSON, YAML or .env file: a URI or an object for each id."""
    found = {
        conn_id: _value(conn_id, given, f"{file}: connection {conn_id}")
        for conn_id, given in read_object(file).items()
    }
    kept = _save(found, on_existing="overwrite" if overwrite else "skip")
    for conn_id in sorted(kept):
        click.echo(f"{conn_id} exists already and stays; --overwrite replaces it.", err=True)
    click.echo(f"{len(found) - len(kept)} connections are set.")


def _save(values: dict[str, ConnectionValue], *, on_existing: str) -> set[str]:
    """Store all in one transaction; returns those that were kept as they are."""
    with current_store() as store, store.begin() as tx:
        taken = statements.existing(tx, values)
        if taken and on_existing == "fail":
            raise Conflict(
                f"The connection {', '.join(sorted(taken))} exists already.",
                hint="--overwrite replaces it.",
            )
        kept = taken if on_existing == "skip" else set()
        for conn_id in values.keys() - kept:
            statements.put(tx, values[conn_id])
        store.notify(tx, "dag_processor")
    return kept


def _value(conn_id: str, given: Any, where: str) -> ConnectionValue:
    """A connection from a URI, from JSON text, or from Airflow's field names."""
    if isinstance(given, str) and given.lstrip().startswith("{"):
        given = parse_object(given, where)
    if isinstance(given, str):
        made = _made(where, uri=given)
    elif isinstance(given, dict):
        if unknown := given.keys() - {*FIELDS, "conn_id"}:
            raise UserError(
                f"{where}: unknown field {', '.join(sorted(unknown))}.",
                hint=f"Known fields: {', '.join(FIELDS)}.",
            )
        made = _made(where, **{"conn_type": None, **given, "conn_id": conn_id})
    else:
        raise UserError(f"{where} must be a URI or an object, not {given!r}.")
    if not made.conn_type:
        raise UserError(f"{where} has no conn_type.", hint="For example postgres, http or aws.")
    fields = {key: getattr(made, key) for key in FIELDS}
    try:
        value = msgspec.convert({"conn_id": conn_id, **fields}, ConnectionValue)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}.", hint="Quote numbers that are names.") from error
    _check_extra(value.extra, where)
    return value


def _made(where: str, **parts: Any) -> Connection:
    try:
        return Connection(**parts)
    except (AirflowException, ValueError, TypeError) as error:
        raise UserError(
            f"{where}: {error}", hint="A URI looks like postgres://user:password@host:5432/schema."
        ) from error


def _check_extra(extra: str | None, where: str) -> None:
    """Hooks read `extra` as a JSON object; what is none is refused, while somebody can mend it."""
    try:
        parsed = parse_json(extra or "{}")
    except ValueError as error:
        raise UserError(f"{where}: the extra is not valid JSON: {error}.") from error
    if not isinstance(parsed, dict):
        raise UserError(
            f"{where}: the extra must be a JSON object, not {extra}.",
            hint='For example {"timeout": 30}.',
        )


def _secrets(value: ConnectionValue) -> dict[str, Any]:
    return {"password": value.password, "extra": value.extra, "uri": _uri(value)}


def _uri(value: ConnectionValue) -> str:
    return str(_connection(value).get_uri())


def _connection(value: ConnectionValue) -> Connection:
    return Connection(conn_id=value.conn_id, **{key: getattr(value, key) for key in FIELDS})


def _row(value: ConnectionValue) -> dict[str, Any]:
    return {
        "conn_id": value.conn_id,
        "conn_type": value.conn_type,
        "description": value.description or "",
        "host": value.host or "",
        "schema": value.schema or "",
        "login": value.login or "",
        "port": value.port,
    }


def _unknown(conn_id: str) -> NotFound:
    return NotFound(
        f"There is no connection {conn_id!r}.",
        hint="`tradewind connections list` shows all. Connections from TRADEWIND_CONN_* and"
        " AIRFLOW_CONN_* live in the environment only.",
    )

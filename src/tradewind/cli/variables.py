"""`tradewind variables`.

DAG files that read a variable are parsed again when it changes, so the DAG processor is told.
"""

import json
from pathlib import Path

import click

from tradewind.cli.app import confirm, current_store
from tradewind.cli.files import STDOUT, file_format, parse_json, read_object, write_object
from tradewind.cli.output import output_option, print_rows
from tradewind.core.errors import Conflict, NotFound, UserError
from tradewind.store import variables as statements


@click.group()
def variables() -> None:
    """Manage variables."""


@variables.command("list")
@click.option("--show-values", is_flag=True, help="Print the values as well.")
@click.option("--hide-sensitive", is_flag=True, help="With --show-values: *** for each value.")
@output_option
def list_(show_values: bool, hide_sensitive: bool, output: str) -> None:
    """List the keys."""
    with current_store() as store, store.read() as tx:
        rows = statements.listing(tx)
    print_rows(
        [
            {"key": row.key}
            | ({"value": "***" if hide_sensitive else row.value} if show_values else {})
            | {"description": row.description or ""}
            for row in rows
        ],
        output,
        empty="There are no variables.",
    )


@variables.command()
@click.argument("key")
@click.option("-d", "--default", help="Printed when there is no such variable.")
@click.option("-j", "--json", "as_json", is_flag=True, help="The value is JSON: print it as such.")
def get(key: str, default: str | None, as_json: bool) -> None:
    """Print a value."""
    with current_store() as store, store.read() as tx:
        value = statements.get(tx, key)
    if value is None:
        if default is None:
            raise NotFound(
                f"There is no variable {key!r}.",
                hint="`tradewind variables list` shows all. Variables from TRADEWIND_VAR_* and"
                " AIRFLOW_VAR_* live in the environment only.",
            )
        value = default
    if as_json:
        try:
            value = json.dumps(parse_json(value), ensure_ascii=False)
        except ValueError as error:
            raise UserError(f"The value of {key} is not JSON: {error}.") from error
    click.echo(value)


@variables.command("set", context_settings={"ignore_unknown_options": True})  # values like -5
@click.argument("key")
@click.argument("value")
@click.option("--description", help="What it is for.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Store the value as a JSON text.")
def set_(key: str, value: str, description: str | None, as_json: bool) -> None:
    """Create or change a variable."""
    with current_store() as store, store.begin() as tx:
        statements.put(tx, key, json.dumps(value) if as_json else value, description)
        store.notify(tx, "dag_processor")
    click.echo(f"Variable {key} is set.")


@variables.command()
@click.argument("key")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(key: str, yes: bool) -> None:
    """Delete a variable."""
    confirm(f"Delete the variable {key}?", yes=yes)
    with current_store() as store, store.begin() as tx:
        if not statements.remove(tx, key):
            raise NotFound(f"There is no variable {key!r}.")
        store.notify(tx, "dag_processor")
    click.echo(f"Variable {key} is deleted.")


@variables.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def export(file: Path) -> None:
    """Write all variables to a JSON, YAML or .env file; `-` is the standard output."""
    with current_store() as store, store.read() as tx:
        rows = statements.listing(tx)
    kind = file_format(file)
    values = {row.key: row.value if kind == "env" else _from_text(row.value) for row in rows}
    write_object(file, values, kind)
    if file != STDOUT:
        click.echo(f"{len(rows)} variables are in {file}.")


@variables.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-a",
    "--action-on-existing-key",
    type=click.Choice(["overwrite", "fail", "skip"]),
    default="overwrite",
    show_default=True,
)
def import_(file: Path, action_on_existing_key: str) -> None:
    """Create variables as a JSON, YAML or .env file says. What is no text is stored as JSON."""
    found = read_object(file)
    with current_store() as store, store.begin() as tx:
        taken = statements.existing(tx, found)
        if taken and action_on_existing_key == "fail":
            raise Conflict(f"These variables exist already: {', '.join(sorted(taken))}.")
        skipped = taken if action_on_existing_key == "skip" else set()
        for key, value in found.items():
            if key in skipped:
                continue
            description = None
            if isinstance(value, dict) and set(value) == {"value", "description"}:
                value, description = value["value"], value["description"]
            statements.put(tx, key, _to_text(value), description)
        store.notify(tx, "dag_processor")
    click.echo(f"{len(found) - len(skipped)} variables are set.")


def _to_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)  # dates in YAML


def _from_text(text: str) -> object:
    try:
        return parse_json(text)
    except ValueError:
        return text

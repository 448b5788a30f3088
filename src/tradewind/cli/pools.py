"""`tradewind pools`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from tradewind.cli.app import confirm, current_store
from tradewind.cli.files import STDOUT, file_format, read_object, write_object
from tradewind.cli.output import output_option, print_rows
from tradewind.core.errors import NotFound, UserError
from tradewind.store import pools as statements
from tradewind.store.engine import Store


@click.group()
def pools() -> None:
    """Manage pools: how many tasks may share a resource."""


def _show(store: Store, rows: Sequence[Any], output: str) -> None:
    with store.read() as tx:
        usage = {row.pool: row for row in statements.usage(tx)}
    print_rows(
        [
            {
                "pool": row.name,
                "slots": row.slots,
                "running": usage[row.name].running if row.name in usage else 0,
                "queued": usage[row.name].queued if row.name in usage else 0,
                "deferred": usage[row.name].deferred if row.name in usage else 0,
                "description": row.description or "",
                "include_deferred": row.include_deferred,
            }
            for row in rows
        ],
        output,
    )


@pools.command("list")
@output_option
def list_(output: str) -> None:
    """List pools and what they hold now."""
    with current_store() as store:
        with store.read() as tx:
            rows = statements.listing(tx)
        _show(store, rows, output)


@pools.command()
@click.argument("pool")
@output_option
def get(pool: str, output: str) -> None:
    """Show one pool."""
    with current_store() as store:
        with store.read() as tx:
            row = statements.get(tx, pool)
        if row is None:
            raise _unknown(pool)
        _show(store, [row], output)


@pools.command("set", context_settings={"ignore_unknown_options": True})  # slots like -1
@click.argument("pool")
@click.argument("slots", type=int)
@click.argument("description", default="")
@click.option("--include-deferred", is_flag=True, help="Deferred tasks hold slots as well.")
def set_(pool: str, slots: int, description: str, include_deferred: bool) -> None:
    """Create or change a pool; -1 slots means no limit."""
    if slots < -1:
        raise UserError(f"A pool cannot have {slots} slots.", hint="Give 0 or more; -1: no limit.")
    with current_store() as store, store.begin() as tx:
        statements.change(
            tx,
            pool,
            slots,
            now=datetime.now(UTC),
            description=description or None,
            include_deferred=include_deferred,
        )
        store.notify(tx, "scheduler")
    click.echo(f"Pool {pool} has {'no limit' if slots == -1 else f'{slots} slots'}.")


@pools.command()
@click.argument("pool")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(pool: str, yes: bool) -> None:
    """Delete a pool."""
    confirm(f"Delete the pool {pool}?", yes=yes)
    with current_store() as store, store.begin() as tx:
        if not statements.remove(tx, pool, now=datetime.now(UTC)):
            raise _unknown(pool)
    click.echo(f"Pool {pool} is deleted.")


@pools.command("export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def export(file: Path) -> None:
    """Write all pools to a JSON or YAML file, in Airflow's format; `-` is the standard output."""
    with current_store() as store, store.read() as tx:
        found = {
            row.name: {
                "slots": row.slots,
                "description": row.description or "",
                "include_deferred": row.include_deferred,
            }
            for row in statements.listing(tx)
        }
    write_object(file, found, file_format(file))
    if file != STDOUT:
        click.echo(f"{len(found)} pools are in {file}.")


@pools.command("import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Create or change pools as a JSON file says."""
    found = read_object(file)
    for name, values in found.items():
        if not isinstance(values, dict) or type(values.get("slots")) is not int:
            raise UserError(f"{file}: the pool {name!r} has no whole number of slots.", hint=_FORM)
        if not isinstance(values.get("description"), str | None):
            raise UserError(
                f"{file}: the pool {name!r} has a description that is no text.", hint=_FORM
            )
    with current_store() as store, store.begin() as tx:
        for name, values in found.items():
            statements.change(
                tx,
                name,
                values["slots"],
                now=datetime.now(UTC),
                description=values.get("description"),
                include_deferred=bool(values.get("include_deferred", False)),
            )
        store.notify(tx, "scheduler")
    click.echo(f"{len(found)} pools are set.")


_FORM = 'Write {"name": {"slots": 4, "description": "", "include_deferred": false}}.'


def _unknown(pool: str) -> NotFound:
    return NotFound(f"There is no pool {pool!r}.", hint="`tradewind pools list` shows all pools.")

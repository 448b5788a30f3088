"""`tradewind db`."""

import os
import shutil
import time
from datetime import datetime

import click
from sqlalchemy.engine import make_url

from tradewind import settings as settings_module
from tradewind.cli.app import MOMENT, confirm, current_store, open_store
from tradewind.cli.output import output_option, print_rows
from tradewind.core.errors import TradewindError, UserError
from tradewind.store import cleanup
from tradewind.store import migrate as migrations


@click.group()
def db() -> None:
    """Migrate, check and clean the database."""


@db.command()
def migrate() -> None:
    """Create the tables, or bring them to this version's form. Safe to run again, and at once."""
    store = open_store(settings_module.load(), create=True)
    revision = migrations.migrate(store, progress=click.echo)
    store.close()
    click.echo(f"{store} is at revision {revision}.")


@db.command()
@click.option(
    "--retry",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Try again so many times.",
)
@click.option(
    "--retry-delay",
    type=click.FloatRange(min=0.0, max=86_400.0),
    default=1.0,
    show_default=True,
    help="Seconds between tries.",
)
def check(retry: int, retry_delay: float) -> None:
    """Check that the database can be reached and that its tables are current."""
    for left in range(retry, -1, -1):
        try:
            with current_store() as store:
                click.echo(f"{store} is reachable and its tables are current.")
            return
        except TradewindError as error:
            if not left:
                raise
            click.echo(f"{error} Trying again in {retry_delay} s, {left} more times.", err=True)
            time.sleep(retry_delay)


@db.command()
@click.option(
    "--before",
    "--clean-before-timestamp",
    type=MOMENT,
    required=True,
    help="Delete what ended before this moment (UTC unless it has an offset).",
)
@click.option("-t", "--tables", help=f"Only these, parted by commas: {', '.join(cleanup.TABLES)}.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--batch-size", default=1000, show_default=True, help="Rows in one transaction.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def clean(
    before: datetime, tables: str | None, dry_run: bool, batch_size: int, yes: bool, output: str
) -> None:
    """Delete old records. Runs that have not ended and the newest scheduled runs stay."""
    wanted = [name.strip() for name in tables.split(",")] if tables else None
    with current_store() as store:
        counts = cleanup.count(store, before=before, tables=wanted)
        if dry_run:
            print_rows([{"table": t, "would_delete": n} for t, n in counts.items()], output)
            return
        confirm(f"Delete {sum(counts.values())} rows from before {before}?", yes=yes)
        deleted = cleanup.clean(
            store,
            before=before,
            tables=wanted,
            batch=batch_size,
            progress=lambda table, n: click.echo(f"{table}: {n} rows", err=True),
        )
    print_rows([{"table": t, "deleted": n} for t, n in deleted.items()], output)


@db.command()
def shell() -> None:
    """Open the database's own shell (`psql` or `sqlite3`)."""
    url = settings_module.load().sections.database.url
    sqlite = url.startswith("sqlite")
    program = shutil.which("sqlite3" if sqlite else "psql")
    if program is None:
        raise UserError(
            f"The program {'sqlite3' if sqlite else 'psql'} is not installed.",
            hint="Debian: apt-get install " + ("sqlite3" if sqlite else "postgresql-client"),
        )
    target = make_url(url)
    if sqlite:
        os.execv(program, [program, target.database or ""])
    # psql takes no driver in its URL, and a password in its arguments would show in `ps`.
    if target.password:
        os.environ["PGPASSWORD"] = str(target.password)
    plain = target.set(drivername="postgresql", password=None)
    os.execv(program, [program, plain.render_as_string()])

"""What most commands need first: the settings, and a store whose tables are current."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from tradewind import settings as settings_module
from tradewind.core.errors import UserError
from tradewind.settings import Settings
from tradewind.store import migrate
from tradewind.store.engine import Store


def open_store(settings: Settings, *, create: bool = False) -> Store:
    """The configured store, not yet connected. `create`: make the folder of a SQLite file."""
    url = settings.sections.database.url
    if create and url.startswith("sqlite"):
        Path(make_url(url).database or "").expanduser().parent.mkdir(parents=True, exist_ok=True)
    return Store(url)


@contextmanager
def current_store() -> Iterator[Store]:
    """The configured store for one command; one whose tables are not current is refused."""
    settings = settings_module.load()
    url = settings.sections.database.url
    if url.startswith("sqlite") and not Path(make_url(url).database or "").is_file():
        raise UserError(
            f"There is no database yet at {make_url(url).database}.",
            hint="`tradewind standalone` makes one and starts everything; `tradewind db migrate`"
            " only makes it. TRADEWIND_HOME says where Tradewind lives.",
        )
    store = open_store(settings)
    try:
        migrate.check(store)
        yield store
    finally:
        store.close()


def read_moment(text: str) -> datetime | None:
    """The moment in UTC that an ISO 8601 text means; without an offset it is UTC already."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: UTC's year would be 0 or 10000
        return None


class Moment(click.ParamType[datetime]):
    """A point in time: ISO 8601, a date alone, or `now`; without an offset it is UTC."""

    name = "date"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        if value == "now":
            return datetime.now(UTC)
        moment = read_moment(value)
        if moment is None:
            self.fail(
                f"{value!r} is not a date. Write 2026-01-15, 2026-01-15T06:00 or"
                " 2026-01-15T06:00+01:00.",
                param,
                ctx,
            )
        return moment


MOMENT = Moment()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost; raises `UserError` unless the answer is yes.

    Where nobody can be asked (no terminal, no input), `--yes` is the only way.
    """
    if yes:
        return
    try:
        agreed = click.confirm(question)
    except click.Abort:
        click.echo()
        agreed = False
    if not agreed:
        raise UserError("Nothing was changed.", hint="-y or --yes answers yes.")

"""`tradewind config`: what is set, and where each value came from."""

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tradewind import settings as settings_module
from tradewind.cli.output import output_option, print_rows
from tradewind.core.errors import NotFound


@click.group()
def config() -> None:
    """Show the configuration."""


@config.command("list")
@click.option("--section", help="Only settings of this section.")
@output_option
def list_(section: str | None, output: str) -> None:
    """List every setting with its value and its source."""
    rows = [
        {"setting": f"{in_section}.{key}", "value": _shown(value), "source": source}
        for in_section, key, value, source in settings_module.load().rows()
        if section in (None, in_section)
    ]
    if not rows:
        raise NotFound(f"There is no section {section!r}.")
    print_rows(rows, output)


def get_value(section: str, key: str | None) -> None:
    if key is None:
        section, _, key = section.partition(".")
    for row_section, row_key, value, _ in settings_module.load().rows():
        if (row_section, row_key) == (section, key):
            click.echo(_shown(value))
            return
    name = f"{section}.{key}" if key else section
    raise NotFound(
        f"There is no setting {name!r}.", hint="`tradewind config list` shows all settings."
    )


@config.command("get")
@click.argument("section")
@click.argument("key", required=False)
def get(section: str, key: str | None) -> None:
    """Print one value: `config get core.executor`, or as Airflow `config get core executor`."""
    get_value(section, key)


@config.command("get-value", hidden=True)
@click.argument("section")
@click.argument("key")
def get_value_command(section: str, key: str) -> None:
    """Airflow's name for `get`."""
    get_value(section, key)


def _shown(value: object) -> str:
    """The value for people: a password in a URL is masked."""
    if isinstance(value, list):
        return ", ".join(f"{item.name}={item.path}" for item in value)
    text = str(value)
    if "://" not in text:
        return text
    try:
        return make_url(text).render_as_string(hide_password=True)
    except ArgumentError:
        return text

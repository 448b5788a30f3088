"""`tradewind info` and `tradewind version`."""

import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version

import click

from tradewind import __version__
from tradewind import settings as settings_module
from tradewind.cli.output import output_option, print_record


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


@click.command()
@output_option
def info(output: str) -> None:
    """Show this installation, for a bug report. No secrets."""
    settings = settings_module.load()
    print_record(
        {
            "tradewind": __version__,
            "python": platform.python_version(),
            "python_executable": sys.executable,
            "platform": platform.platform(),
            "sqlite": sqlite3.sqlite_version,
            "sqlalchemy": _installed("sqlalchemy"),
            "psycopg": _installed("psycopg"),
            "apache-airflow": _installed("apache-airflow"),
            "home": settings.home,
            "executor": settings.sections.core.executor,
            "database": settings.sections.database.url.partition("://")[0],
            "bundles": [f"{bundle.name}={bundle.path}" for bundle in settings.bundles],
        },
        output,
    )


@click.command("version")
def version_command() -> None:
    """Show the version."""
    click.echo(__version__)

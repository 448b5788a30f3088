"""The long-running commands: everything at once, or one role."""

from pathlib import Path

import click

from tradewind import settings as settings_module
from tradewind.cli.only_one import only_one
from tradewind.cli.wiring import (
    Role,
    Wiring,
    check_bundles,
    configure_logging,
    run_until_stopped,
)
from tradewind.settings import Settings
from tradewind.store import migrate


@click.command()
def standalone() -> None:
    """Run scheduler, DAG processor, triggerer and tasks in one process tree.

    Makes the database if there is none. Stops at Ctrl-C or SIGTERM, when running tasks have ended;
    at once when told so twice.
    """
    settings = settings_module.load()
    configure_logging(settings)
    check_bundles(settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    with only_one(settings.home):
        wiring = Wiring(settings)
        migrate.migrate(wiring.store)
        _say_where(settings, wiring)
        _run(
            wiring,
            {
                "scheduler": wiring.scheduler(),
                "dag-processor": wiring.dag_processor(),
                "triggerer": wiring.triggerer(),
            },
        )


@click.command()
def scheduler() -> None:
    """Run a scheduler with its local executor. Several may share one PostgreSQL database."""
    wiring = _wiring()
    _run(wiring, {"scheduler": wiring.scheduler()})


@click.command("dag-processor")
def dag_processor() -> None:
    """Run a DAG processor: it watches the bundles and publishes what their files hold."""
    wiring = _wiring()
    _run(wiring, {"dag-processor": wiring.dag_processor()})


@click.command()
def triggerer() -> None:
    """Run a triggerer: it waits for what deferred tasks wait for."""
    wiring = _wiring()
    _run(wiring, {"triggerer": wiring.triggerer()})


def _wiring() -> Wiring:
    settings = settings_module.load()
    configure_logging(settings)
    check_bundles(settings)
    wiring = Wiring(settings)
    migrate.check(wiring.store)
    return wiring


def _run(wiring: Wiring, roles: dict[str, Role]) -> None:
    raise click.exceptions.Exit(run_until_stopped(wiring, roles))


def _say_where(settings: Settings, wiring: Wiring) -> None:
    for bundle in settings.bundles:
        click.echo(f"DAG files   {Path(bundle.path).absolute()}")
    click.echo(f"Home        {settings.home}")
    click.echo(f"Database    {wiring.store}")
    click.echo(f"Task logs   {settings.log_folder}")
    click.echo("In another terminal: tradewind dags list, tradewind dags trigger DAG_ID")
    click.echo("Stop with Ctrl-C.")

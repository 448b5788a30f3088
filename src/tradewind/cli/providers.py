"""`tradewind providers`: install provider packages, and see what those that are there bring."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from tradewind import compat
from tradewind.cli.output import output_option, print_record, print_rows
from tradewind.cli.provider_install import install as install_requirements
from tradewind.cli.provider_names import Wanted
from tradewind.compat.finder import where_apache_airflow_is
from tradewind.compat.provider_check import FIRST_FOR_AIRFLOW_3, Findings
from tradewind.compat.providers import ProvidersManager
from tradewind.core.errors import InfrastructureError, NotFound
from tradewind.sdk import providers as known

_NONE = "No installed provider brings any."


@click.group()
def providers() -> None:
    """Install Airflow's provider packages without Airflow, and see what they bring."""
    if not compat.install():
        click.echo(
            f"Apache Airflow itself is installed in this environment ({where_apache_airflow_is()}):"
            " its providers run with it, not with Tradewind.",
            err=True,
        )


class _WithRest(click.Command):
    """Keeps what comes behind `--` apart, for another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        ctx.obj = args[end + 1 :]
        return super().parse_args(ctx, args[:end])


@providers.command(cls=_WithRest, options_metavar="[OPTIONS]")
@click.argument("names", nargs=-1, required=True, metavar="NAME... [-- ARGUMENT...]")
@click.option(
    "-c",
    "--constraint",
    "constraints",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of versions that must hold, as pip's.",
)
@click.pass_obj
def install(rest: list[str], names: tuple[str, ...], constraints: tuple[Path, ...]) -> None:
    """Install providers and all that they need, without Apache Airflow.

    NAME is a provider's short name, with or without a version: http, common.sql, 'postgres==6.5'.
    This environment's pip installs, as it is configured (index, links, constraints), or uv where
    there is no pip; what comes behind -- goes to it. Afterwards each module of these providers is
    imported; exit code 1 if one does not work.
    """
    wanted = [Wanted.parse(name) for name in names]
    install_requirements([one.requirement for one in wanted], constraints, rest)
    packages = list(dict.fromkeys(one.distribution for one in wanted))
    findings = _check(packages)
    for one in findings:
        _report(one)
    works = len(findings) == len(packages) and not any(one.broken for one in findings)
    raise click.exceptions.Exit(0 if works else 1)


def _check(packages: list[str]) -> list[Findings]:
    """In a process of its own, which sees what has just been installed."""
    command = [sys.executable, "-m", "tradewind.compat.provider_check", *packages]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise InfrastructureError(
            f"The modules could not be looked at: the process that imports them ended with"
            f" {done.returncode}.",
            hint="Is there enough memory? The providers themselves are installed.",
        )
    return msgspec.json.decode(done.stdout, type=list[Findings])


def _report(found: Findings) -> None:
    click.echo(f"{found.package} {found.version}: {found.modules} modules", nl=False)
    for text, modules in (
        ("want something else that is not installed", found.lacking),
        ("do not work", found.broken),
    ):
        if modules:
            click.echo(f", {len(modules)} {text}", nl=False)
    click.echo()
    for module, reason in {**found.lacking, **found.broken}.items():
        click.echo(f"  {module}: {reason}")
    if found.written_for is not None:
        first = ".".join(map(str, FIRST_FOR_AIRFLOW_3))
        click.echo(
            f"  It was written for Airflow {found.written_for}, before Airflow 3; versions that ask"
            f" for Airflow {first} or newer are meant for what Tradewind has."
        )


@providers.command("list")
@output_option
def list_(output: str) -> None:
    """List the installed providers and what they bring to DAG files."""
    print_rows(
        [
            {
                "package_name": package,
                "version": provider.version,
                "description": provider.name,
                "connection_types": [
                    t.conn_type for t in known.connection_types().values() if t.package == package
                ],
                "task_decorators": [
                    item["name"] for item in provider.info.get("task-decorators") or ()
                ],
            }
            for package, provider in known.installed().items()
        ],
        output,
        empty="No provider is installed. `tradewind providers install http` installs one.",
    )


@providers.command()
@click.argument("name")
@click.option("-f", "--full", is_flag=True, help="Print all that it says about itself.")
@output_option
def get(name: str, full: bool, output: str) -> None:
    """Show an installed provider."""
    package = Wanted.parse(name).distribution
    if (provider := known.installed().get(package)) is None:
        raise NotFound(
            f"The provider {package} is not installed.",
            hint=f"`tradewind providers install {name}` installs it.",
        )
    record: dict[str, Any] = {"package_name": package, "version": provider.version}
    print_record({**record, **provider.info} if full else record, output)


@providers.command()
@output_option
def hooks(output: str) -> None:
    """List connection types and their hooks. Imports the hooks."""
    rows = []
    for conn_type, found in ProvidersManager().hooks.items():
        said = known.connection_types()[conn_type]
        rows.append(
            {
                "connection_type": conn_type,
                "class": said.hook_class if found else "cannot be imported",
                "conn_id_attribute_name": found.connection_id_attribute_name if found else "",
                "package_name": said.package,
                "hook_name": said.hook_name,
            }
        )
    print_rows(rows, output)


@providers.command()
@output_option
def behaviours(output: str) -> None:
    """List what connection types do with the fields of a connection."""
    print_rows(
        [
            {"connection_type": conn_type, "field_behaviours": dict(said.field_behaviour)}
            for conn_type, said in known.connection_types().items()
        ],
        output,
    )


@providers.command()
@output_option
def configs(output: str) -> None:
    """List the configuration options that providers read, with their defaults."""
    print_rows(
        [
            {
                "package_name": package,
                "section": section,
                "option": option,
                "default": said.get("default"),
            }
            for package, provider in known.installed().items()
            for section, options in (provider.info.get("config") or {}).items()
            for option, said in options["options"].items()
        ],
        output,
        empty=_NONE,
    )


@providers.command()
@output_option
def triggers(output: str) -> None:
    """List the modules with triggers."""
    rows = [{"package_name": p.package, "module": m} for p, m in known.modules("triggers")]
    print_rows(rows, output, empty=_NONE)


@providers.command()
@output_option
def notifications(output: str) -> None:
    """List the notifiers."""
    _print_classes("notifications", output)


@providers.command()
@output_option
def links(output: str) -> None:
    """List the links that operators put on a task's page."""
    _print_classes("extra-links", output)


def _print_classes(key: str, output: str) -> None:
    rows = [{"package_name": p.package, "class": path} for p, path in known.described(key)]
    print_rows(rows, output, empty=_NONE)

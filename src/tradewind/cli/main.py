"""The `tradewind` command: a tree of groups, each imported only when it is used."""

import io
import os
import sys
from typing import Any

import click

from tradewind.cli.lazy import LazyGroup
from tradewind.core.errors import TradewindError

# group or command → (module:attribute, the line that `tradewind --help` shows)
COMMANDS = {
    "standalone": ("roles:standalone", "Run everything in one process tree."),
    "scheduler": ("roles:scheduler", "Run a scheduler with its local executor."),
    "dag-processor": ("roles:dag_processor", "Run a DAG processor."),
    "triggerer": ("roles:triggerer", "Run a triggerer."),
    "dags": ("dags:dags", "List, check, test, trigger and pause DAGs."),
    "runs": ("runs:runs", "Clear, mark and cancel DAG runs."),
    "tasks": ("tasks:tasks", "Look into tasks, test, clear and mark them."),
    "backfill": ("backfill:backfill", "Run a DAG for a range of past dates."),
    "assets": ("assets:assets", "List and materialize assets."),
    "pools": ("pools:pools", "Manage pools."),
    "variables": ("variables:variables", "Manage variables."),
    "connections": ("connections:connections", "Manage connections."),
    "providers": ("providers:providers", "Install provider packages, and see what they bring."),
    "history": ("history:history", "Check the recorded history."),
    "db": ("db:db", "Migrate, check and clean the database."),
    "config": ("config:config", "Show the configuration."),
    "info": ("info:info", "Show this installation, for a bug report."),
    "version": ("info:version_command", "Show the version."),
}


@click.group(
    cls=LazyGroup,
    elsewhere=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def cli() -> None:
    """Tradewind runs Airflow DAGs on Kubernetes, on a laptop, or both."""


def main(arguments: list[str] | None = None) -> None:
    """Run a command line; a user's mistake ends in one clear message and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # no id or log line is too odd for a terminal
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: Any = cli.main(arguments, prog_name="tradewind", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except TradewindError as error:
        _fail(str(error), error.hint)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) has gone; a second failure at exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that is a file: nothing of ours to trace
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}.")


def _fail(message: str, hint: str | None = None) -> None:
    click.secho(f"Error: {message}", fg="red", err=True)
    if hint:
        click.echo(f"Hint: {hint}", err=True)
    sys.exit(1)

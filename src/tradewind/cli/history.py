"""`tradewind history`: what was recorded, and whether it keeps what Tradewind promises."""

from datetime import UTC, datetime

import click

from tradewind.cli.app import MOMENT, current_store
from tradewind.cli.find import the_dag
from tradewind.cli.output import Row, output_option, print_record, print_rows
from tradewind.core.history.vocabulary import MEANING, Findings, Statement
from tradewind.scheduler import history as recorded


@click.group()
def history() -> None:
    """Check the recorded history."""


@history.command()
@click.option("-d", "--dag-id", help="Only about this DAG.")
@click.option("--since", type=MOMENT, help="Only about runs that were not over at this moment.")
@output_option
def check(dag_id: str | None, since: datetime | None, output: str) -> None:
    """Prove from the recorded history what Tradewind promises; exit code 1 if it is broken.

    Reads one snapshot of the database while everything goes on, and changes nothing.
    """
    with current_store() as store:
        if dag_id is not None:
            with store.read() as tx:
                the_dag(tx, dag_id)
        findings = recorded.check(store, now=datetime.now(UTC), dag_id=dag_id, since=since)
    if output in ("json", "yaml"):
        print_record({"statements": _summary(findings), "violations": _broken(findings)}, output)
    else:
        print_rows([_as_text(row) for row in _summary(findings)], output)
        for row in _broken(findings):
            click.echo(f"{row['statement']}: {row['message']}")
    raise click.exceptions.Exit(1 if findings.violations else 0)


def _summary(findings: Findings) -> list[Row]:
    return [
        {
            "statement": statement.value,
            "meaning": MEANING[statement],
            "checked": findings.checked[statement],
            "left_out": {
                why: count for (of, why), count in findings.left_out.items() if of is statement
            },
            "violations": sum(found.statement is statement for found in findings.violations),
        }
        for statement in Statement
    ]


def _as_text(row: Row) -> Row:
    """What could not be judged as words."""
    return {**row, "left_out": "; ".join(f"{n} ({why})" for why, n in row["left_out"].items())}


def _broken(findings: Findings) -> list[Row]:
    return [
        {"statement": found.statement.value, "message": found.message}
        for found in findings.violations
    ]

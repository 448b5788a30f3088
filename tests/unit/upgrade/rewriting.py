"""What the tests of single rules share."""

from datetime import date
from textwrap import dedent

from tradewind.upgrade.file import upgrade


def upgraded(source: str, name: str = "dag.py") -> tuple[str, list[str]]:
    """The modern text, and the notes with their lines."""
    result = upgrade(dedent(source).encode(), name, today=date(2026, 3, 10))
    return result.source.decode(), [f"{note.line}: {note.text}" for note in result.notes]


def lines(source: str) -> list[str]:
    """Without indentation that all share, and without empty lines."""
    return [line for line in dedent(source).splitlines() if line.strip()]

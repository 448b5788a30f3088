"""A file keeps its encoding, its line ends and its byte order mark."""

from datetime import date

import pytest

from tradewind.upgrade.file import upgrade

OLD = "from airflow.operators.dummy import DummyOperator\nDummyOperator(task_id='é')\n"
NEW = (
    "from airflow.providers.standard.operators.empty import EmptyOperator\n"
    "EmptyOperator(task_id='é')\n"
)


@pytest.mark.parametrize(
    ("before", "line_end", "encoding"),
    [
        ("", "\n", "utf-8"),
        ("", "\r\n", "utf-8"),
        ("\ufeff", "\n", "utf-8"),
        ("# -*- coding: latin-1 -*-\n", "\n", "latin-1"),
    ],
)
def test_only_what_is_rewritten_changes(before: str, line_end: str, encoding: str) -> None:
    old, new = ((before + text).replace("\n", line_end).encode(encoding) for text in (OLD, NEW))

    assert upgrade(old, "dag.py", today=date(2026, 1, 1)).source == new

from typing import Any

import pytest

from support.documents import document, task
from tradewind.bundles.results import FileError, ParseResult
from tradewind.bundles.steady import compared
from tradewind.core.dag import CustomSchedule, SerializedDag


def result(*dags: SerializedDag, **fields: Any) -> ParseResult:
    return ParseResult(file="etl.py", dags=list(dags), **fields)


ONE = document("d", task("a"), task("b", "a"))


def test_equal_results_pass_through() -> None:
    assert compared(result(ONE), result(ONE)) == (result(ONE), {})
    assert compared(None, result(ONE)) == (result(ONE), {})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ([document("d2", task("a"), task("b", "a"))], "DAG ids (d, d2)"),
        ([], "DAG ids (d)"),
        ([document("d", task("a"), task("c", "a"))], "DAG 'd': task ids (b, c)"),
        ([document("d", task("a"), task("b"))], "DAG 'd': the upstream tasks of b"),
    ],
)
def test_differing_ids_and_arrows_are_an_error(other: list[SerializedDag], words: str) -> None:
    published, _ = compared(result(ONE), result(*other))
    assert published.dags == []
    assert published.error is not None
    assert words in published.error.message


def test_other_differences_are_named() -> None:
    other = document("d", task("a", retries=3), task("b", "a"), description="now")
    assert compared(result(ONE), result(other)) == (
        result(ONE),
        {"d": ["a.retries", "description"]},
    )


def test_what_moves_by_itself_is_no_difference() -> None:
    first, second = (
        document("d", timetable=CustomSchedule(classpath="x.Y", exhausted=ended), warnings=notes)
        for ended, notes in ((True, []), (False, ["old name"]))
    )
    assert compared(result(first), result(second)) == (result(first), {})


def test_an_error_the_second_time_stands() -> None:
    error = FileError(kind="error", message="no", file="etl.py")
    assert compared(result(ONE), result(error=error)) == (result(error=error), {})

"""Documents whose parts name what is not there."""

import pytest

from support.worlds import dag, group, over, task
from tradewind.core.dag import GroupSpec, SerializedDag, TaskSpec, ZipLength, decode, encode
from tradewind.core.errors import InvalidDag
from tradewind.core.runs.plan import plan


@pytest.mark.parametrize(
    ("tasks", "groups", "problem"),
    [
        ([task("a", "b"), task("b")], [], "'a' waits for 'b', which is not before it"),
        ([task("a", "a")], [], "'a' waits for 'a'"),
        ([task("a"), task("a")], [], "'a' is there twice"),
        ([task("g")], [group("g")], "'g' is there twice"),
        ([task("a", group_id="g")], [], "'a' is in the unknown group 'g'"),
        ([], [group("g", parent="h"), group("h")], "'g' is in 'h', which is not before it"),
        ([task("a", expansion=over("b"))], [], "'a' is mapped over 'b', which is not there"),
        ([task("a", expansion=over("a"))], [], "'a' is mapped over 'a'"),
        ([task("a")], [group("g", "b")], "'g' is mapped over 'b'"),
        (
            [task("a", expansion=over(ZipLength(sources=[over("b").arguments[0].source])))],
            [],
            "'a' is mapped over 'b'",
        ),
    ],
)
def test_what_is_named_must_be_there(
    tasks: list[TaskSpec], groups: list[GroupSpec], problem: str
) -> None:
    with pytest.raises(InvalidDag, match=problem) as caught:
        plan(dag(*tasks, groups=groups))
    assert "DAG 'dag' is damaged" in str(caught.value)
    assert caught.value.hint


def damaged(old: bytes, new: bytes) -> bytes:
    text = encode(dag(task("a")))
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [damaged(b'"a"', b"5"), damaged(b'"tasks"', b'"task"'), b"", b"[" * 100_000, b'{"schema": 1}'],
)
def test_a_damaged_text_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidDag, match="document is damaged"):
        decode(text)


def test_a_good_document_is_read() -> None:
    document: SerializedDag = dag(task("a"), task("b", "a", expansion=over("a")))
    assert decode(encode(document)) == document

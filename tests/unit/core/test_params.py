"""Params: who wins, what is checked, what is said."""

import re
from typing import Any

import pytest

from compat import corpus
from tradewind.core.dag import ParamSpec
from tradewind.core.errors import UserError
from tradewind.core.params import problem, resolve, validate_conf

CORPUS = {
    "text": ParamSpec(default="plain"),
    "count": ParamSpec(default=3, schema={"type": "integer", "minimum": 1, "maximum": 10}),
    "choice": ParamSpec(default="a", schema={"enum": ["a", "b"]}),
    "optional": ParamSpec(default=None, schema={"type": ["null", "string"]}),
    "nested": ParamSpec(default={"k": 1}),
}


def test_conf_before_task_before_dag() -> None:
    task = {"text": ParamSpec(default="task's"), "extra": ParamSpec(default="only here")}
    assert resolve(CORPUS, task, {})["text"] == "task's"
    resolved = resolve(CORPUS, task, {"text": "conf's", "unknown": [1]})
    assert resolved == {
        "text": "conf's",
        "count": 3,
        "choice": "a",
        "optional": None,
        "nested": {"k": 1},
        "extra": "only here",
        "unknown": [1],
    }


def test_none_given_stands_and_dictionaries_are_not_merged() -> None:
    resolved = resolve(CORPUS, {}, {"text": None, "nested": {"z": 2}})
    assert resolved["text"] is None
    assert resolved["nested"] == {"z": 2}


@pytest.mark.skipif(not corpus.CORPUS.root.is_dir(), reason=f"{corpus.CORPUS.root} is not here")
@pytest.mark.parametrize(
    ("run_id", "conf"),
    [("corpus__3", {"count": 11}), ("corpus__4", {"choice": "c"}), ("corpus__5", {"count": "5"})],
)
def test_refusals_in_airflows_words(run_id: str, conf: dict[str, Any]) -> None:
    """All but the order in which the schema's keys are shown."""
    recorded = {r["run_id"]: r for r in corpus.CORPUS.expected("params_and_conf")["requests"]}[
        run_id
    ]["detail"]
    with pytest.raises(UserError) as caught:
        validate_conf(CORPUS, conf)
    assert words(str(caught.value)) == words(recorded)


def words(text: str) -> list[str]:
    return sorted(re.findall(r"[^\s{},]+", text))


def test_all_problems_are_listed() -> None:
    specs = {**CORPUS, "must": ParamSpec(has_default=False)}
    with pytest.raises(UserError) as caught:
        validate_conf(specs, {"count": 0, "choice": "x", "new": {1, 2}})
    text = str(caught.value)
    assert "Invalid input for param count: 0 is less than the minimum of 1" in text
    assert "Invalid input for param choice: 'x' is not one of ['a', 'b']" in text
    assert "Invalid input for param must: No value passed" in text
    assert "Invalid input for param new: All provided parameters must be json-serializable" in text
    assert caught.value.hint


def test_a_param_without_default_takes_conf() -> None:
    specs = {"must": ParamSpec(has_default=False, schema={"type": "string"})}
    assert resolve(specs, {}, {"must": "here"}) == {"must": "here"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "format": "date"}, "2026-02-28", "2026-02-30"),
        ({"type": "string", "format": "time"}, "13:30:00", "25:00"),
        ({"type": "string", "format": "email"}, "a@b.org", "nobody"),
        ({"type": "string", "format": "ipv4"}, "10.0.0.1", "10.0.0.256"),
        ({"type": "array", "items": {"type": "number"}}, [1, 2.5], [1, "2"]),
        ({"type": ["null", "integer"]}, None, "x"),
        ({"type": "string", "minLength": 2}, "ab", "a"),
        ({"type": "object", "required": ["k"]}, {"k": None}, {}),
        ({"const": 5}, 5, 6),
    ],
)
def test_schemas(schema: dict[str, Any], good: Any, bad: Any) -> None:
    assert problem(good, schema) is None
    assert problem(bad, schema)


def test_a_bad_schema_is_the_authors_mistake() -> None:
    with pytest.raises(UserError, match="not valid JSON schema") as caught:
        problem(1, {"type": "nonsense"})
    assert "DAG file" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"pattern": "("},
        {"$schema": 1},
        {"$schema": ["string"]},
    ],
)
def test_a_schema_that_leads_nowhere_is_the_files_mistake(schema: dict[str, object]) -> None:
    with pytest.raises(UserError, match="not valid JSON schema") as caught:
        problem("x", schema)
    assert caught.value.hint

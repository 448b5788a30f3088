"""What is hidden, and what is not."""

from typing import Any

import pytest

from tradewind.runner.masking import Masker, connection_secrets, is_sensitive


@pytest.mark.parametrize(
    ("name", "sensitive"),
    [
        ("password", True),
        ("DB_PASSWORD", True),
        ("my_api_key_2", True),
        ("secretary", True),
        ("author", False),
        ("", False),
        (None, False),
        (3, False),
    ],
)
def test_names(name: Any, sensitive: bool) -> None:
    assert is_sensitive(name) is sensitive


def test_known_secrets_are_replaced_longest_first() -> None:
    masker = Masker()
    masker.add(["hunter2", "hunter2-and-more", "a.b*c"])
    assert masker.mask("x hunter2-and-more hunter2 a.b*c aXbbc") == "x *** *** *** aXbbc"


def test_short_values_are_left_alone() -> None:
    masker = Masker()
    masker.add(["", "abcd"])
    assert masker.mask("abcd") == "abcd"
    assert masker.secrets == set()


def test_new_ones_are_told_once() -> None:
    masker, told = Masker(), []
    masker.on_new = told.append
    masker.add(["secret-b", "secret-a"])
    masker.add(["secret-a"])
    masker.add(["secret-c", "secret-b"])
    assert told == [["secret-a", "secret-b"], ["secret-c"]]


@pytest.mark.parametrize(
    ("value", "name", "secrets"),
    [
        ("plain-text", None, {"plain-text"}),
        ("plain-text", "token", {"plain-text"}),
        ("plain-text", "colour", set()),
        ({"token": "value-1", "user": "value-2"}, None, {"value-1"}),
        ({"outer": {"password": ["value-1"]}, "n": 5}, "extra", {"value-1"}),
        (["value-1", ("value-2",)], None, {"value-1", "value-2"}),
        (7, None, set()),
    ],
)
def test_what_mask_secret_takes(value: Any, name: str | None, secrets: set[str]) -> None:
    masker = Masker()
    masker.add_value(value, name)
    assert masker.secrets == secrets


def test_redacting_structures() -> None:
    masker = Masker()
    masker.add(["hidden-value"])
    value = {
        "password": "x",
        "auth": {"token": ["a", "b"], "user": "me"},
        "list": ["see hidden-value", 1, None],
        "empty_secret": "",
    }
    assert masker.redact(value) == {
        "password": "***",
        "auth": {"token": ["***", "***"], "user": "me"},
        "list": ["see ***", 1, None],
        "empty_secret": "",
    }
    assert masker.redact({"a": "x"}, "api_key") == {"a": "***"}


def test_a_structure_without_end_comes_back() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    masker = Masker()
    masker.add_value(endless)
    assert masker.redact(endless)["self"] is not None


@pytest.mark.parametrize(
    ("password", "extra", "secrets"),
    [
        (None, None, []),
        ("pw", None, ["pw"]),
        ("pw", '{"api_key": "k", "region": "eu"}', ["pw", "k"]),
        (None, "not json", ["not json"]),
        (None, "[1]", []),
    ],
)
def test_secrets_of_a_connection(
    password: str | None, extra: str | None, secrets: list[str]
) -> None:
    assert connection_secrets(password, extra) == secrets

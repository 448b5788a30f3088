"""Texts and values that people write: the right result, or an error that says what is wrong."""

import json
import math
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz.effort import examples
from fuzz.shapes import JSON, SCALARS, TEXTS, nested
from tradewind.cli.app import read_moment
from tradewind.cli.logs import LEVELS, print_record
from tradewind.core import params
from tradewind.core.errors import InvalidDag, TradewindError
from tradewind.core.timetables.base import NoTick
from tradewind.core.timetables.cron import CronTicks
from tradewind.sdk import serde
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.settings import load

# --- cron -----------------------------------------------------------------------------------------

CRON_TERMS = st.one_of(
    st.text("0123456789*/,-#LW?", max_size=6),
    st.sampled_from(["*", "*/5", "0", "7", "mon-fri", "FRI-MON", "jan", "mon#2", "L", "L5", "31"]),
)
CRONS = st.one_of(
    st.lists(CRON_TERMS, min_size=5, max_size=6).map(" ".join),
    st.sampled_from(["@daily", "@HOURLY", "@once", "@never", "@"]),
    TEXTS,
)


@examples(120)
@given(expression=CRONS, at=st.datetimes().map(lambda at: at.isoformat()))
def test_cron(expression: str, at: str) -> None:
    moment = read_moment(at)
    assert moment is not None
    try:
        ticks = CronTicks(expression, "Europe/Berlin")
    except InvalidDag as error:
        assert error.hint
        return
    try:
        before, after = ticks.previous(moment), ticks.next(moment)
    except NoTick:  # no such date, or the end of the calendar
        return
    assert before < moment < after or moment.year < 1900  # zones' offsets moved about, then


# --- params ---------------------------------------------------------------------------------------

SCHEMAS = st.one_of(
    st.dictionaries(
        st.sampled_from(
            [
                "type",
                "enum",
                "pattern",
                "format",
                "items",
                "properties",
                "minimum",
                "required",
                "anyOf",
                "$ref",
                "$schema",
                "$id",
                "maxLength",
                "multipleOf",
                "not",
                "const",
            ]
        ),
        st.one_of(
            st.sampled_from(
                [
                    "string",
                    "integer",
                    ["null", "string"],
                    "date-time",
                    "#",
                    "#/x",
                    "(",
                    "a{9999}",
                    "regex",
                    "http://127.0.0.1:9/x",
                    0,
                    0.0,
                    {"type": "null"},
                    [{"$ref": "#"}],
                    {},
                ]
            ),
            JSON,
        ),
        max_size=4,
    ),
    st.dictionaries(TEXTS, JSON, max_size=3),
)


@examples(80)
@given(value=nested(SCALARS), schema=SCHEMAS)
def test_a_param_of_any_value_and_schema(value: Any, schema: Any) -> None:
    try:
        problem = params.problem(value, schema)
    except TradewindError as error:
        assert error.hint
        return
    assert problem is None or problem


# --- XComs ----------------------------------------------------------------------------------------


@examples(80)
@given(value=nested(SCALARS, keys=TEXTS.filter(lambda key: not key.startswith("__"))))
def test_an_xcom_comes_back_or_cannot_be_made(value: Any) -> None:
    try:
        text = json.dumps(serde.encode(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        assert str(error)
        return
    assert serde.decode(json.loads(text)) == value


MARKED = nested(
    st.one_of(
        SCALARS, st.sampled_from(["builtins.tuple", "datetime.datetime", "os.system", "x.Y"])
    ),
    keys=st.sampled_from(["__classname__", "__version__", "__data__", "timestamp", "tz", "a"]),
)


@examples(120)
@given(value=MARKED)
@example(value={"__classname__": "os.system", "__version__": 0, "__data__": "true"})
def test_what_looks_like_an_xcom(value: Any) -> None:
    """It may be whatever another program has stored; nothing but what is allowed is imported."""
    with (
        mock.patch.object(serde, "_import", wraps=serde._import) as imported,
        suppress(TypeError, ValueError, ImportError, LookupError, ArithmeticError, AttributeError),
    ):
        serde.decode(value)
    assert mock.call("os.system") not in imported.mock_calls


# --- connections ----------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "://",
        ":",
        "@",
        "/",
        "?",
        "#",
        "[",
        "]",
        "%",
        "%zz",
        "&",
        "=",
        "host",
        "postgres",
        "80",
        "a-b",
        "__extra__={}",
        "__extra__=",
        "[::1]",
        "99999",
        "-1",
        " ",
        "ü",
        "%2F",
        "//",
    ]
)


@examples(120)
@given(uri=st.one_of(st.lists(PIECES, max_size=9).map("".join), TEXTS.filter("\udcff".__ne__)))
@example(uri="http://h/?__extra__=[1]")
def test_any_text_as_a_connection(uri: str) -> None:
    for make in (Connection.from_uri, Connection.from_text):
        try:
            connection = make(uri, "c")
        except (AirflowException, ValueError) as error:
            assert str(error)
            continue
        Connection.from_uri(connection.get_uri())
        assert isinstance(connection.extra_dejson, dict)


@examples(80)
@given(
    parts=st.fixed_dictionaries(
        {"conn_type": st.sampled_from(["http", "google_cloud_platform", "aws", "x"])},
        optional={
            "host": st.from_regex(r"\A[a-z0-9.-]{1,9}\Z"),
            "login": st.text(min_size=1, max_size=9).filter(lambda t: "\udcff" not in t),
            "password": st.text(min_size=1, max_size=9),
            "schema": st.text(min_size=1, max_size=9),
            "port": st.integers(1, 65535),
            "extra": st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3).map(
                json.dumps
            ),
        },
    )
)
def test_connections_there_and_back(parts: dict[str, Any]) -> None:
    connection = Connection(conn_id="c", **parts)
    again = Connection.from_uri(connection.get_uri(), "c")
    for name in ("conn_type", "host", "login", "password", "schema", "port"):
        assert (getattr(again, name) or None) == (getattr(connection, name) or None), name
    assert again.extra_dejson == connection.extra_dejson


# --- settings -------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        "TRADEWIND_CORE__PARALLELISM",
        "TRADEWIND_CORE__BUNDLES",
        "TRADEWIND_DATABASE__URL",
        "TRADEWIND_SCHEDULER__RUN_LEASE_SECONDS",
        "TRADEWIND_CORE__X",
        "TRADEWIND_X__Y",
        "AIRFLOW__CORE__EXECUTOR",
        "TRADEWIND__",
        "TRADEWIND_CORE__DAGS_ARE_PAUSED_AT_CREATION",
    ]
)
SETTING_VALUES = st.one_of(
    TEXTS, JSON.map(json.dumps), st.sampled_from(["[" * 5000, "nan", "1e999"])
)
TOML = st.one_of(
    st.lists(
        st.sampled_from(
            [
                "[core]",
                "[core",
                "[[core]]",
                "[core.bundles]",
                "parallelism = 4",
                "parallelism = 'x'",
                "bundles = [{name = 'a', path = '/a'}]",
                "x = 1",
                "[x]",
                "core = 1",
                "a = " + "[" * 5000,
                "parallelism = nan",
                "parallelism = 2026-01-01",
                '"\\ud800" = 1',
                "\ufeff[core]",
            ]
        ),
        max_size=5,
    ).map(lambda lines: "\n".join(lines).encode()),
    st.binary(max_size=30),
)


@examples(80)
@given(environment=st.dictionaries(NAMES, SETTING_VALUES, max_size=3), toml=TOML)
def test_settings(environment: dict[str, str], toml: bytes, tmp_path: Any) -> None:
    (tmp_path / "tradewind.toml").write_bytes(toml)
    try:
        settings = load({"TRADEWIND_HOME": str(tmp_path), **environment})
    except TradewindError as error:
        assert str(error)
        return
    for _, _, value, _ in settings.rows():
        assert not (isinstance(value, float) and math.isnan(value))


# --- logs -----------------------------------------------------------------------------------------

RECORDS = st.one_of(
    st.binary(max_size=40),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["ts", "level", "event", "logger", "source", "exception"],
            st.one_of(
                TEXTS, JSON, st.sampled_from(["2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
            ),
        ),
    ).map(lambda record: json.dumps(record).encode()),
)


@examples(80)
@given(line=RECORDS, level=st.sampled_from(LEVELS))
def test_any_line_of_a_log(line: bytes, level: str, capfd: pytest.CaptureFixture[str]) -> None:
    print_record(line + b"\n", level)

import datetime as dt
import uuid
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.sdk import Asset, AssetAlias, serde

MOMENT = 1767323045.0  # 2026-01-02 03:04:05 UTC


def encoded(classname: str, version: int, data: Any) -> dict[str, Any]:
    return {"__classname__": classname, "__version__": version, "__data__": data}


def zone(name: str, kind: str) -> dict[str, Any]:
    return encoded("builtins.tuple", 1, [name, f"pendulum.tz.timezone.{kind}", 1, True])


Pair = namedtuple("Pair", "a b")


class Colour(StrEnum):
    RED = "red"


class Shape(Enum):
    ROUND = "round"


@dataclass
class Point:
    x: int
    y: int


# value, its JSON form, and what that is read back as: recorded on Airflow 3.3.2
RECORDED = [
    ((1, 2), encoded("builtins.tuple", 1, [1, 2]), (1, 2)),
    ({3}, encoded("builtins.set", 1, [3]), {3}),
    (frozenset({4}), encoded("builtins.frozenset", 1, [4]), frozenset({4})),
    (
        dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        encoded("datetime.datetime", 2, {"timestamp": MOMENT, "tz": zone("UTC", "FixedTimezone")}),
        dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    ),
    (
        pendulum.datetime(2026, 1, 2, tz="Europe/Berlin"),
        encoded(
            "pendulum.datetime.DateTime",
            2,
            {"timestamp": 1767308400.0, "tz": zone("Europe/Berlin", "Timezone")},
        ),
        pendulum.datetime(2026, 1, 2, tz="Europe/Berlin"),
    ),
    (
        dt.date(2026, 1, 2),
        encoded("datetime.date", 2, "2026-01-02"),
        dt.date(2026, 1, 2),
    ),
    (
        dt.timedelta(hours=1, seconds=1),
        encoded("datetime.timedelta", 2, 3601.0),
        dt.timedelta(seconds=3601),
    ),
    (Decimal("1.50"), encoded("decimal.Decimal", 1, 1.5), Decimal("1.5")),
    (Decimal(2), encoded("decimal.Decimal", 1, 2), Decimal(2)),
    ({1: "one"}, {"1": "one"}, {"1": "one"}),
    ("žluťoučký ☃", "žluťoučký ☃", "žluťoučký ☃"),
]


@pytest.mark.parametrize(("value", "stored", "back"), RECORDED)
def test_as_recorded_on_airflow(value: Any, stored: Any, back: Any) -> None:
    assert serde.encode(value) == stored
    assert serde.decode(stored) == back
    assert type(serde.decode(stored)) is type(back)


def test_utc_comes_back_as_pendulums() -> None:
    back = serde.decode(serde.encode(dt.datetime(2026, 1, 2, tzinfo=dt.UTC)))

    assert repr(back.tzinfo) == "Timezone('UTC')"


def test_assets_are_stored_under_airflows_names() -> None:
    asset = Asset("a", "s3://b/c", extra={"x": 1})
    stored = serde.encode([asset, AssetAlias("z"), Asset.ref(name="q")])

    access = "airflow.sdk.definitions.asset.access_control.AssetAccessControl"
    team_fields = {"producer_teams": [], "consumer_teams": None, "allow_global": True}
    fields = {"name": "a", "uri": "s3://b/c", "group": "asset", "extra": {"x": 1}, "watchers": []}
    fields["access_control"] = encoded(access, 0, team_fields)
    assert stored == [
        encoded("airflow.sdk.definitions.asset.Asset", 1, fields),
        encoded("airflow.sdk.definitions.asset.AssetAlias", 0, {"name": "z", "group": "asset"}),
        encoded("airflow.sdk.definitions.asset.AssetNameRef", 0, {"name": "q"}),
    ]
    assert serde.decode(stored) == [asset, AssetAlias("z"), Asset.ref(name="q")]


def test_a_zone_that_is_only_an_offset_stays_readable() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2)))

    back = serde.decode(serde.encode(at))

    assert back == at
    assert back.utcoffset() == dt.timedelta(hours=2)


def test_a_time_zone_by_itself() -> None:
    for zone in (pendulum.timezone("Asia/Tokyo"), pendulum.timezone(3600)):
        assert serde.decode(serde.encode(zone)) == zone


def test_other_types_with_a_form() -> None:
    assert serde.encode(Pair(1, 2)) == encoded("builtins.tuple", 1, [1, 2])
    assert serde.encode(Colour.RED) == "red"
    with pytest.raises(TypeError, match="Cannot serialize"):
        serde.encode(Shape.ROUND)
    identity = uuid.uuid4()
    assert serde.decode(serde.encode(identity)) == identity
    assert serde.decode(serde.encode(ZoneInfo("Asia/Tokyo"))) == ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"raw", TypeError),
        (object(), TypeError),
        (2**70, ValueError),
        (-(2**70), ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
        ({"deep": [2**64]}, ValueError),
        ({"__classname__": "x"}, AttributeError),
    ],
)
def test_values_without_a_form_are_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        serde.encode(value)


def test_dataclasses_are_stored_but_read_only_when_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = serde.encode(Point(1, 2))
    assert stored == encoded(f"{__name__}.Point", 0, {"x": 1, "y": 2})

    with pytest.raises(ImportError, match="allowed_deserialization_classes"):
        serde.decode(stored)

    monkeypatch.setenv("AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES", f"{__name__}.*")
    assert serde.decode(stored) == Point(1, 2)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
ZONES = st.sampled_from([dt.UTC, ZoneInfo("Europe/Berlin")])
RICH = st.recursive(
    JSON
    | st.datetimes(timezones=ZONES, allow_imaginary=False).filter(
        lambda at: 1971 < at.year < 2100 and at.utcoffset() == at.replace(fold=1).utcoffset()
    )
    | st.dates()
    | st.uuids(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(JSON)
def test_json_stays_as_it_is(value: Any) -> None:
    if "__classname__" not in str(value):
        assert serde.encode(value) == value
        assert serde.decode(value) == value


@given(RICH)
def test_round_trip(value: Any) -> None:
    if "__classname__" not in str(value):
        assert serde.decode(serde.encode(value)) == value

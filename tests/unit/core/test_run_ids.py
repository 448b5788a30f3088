"""Run ids as Airflow makes and takes them."""

from datetime import UTC, datetime

import pytest

from tradewind.core import run_ids
from tradewind.core.errors import UserError
from tradewind.core.states import DagRunType

AT = datetime(2026, 1, 15, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_type", "options", "run_id"),
    [
        (DagRunType.SCHEDULED, {}, "scheduled__2026-01-15T06:00:00+00:00"),
        (DagRunType.MANUAL, {}, "manual__2026-01-15T06:00:00+00:00"),
        (DagRunType.BACKFILL, {}, "backfill__2026-01-15T06:00:00+00:00"),
        (
            DagRunType.ASSET_TRIGGERED,
            {"suffix": "aB3dE6gH"},
            "asset_triggered__2026-01-15T06:00:00+00:00_aB3dE6gH",
        ),
        (
            DagRunType.SCHEDULED,
            {"partition_key": "2026-01-15", "suffix": "aB3dE6gH"},
            "scheduled__2026-01-15T06:00:00+00:00__2026-01-15__aB3dE6gH",
        ),
    ],
)
def test_generate(run_type: DagRunType, options: dict[str, str], run_id: str) -> None:
    assert run_ids.generate(run_type, AT, **options) == run_id
    assert run_ids.type_of(run_id) is run_type


def test_generated_with_microseconds() -> None:
    at = AT.replace(microsecond=120)
    run_id = run_ids.generate(DagRunType.MANUAL, at)
    assert run_id == "manual__2026-01-15T06:00:00.000120+00:00"
    run_ids.check(run_id, DagRunType.MANUAL)


@pytest.mark.parametrize("run_id", ["nightly", "corpus__1", "2026-01-15T06:00:00+01:00", "a.b~c:d"])
def test_chosen_ids_that_are_fine(run_id: str) -> None:
    run_ids.check(run_id, DagRunType.MANUAL)
    assert run_ids.type_of(run_id) is DagRunType.MANUAL


@pytest.mark.parametrize(
    ("run_id", "why"),
    [
        ("two words", "characters that are not allowed"),
        ("", "characters that are not allowed"),
        ("a/b", "characters that are not allowed"),
        ("a..b", "'..'"),
        ("x" * 251, "251 characters"),
        ("scheduled__mine", "'scheduled__' begins other runs' ids"),
        ("asset_triggered__x", "'asset_triggered__' begins other runs' ids"),
    ],
)
def test_chosen_ids_that_are_refused(run_id: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        run_ids.check(run_id, DagRunType.MANUAL)
    assert caught.value.hint


def test_an_automatic_run_may_have_its_own_prefix() -> None:
    run_ids.check("scheduled__mine", DagRunType.SCHEDULED)

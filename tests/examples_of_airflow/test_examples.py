"""Airflow's example DAGs load, and run to the states that their texts promise."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples_of_airflow.installation import ON_ITS_OWN, Installation
from examples_of_airflow.promises import (
    APART,
    BY_EVENTS,
    BY_HAND,
    NEVER,
    RUNS_OF_EVENTS,
    Promise,
)

pytestmark = pytest.mark.timeout(600)

RUN = "by_hand"
DATE = "2026-11-27T06:30"  # a Friday, an even minute
_HOURS = ("2026-11-02T00:00", "2026-11-02T23:59")
_BACKFILLS = {
    "ingest_team_a_player_stats": _HOURS,  # a whole day of hours
    "team_b_player_stats": ("2026-11-02T03:00", "2026-11-02T03:59"),
    "team_c_player_stats": ("2026-11-02T03:00", "2026-11-02T03:59"),
    "train_weekly_model": ("2026-11-02T00:00", "2026-11-02T00:00"),  # a Monday
}
_WATCHED = (Path("/tmp/test"), Path("/tmp/region-flags/us.flag"), Path("/tmp/region-flags/eu.flag"))
_ENDED = ("success", "failed")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("examples"))
    yield installation
    installation.close()


@pytest.fixture(scope="module")
def loaded(installation: Installation) -> set[str]:
    """The DAGs, once every file has been looked at."""
    texts = [path.read_text().lower() for path in installation.dags.rglob("*.py")]
    expected = sum("dag" in text and "airflow" in text for text in texts)  # as Airflow looks
    installation.until(lambda: len(installation.files()) >= expected, time.monotonic() + 180)
    return {row["dag_id"] for row in installation.json("dags", "list")}


@pytest.fixture(scope="module")
def deadline(installation: Installation, loaded: set[str]) -> float:
    """All runs are started together; they have ended by then."""
    installation.run("dags", "unpause", *sorted(loaded & {*BY_HAND, *BY_EVENTS, *NEVER}))
    for dag_id, promise in BY_HAND.items():
        conf = json.dumps(promise.conf)
        installation.run("dags", "trigger", dag_id, "-r", RUN, "-l", DATE, "-c", conf)
    for dag_id, (start, end) in _BACKFILLS.items():
        installation.run(
            "backfill", "create", "--dag-id", dag_id, "--from-date", start, "--to-date", end
        )
    for path in _WATCHED:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return time.monotonic() + 300


def test_every_file_loads_and_every_dag_is_accounted_for(
    installation: Installation, loaded: set[str]
) -> None:
    assert installation.json("dags", "list-import-errors") == []
    on_its_own = {"read_asset_event", "read_asset_event_from_classic"}
    assert loaded | on_its_own == {*BY_HAND, *BY_EVENTS, *NEVER, *APART}


def test_the_file_that_excludes_another_one_loads_by_itself(installation: Installation) -> None:
    """And one of its DAGs runs: events that are not there are no failure for it."""
    path = installation.home / "own" / ON_ITS_OWN
    output = installation.run("dags", "test", str(path), "read_asset_event")

    assert "success" in output.splitlines()[-1]


@pytest.mark.parametrize(("dag_id", "promise"), BY_HAND.items(), ids=BY_HAND)
def test_a_run_by_hand_ends_as_promised(
    installation: Installation, deadline: float, dag_id: str, promise: Promise
) -> None:
    state = installation.until(lambda: _ended(installation, dag_id), deadline)
    states = installation.states(dag_id, RUN)

    assert state == promise.state, states
    if promise.counts is not None:
        assert Counter(states.values()) == promise.counts
    else:
        odd = {task_id: state for task_id, state in states.items() if state != "success"}
        assert odd == promise.otherwise


def _ended(installation: Installation, dag_id: str) -> str | None:
    state = installation.run("dags", "state", dag_id, RUN).strip()
    return state if state in _ENDED else None


@pytest.mark.parametrize("dag_id", BY_EVENTS)
def test_events_make_the_promised_runs(
    installation: Installation, deadline: float, dag_id: str
) -> None:
    wanted = RUNS_OF_EVENTS.get(dag_id)

    def runs() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = [
            run
            for run in installation.json("dags", "list-runs", dag_id)
            if run["run_type"] != "manual" and run["run_type"] != "scheduled"
        ]
        enough = len(found) >= (wanted or 1) and all(run["state"] in _ENDED for run in found)
        return found if enough else None

    found = installation.until(runs, deadline)
    assert found, installation.json("dags", "list-runs", dag_id)
    assert {run["state"] for run in found} == {"success"}
    assert wanted in (None, len(found))


@pytest.mark.parametrize("dag_id", NEVER)
def test_what_never_runs_does_not(installation: Installation, deadline: float, dag_id: str) -> None:
    """After all others have ended, as the tests before have waited for."""
    assert installation.json("dags", "list-runs", dag_id) == []

"""Real inotify on real folders; the clock that says when a change has settled is the test's."""

import select
from pathlib import Path

import pytest

from tradewind.bundles import inotify
from tradewind.bundles.base import QUIET_SECONDS, BundleUnavailable
from tradewind.bundles.folder import (
    LONGEST_SECONDS,
    POLL_SECONDS,
    RESCAN_SECONDS,
    FolderBundle,
)
from tradewind.bundles.scan import Scanner

CALM = 1000.0 + RESCAN_SECONDS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    (folder / "lib").mkdir(parents=True)
    (folder / "etl.py").write_text("one")
    return folder


def watched(root: Path) -> FolderBundle:
    """A bundle that was refreshed at the moment 1000 and has seen everything so far."""
    bundle = FolderBundle("dags", root)
    assert bundle.due(1000.0) <= 1000.0
    look(bundle)
    assert bundle.due(1000.0) == CALM
    return bundle


def look(bundle: FolderBundle) -> None:
    bundle.refresh()
    while bundle.watch(Scanner().scan(bundle.path).folders):
        pass


def signalled(bundle: FolderBundle) -> bool:
    descriptor = bundle.signs()
    assert descriptor is not None
    return bool(select.select([descriptor], [], [], 0)[0])


def test_a_saved_file_is_due_once_it_is_quiet(root: Path) -> None:
    bundle = watched(root)
    (root / "etl.py").write_text("two")
    assert signalled(bundle)
    assert bundle.due(1001.0) == 1001.0 + QUIET_SECONDS
    (root / "lib" / "helper.py").write_text("")
    assert bundle.due(1001.05) == pytest.approx(1001.05 + QUIET_SECONDS)
    look(bundle)
    assert bundle.due(1002.0) == pytest.approx(1001.05 + RESCAN_SECONDS)


def test_a_file_that_is_still_being_written_is_waited_for(root: Path) -> None:
    bundle = watched(root)
    with (root / "etl.py").open("w") as file:
        file.write("half")
        file.flush()
        assert bundle.due(1001.0) == 1001.0 + LONGEST_SECONDS
    assert bundle.due(1001.5) == 1001.5 + QUIET_SECONDS


def test_endless_writing_is_looked_at_all_the_same(root: Path) -> None:
    bundle = watched(root)
    with (root / "etl.py").open("w") as file:
        for moment in range(4):
            file.write("more")
            file.flush()
            assert bundle.due(1001.0 + moment) == 1001.0 + LONGEST_SECONDS


def test_folders_that_come_later_are_watched_too(root: Path) -> None:
    bundle = watched(root)
    (root / "new").mkdir()
    assert bundle.due(1001.0) < CALM
    look(bundle)
    bundle.due(1001.0)
    (root / "new" / "etl.py").write_text("")
    assert bundle.due(1002.0) == 1002.0 + QUIET_SECONDS


@pytest.mark.parametrize("name", ["__pycache__", "etl.cpython-311.pyc", ".etl.py.swp"])
def test_what_is_not_part_of_a_bundle_is_no_change(root: Path, name: str) -> None:
    bundle = watched(root)
    (root / name).write_text("")
    assert bundle.due(1001.0) == CALM


def test_without_watches_it_is_looked_at_often(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise inotify.WatchLimit(28, "No space left on device")

    monkeypatch.setattr(inotify.Inotify, "add", refuse)
    bundle = FolderBundle("dags", root)
    assert bundle.due(1000.0) <= 1000.0
    look(bundle)
    assert bundle.due(1000.0) == 1000.0 + POLL_SECONDS
    assert bundle.signs() is None
    assert "max_user_watches" in caplog.text


def test_a_link_that_turns_is_a_change(tmp_path: Path) -> None:
    for release in ("1", "2"):
        (tmp_path / "releases" / release / "dags").mkdir(parents=True)
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    bundle = watched(current / "dags")

    (tmp_path / "next").symlink_to("releases/2")
    assert bundle.due(1001.0) == CALM
    (tmp_path / "next").rename(current)
    assert bundle.due(1001.0) == 1001.0 + QUIET_SECONDS
    look(bundle)
    bundle.due(1001.0)
    (tmp_path / "releases" / "2" / "dags" / "etl.py").write_text("")
    assert bundle.due(1002.0) == 1002.0 + QUIET_SECONDS


def test_a_folder_that_vanishes_and_comes_back(root: Path, tmp_path: Path) -> None:
    bundle = watched(root)
    aside = root.rename(tmp_path / "aside")
    assert bundle.due(1001.0) == 1001.0 + QUIET_SECONDS
    with pytest.raises(BundleUnavailable, match="does not exist") as raised:
        bundle.refresh()
    assert raised.value.hint
    aside.rename(root)
    assert bundle.due(1002.0) == 1002.0 + QUIET_SECONDS
    bundle.refresh()

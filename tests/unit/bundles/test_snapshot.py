import os
import threading
from pathlib import Path

import pytest

from tradewind.bundles.scan import FileGone, Scanner
from tradewind.bundles.snapshot import Snapshots, archive_key
from tradewind.core.errors import InfrastructureError, NotFound
from tradewind.storage.folder import FolderStorage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    (folder / "lib").mkdir(parents=True)
    (folder / "etl.py").write_text("one")
    (folder / "lib" / "run.sh").write_text("two")
    (folder / "lib" / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage")


@pytest.fixture
def snapshots(tmp_path: Path, storage: FolderStorage) -> Snapshots:
    return Snapshots(tmp_path / "home", storage)


def take(snapshots: Snapshots, root: Path) -> str:
    return snapshots.take(Scanner().scan(root))


def test_a_snapshot_is_the_content_and_read_only(snapshots: Snapshots, root: Path) -> None:
    digest = take(snapshots, root)
    unpacked = snapshots.path(digest)
    assert (unpacked / "etl.py").read_text() == "one"
    assert Scanner().scan(unpacked).digest == digest
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in [unpacked, *unpacked.rglob("*")]}
    assert modes == {digest: "0o555", "lib": "0o555", "etl.py": "0o444", "run.sh": "0o555"}


def test_it_does_not_change_with_its_source(snapshots: Snapshots, root: Path) -> None:
    before = take(snapshots, root)
    (root / "etl.py").write_text("changed")
    after = take(snapshots, root)
    assert before != after
    assert (snapshots.path(before) / "etl.py").read_text() == "one"
    assert (snapshots.path(after) / "etl.py").read_text() == "changed"


def test_unchanged_files_take_no_more_room(snapshots: Snapshots, root: Path) -> None:
    before = take(snapshots, root)
    (root / "etl.py").write_text("changed")
    after = take(snapshots, root)
    shared = [snapshots.path(digest) / "lib" / "run.sh" for digest in (before, after)]
    assert shared[0].samefile(shared[1])


def test_a_file_that_changes_after_the_scan_makes_no_snapshot(
    snapshots: Snapshots, root: Path
) -> None:
    scan = Scanner().scan(root)
    (root / "etl.py").write_text("later")
    with pytest.raises(FileGone):
        snapshots.take(scan)
    (root / "etl.py").unlink()
    with pytest.raises(FileGone):
        snapshots.take(scan)
    assert list(snapshots.folder.iterdir()) == []


def test_several_may_take_the_same_at_once(
    snapshots: Snapshots, root: Path, storage: FolderStorage, tmp_path: Path
) -> None:
    for number in range(50):
        (root / f"file_{number}.py").write_text(str(number))
    digests: list[str] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        own = Snapshots(tmp_path / "home", storage)
        scan = Scanner().scan(root)
        barrier.wait()
        digests.append(own.take(scan))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 4
    assert [path.name for path in snapshots.folder.iterdir()] == [digests[0]]
    assert Scanner().scan(snapshots.path(digests[0])).digest == digests[0]


def test_another_machine_fetches_the_archive(
    snapshots: Snapshots, root: Path, storage: FolderStorage, tmp_path: Path
) -> None:
    digest = take(snapshots, root)
    unpacked = Snapshots(tmp_path / "elsewhere", storage).fetch(digest)
    assert Scanner().scan(unpacked).digest == digest
    assert os.access(unpacked / "lib" / "run.sh", os.X_OK)
    assert (unpacked / "etl.py").stat().st_mode & 0o777 == 0o444


def test_what_cannot_be_fetched_says_so(
    snapshots: Snapshots, root: Path, storage: FolderStorage, tmp_path: Path
) -> None:
    elsewhere = Snapshots(tmp_path / "elsewhere", storage)
    with pytest.raises(NotFound, match="in no storage"):
        elsewhere.fetch("0" * 64)
    good = take(snapshots, root)
    archive = storage.get(archive_key(good))
    assert archive is not None
    storage.put(archive_key("0" * 64), archive)
    with pytest.raises(InfrastructureError, match="damaged"):
        elsewhere.fetch("0" * 64)
    assert list(elsewhere.folder.iterdir()) == []


def test_the_archive_of_equal_content_is_equal(
    snapshots: Snapshots, root: Path, storage: FolderStorage
) -> None:
    digest = take(snapshots, root)
    first = storage.get(archive_key(digest))
    storage.delete(archive_key(digest))
    os.utime(root / "etl.py", (1, 1))
    assert take(snapshots, root) == digest
    assert storage.get(archive_key(digest)) == first


def test_unused_snapshots_are_removed(
    snapshots: Snapshots, root: Path, storage: FolderStorage
) -> None:
    old = take(snapshots, root)
    (root / "etl.py").write_text("changed")
    new = take(snapshots, root)
    left_over = snapshots.folder / ".staging-abc"
    (left_over / "lib").mkdir(parents=True)
    (left_over / "lib").chmod(0o555)
    assert snapshots.remove_unused({new}, min_age_seconds=3600) == []
    assert snapshots.remove_unused({new}, min_age_seconds=0) == [old]
    assert [path.name for path in snapshots.folder.iterdir()] == [new]
    assert not storage.exists(archive_key(old))
    assert storage.exists(archive_key(new))
    assert (snapshots.path(new) / "lib" / "run.sh").read_text() == "two"

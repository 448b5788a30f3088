"""`ObjectStoragePath` in a store that is no file system: fsspec's memory."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.task_bench import ControlPlane, connected
from tradewind.core.protocol import ConnectionValue
from tradewind.sdk import ObjectStoragePath, providers


def test_a_store_is_opened_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    plane = ControlPlane()
    plane.connections["store"] = ConnectionValue(
        conn_id="store", conn_type="aws", login="me", password="pw", extra='{"region": "eu"}'
    )
    asked = ObjectStoragePath("s3://store@bucket/key", use_ssl=False)
    assert plane.asked == []
    with connected(plane):
        assert asked._connection_options() == {"key": "me", "secret": "pw", "region": "eu"}
        assert ObjectStoragePath("memory://bucket")._connection_options() == {}


def test_reading_writing_and_listing() -> None:
    folder = ObjectStoragePath("memory://bucket/reading")
    file = folder / "in" / "a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("hello")
    with file.open("rb") as stream:
        assert stream.read() == b"hello"
    assert (file.bucket, file.container, file.key) == ("bucket", "bucket", "reading/in/a.txt")
    assert (file.namespace, file.path) == ("memory://bucket", "/bucket/reading/in/a.txt")
    assert (file.name, file.suffix, file.size()) == ("a.txt", ".txt", 5)
    assert file.read_block(1, 3) == b"ell"
    assert isinstance(file.checksum(), int)
    before = file.ukey()
    file.write_text("other")
    assert file.ukey() != before
    assert [str(path) for path in folder.rglob("*.txt")] == [str(file)]
    assert [path.name for path in folder.glob("*")] == ["in"]
    assert str(file.with_name("b")) == "memory://bucket/reading/in/b"
    assert str(file.with_suffix(".csv")).endswith("/a.csv")
    assert str(file.parents[1]) == str(folder)
    assert sorted([file, folder]) == [folder, file]
    assert ObjectStoragePath("memory://bucket", "reading", "in", "a.txt") == file
    with pytest.raises(TypeError, match="no local file"):
        Path(file)


def test_between_stores(tmp_path: Path) -> None:
    folder = ObjectStoragePath("memory://bucket/between")
    local = ObjectStoragePath(f"file://{tmp_path}")
    (local / "tree" / "deep").mkdir(parents=True)
    (local / "tree" / "deep" / "x").write_text("1")
    (local / "tree").copy(folder / "tree", recursive=True)
    assert (folder / "tree" / "deep" / "x").read_text() == "1"
    (folder / "tree" / "deep" / "x").copy(str(local / "back") + "/")
    assert (tmp_path / "back" / "x").read_text() == "1"
    (folder / "tree").move(folder / "moved", recursive=True)
    assert not (folder / "tree" / "deep" / "x").exists()
    assert (folder / "moved" / "deep" / "x").rename(folder / "y").read_text() == "1"
    (folder / "y").move_into(local)
    assert sorted(path.name for path in local.iterdir()) == ["back", "tree", "y"]
    (local / "tree").rmdir()
    assert not (tmp_path / "tree").exists()
    assert (local / "y").read_block(0, 1) == b"1"


def test_where_we_are() -> None:
    assert ObjectStoragePath.cwd().path == str(Path.cwd())
    assert ObjectStoragePath.home().path == str(Path.home())
    assert ObjectStoragePath("relative").absolute().path == str(Path("relative").absolute())


def test_the_stores_provider_opens_it_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    asked = []

    class Theirs(MemoryFileSystem):
        cachable = False

    def get_fs(conn_id: str | None, storage_options: dict[str, str]) -> Theirs:
        asked.append((conn_id, storage_options))
        return Theirs()

    theirs = SimpleNamespace(schemes=["memory", "other"], get_fs=get_fs)
    monkeypatch.setitem(sys.modules, "acme_fs", theirs)
    monkeypatch.setattr(
        providers, "described", {"filesystems": [(None, "nowhere.fs"), (None, "acme_fs")]}.get
    )
    providers.filesystem.cache_clear()
    try:
        folder = ObjectStoragePath("memory://store@bucket/theirs", speed="high")
        (folder / "x").write_text("1")
        assert [type(path.fs) for path in folder.iterdir()] == [Theirs]
        assert asked == [("store", {"speed": "high"})]
        assert providers.filesystem("unknown") is None
        assert type(ObjectStoragePath("memory://bucket/without").fs) is MemoryFileSystem
    finally:
        providers.filesystem.cache_clear()

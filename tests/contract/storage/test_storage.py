"""Every kind of storage keeps the same promises."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from tradewind.core.errors import UserError
from tradewind.storage import Storage, StorageError, open_storage
from tradewind.storage.objects import ObjectStorage


class Bucket(BaseHTTPRequestHandler):
    """As much of S3's protocol as single objects need."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    refuse: int | None

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._refused():
            self.objects[self.path] = body
            self._answer(200)

    def do_GET(self) -> None:
        if self.path.startswith("/box?"):
            self._answer(200, self._listing())
        elif not self._refused():
            body = self.objects.get(self.path)
            self._answer(404) if body is None else self._answer(200, body)

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self._answer(204)

    def do_POST(self) -> None:  # obstore deletes with a batch request
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [part.split("<")[0] for part in body.split("<Key>")[1:]]
        for key in keys:
            self.objects.pop(f"/box/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _listing(self) -> bytes:
        prefix = self.path.split("prefix=")[1].split("&")[0].replace("%2F", "/")
        entries = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"e"</ETag><Size>{len(body)}</Size></Contents>'
            for path, body in self.objects.items()
            if (key := path.removeprefix("/box/")).startswith(prefix)
        )
        return f"<ListBucketResult>{entries}</ListBucketResult>".encode()

    def _refused(self) -> bool:
        if self.refuse is None:
            return False
        self._answer(self.refuse)
        return True

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    handler = type("Handler", (Bucket,), {"objects": {}, "refuse": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["path", "file", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    match request.param:
        case "path":
            return open_storage(str(tmp_path / "new folder"))
        case "file":
            return open_storage(f"file://{tmp_path}/new%20folder")
        case "memory":
            return ObjectStorage(MemoryStore(), "memory:")
        case _:
            request.getfixturevalue("bucket")
            return open_storage("s3://box/some/prefix")


def test_what_is_put_can_be_got(storage: Storage) -> None:
    key = "bundles/1a2b.tar.gz"
    assert storage.get(key) is None
    assert not storage.exists(key)
    storage.put(key, b"one\0\xff")
    assert storage.get(key) == b"one\0\xff"
    assert storage.exists(key)
    storage.put(key, b"another")
    assert storage.get(key) == b"another"


def test_what_is_deleted_is_gone(storage: Storage) -> None:
    storage.put("a/b", b"1")
    storage.delete("a/b")
    storage.delete("a/b")
    assert storage.get("a/b") is None


def test_keys_below_a_folder(storage: Storage) -> None:
    assert storage.list("a") == []
    for key in ("a/z", "a/b/c", "ab", "d"):
        storage.put(key, b"1")
    assert storage.list("a") == ["a/b/c", "a/z"]
    assert storage.list("") == ["a/b/c", "a/z", "ab", "d"]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/."])
def test_keys_cannot_lead_elsewhere(storage: Storage, key: str) -> None:
    for use in (storage.get, storage.exists, storage.delete, lambda k: storage.put(k, b"")):
        with pytest.raises(ValueError, match="not a storage key"):
            use(key)


# --- a folder -------------------------------------------------------------------------------------


def test_a_broken_off_write_leaves_the_old_bytes_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(str(tmp_path))
    storage.put("k", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left") as failed:
        storage.put("k", b"new")
    assert "disk is full" in (failed.value.hint or "")
    assert os.listdir(tmp_path) == ["k"]
    assert storage.get("k") == b"old"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    storage = open_storage(str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"Cannot write 'a/b' in the storage .*/file") as failed:
        storage.put("a/b", b"1")
    assert "storage.url" in (failed.value.hint or "")


# --- a bucket -------------------------------------------------------------------------------------


def test_objects_lie_below_the_prefix(bucket: type[Bucket]) -> None:
    open_storage("s3://box/some/prefix").put("a/b", b"1")
    assert bucket.objects == {"/box/some/prefix/a/b": b"1"}


@pytest.mark.parametrize(("status", "says"), [(403, "may not do that"), (401, "credentials")])
def test_refusals_are_explained(bucket: type[Bucket], status: int, says: str) -> None:
    storage = open_storage("s3://box")
    bucket.refuse = status
    with pytest.raises(StorageError, match=r"Cannot write 'k' in the storage s3://box") as failed:
        storage.put("k", b"1")
    assert says in (failed.value.hint or "")
    with pytest.raises(StorageError):
        storage.get("k")


def test_a_bucket_that_lacks_what_it_needs_to_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    with pytest.raises(UserError, match="az://box cannot be opened"):
        open_storage("az://box")


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "s3://", "file://relative/path", "https://x/y"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UserError) as refused:
        open_storage(url)
    assert "s3://bucket/prefix" in (refused.value.hint or "")

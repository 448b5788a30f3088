"""Folders of DAG files with names and contents of all sorts."""

import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fuzz.effort import examples
from tradewind.bundles.base import BundleUnavailable
from tradewind.bundles.discovery import Discovery, is_ignored, read_rules
from tradewind.bundles.scan import FileGone, Scanner
from tradewind.bundles.snapshot import Snapshots
from tradewind.storage.folder import FolderStorage

NAMES = st.one_of(
    st.sampled_from(
        [
            b"a.py",
            b"b.PY",
            b"a",
            b"\xff.py",
            b"\xe2\x80.py",
            b"new\nline.py",
            b" .py",
            b"-x.py",
            b"a b.py",
            b".airflowignore",
            b".hidden.py",
            b"..data",
            b"x" * 200 + b".py",
            b"*.py",
            "ünï.py".encode(),
            b"a.zip",
            b"__init__.py",
            b"\x1b[31m.py",
            b"a.py~",
            b"a.log",
        ]
    ),
    st.binary(min_size=1, max_size=8).map(
        lambda name: name.replace(b"/", b"_").replace(b"\0", b"_") + b"_.py"
    ),
)
CONTENTS = st.one_of(
    st.sampled_from(
        [b"", b"import airflow; dag = 1\n", b"\xff\xfe\0", b"(\n[\n!\n**/\nre[\n", b"PK\3\4"]
    ),
    st.binary(max_size=40),
)


@st.composite
def entries(draw: Any) -> tuple[str, bytes, bytes]:
    kind = draw(st.sampled_from(["file", "file", "folder", "link", "loop", "fifo", "zip"]))
    return kind, draw(NAMES), draw(CONTENTS)


def put(folder: bytes, kind: str, name: bytes, content: bytes) -> bytes:
    """Make the entry; the folder in which the next one goes."""
    path = os.path.join(folder, name)
    if os.path.lexists(path):
        return folder
    match kind:
        case "folder":
            os.mkdir(path)
            return path
        case "link":
            os.symlink(os.path.join(folder, b"a.py"), path)
        case "loop":
            os.symlink(folder, path)
        case "fifo":
            os.mkfifo(path)
        case "zip":
            with zipfile.ZipFile(os.fsdecode(path), "w") as archive:
                archive.writestr("inside.py", content)
        case _:
            Path(os.fsdecode(path)).write_bytes(content)
    return folder


@examples(20)
@given(made=st.lists(entries(), max_size=6))
def test_a_folder_of_odd_names_is_taken_or_refused(made: Any, tmp_path_factory: Any) -> None:
    home = tmp_path_factory.mktemp("home")
    root = home / "dags"
    root.mkdir()
    folder = os.fsencode(root)
    for kind, name, content in made:
        folder = put(folder, kind, name, content)
    try:
        scan = Scanner().scan(root)
    except (BundleUnavailable, FileGone):
        return
    snapshots = Snapshots(home, FolderStorage(home / "storage"))
    digest = snapshots.take(scan)
    for path in Discovery().candidates(snapshots.path(digest), scan.hashes):
        assert (snapshots.path(digest) / path).is_file()
    path = snapshots.path(digest)
    path.rename(home / "moved")  # so that it comes from the archive
    assert snapshots.fetch(digest) == path
    assert Scanner().scan(path).digest == digest


PATTERNS = st.text("ab*?[]!/\\#. {}()^$|+-", max_size=12)


@examples(300)
@given(
    text=st.lists(PATTERNS, max_size=4).map("\n".join),
    path=st.lists(st.sampled_from(["a", "b", "ab", "a.py", "-", "["]), min_size=1, max_size=4),
    is_dir=st.booleans(),
)
def test_any_ignore_file(text: str, path: list[str], is_dir: bool) -> None:
    for syntax in ("glob", "regexp"):
        is_ignored(PurePosixPath(*path), is_dir, read_rules(text, PurePosixPath(), syntax))

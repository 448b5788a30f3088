import os
import socket
from pathlib import Path

import pytest

from tradewind.bundles.base import BundleUnavailable
from tradewind.bundles.scan import Limits, Scanner


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    (folder / "lib").mkdir(parents=True)
    (folder / "etl.py").write_text("one")
    (folder / "lib" / "helper.py").write_text("two")
    return folder


def paths(root: Path) -> list[str]:
    return [entry.path for entry in Scanner().scan(root).entries]


def digest(root: Path) -> str:
    return Scanner().scan(root).digest


def test_the_digest_is_of_the_content_and_nothing_else(root: Path, tmp_path: Path) -> None:
    before = digest(root)
    os.utime(root / "etl.py", (1, 1))
    assert digest(root) == before
    assert digest(root.rename(tmp_path / "elsewhere")) == before


@pytest.mark.parametrize("change", ["content", "mode", "name", "new", "gone"])
def test_every_change_of_content_changes_the_digest(root: Path, change: str) -> None:
    scanner = Scanner()
    before = scanner.scan(root).digest
    file = root / "etl.py"
    match change:
        case "content":
            file.write_text("onE")
        case "mode":
            file.chmod(0o755)
        case "name":
            file.rename(root / "etl2.py")
        case "new":
            (root / "more.sql").write_text("")
        case "gone":
            file.unlink()
    assert scanner.scan(root).digest != before


def test_a_rewrite_within_the_clock_s_grain_is_seen(root: Path) -> None:
    scanner = Scanner()
    before = scanner.scan(root)
    seen = (root / "etl.py").stat()
    (root / "etl.py").write_text("two")  # the same length
    os.utime(root / "etl.py", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert scanner.scan(root).digest != before.digest


def test_old_files_are_not_read_again(root: Path) -> None:
    for path in (root / "etl.py", root / "lib" / "helper.py"):
        os.utime(path, (1, 1))
    scanner = Scanner()
    before = scanner.scan(root)
    (root / "etl.py").write_text("six")  # the same length and, put back, the same time
    os.utime(root / "etl.py", (1, 1))
    assert scanner.scan(root).digest == before.digest


def test_what_no_dag_depends_on_is_left_out(root: Path) -> None:
    for skipped in (".git/HEAD", "__pycache__/etl.cpython-311.pyc", "lib/.helper.py.swp", "x.py~"):
        (root / skipped).parent.mkdir(exist_ok=True)
        (root / skipped).write_text("")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket"))
        os.mkfifo(root / "pipe")
        assert paths(root) == ["etl.py", "lib/helper.py"]


def test_our_own_home_inside_of_the_folder_is_left_out(root: Path) -> None:
    home = root / ".tradewind"
    home.mkdir()
    (home / "tradewind.db").write_text("")
    assert [e.path for e in Scanner(excluded=(home,)).scan(root).entries] == paths(root / "lib/..")[
        1:
    ]


def test_links_are_followed_but_not_round_in_circles(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "shared"
    outside.mkdir()
    (outside / "common.py").write_text("")
    (root / "shared").symlink_to(outside)
    (root / "lib" / "up").symlink_to(root)
    (root / "dangling.py").symlink_to(tmp_path / "nowhere")
    assert paths(root) == ["etl.py", "lib/helper.py", "shared/common.py"]


def test_a_configmap_volume_is_seen_once(tmp_path: Path) -> None:
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "..2026_01_01" / "etl.py").write_text("")
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "etl.py").symlink_to("..data/etl.py")
    assert paths(tmp_path) == ["etl.py"]


@pytest.mark.parametrize("limits", [Limits(files=1), Limits(size_bytes=4)])
def test_too_large_a_bundle_is_refused_with_its_largest_part(root: Path, limits: Limits) -> None:
    with pytest.raises(BundleUnavailable, match=r"too large.*'etl.py'|too large.*'lib'"):
        Scanner(limits).scan(root)


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleUnavailable, match="does not exist") as raised:
        Scanner().scan(tmp_path / "none")
    assert raised.value.hint


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.py").touch()
    with pytest.raises(BundleUnavailable, match="not text in UTF-8") as caught:
        Scanner().scan(tmp_path)
    str(caught.value).encode()
    assert caught.value.hint

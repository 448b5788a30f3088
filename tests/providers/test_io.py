"""The common.io provider."""

from pathlib import Path

from providers.conftest import Tradewind


def test_a_file_is_copied(tradewind: Tradewind, tmp_path: Path) -> None:
    done = tradewind.run("run_io", FOLDER=str(tmp_path))
    assert set(done.states.values()) == {"success"}, done.output

"""When a slot of the local executor counts as free."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

from tradewind.executors.base import AttemptEnded
from tradewind.executors.local import LocalExecutor


def test_a_slot_is_free_once_its_attempts_end_was_told(tmp_path: Path) -> None:
    """A claim between the end of a process and its report would make one attempt too many live."""
    executor = LocalExecutor(Mock(), slots=2, log_folder=tmp_path)
    executor._connection = Mock()
    executor.start(Mock(attempt_id=1), lease_seconds=30.0)
    assert executor.free_slots() == 1
    executor._publish([AttemptEnded(attempt_id=1, at=datetime.now(UTC))])
    assert executor.free_slots() == 1
    executor.events()
    assert executor.free_slots() == 2

"""Skipping in all scheduled runs but the newest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tradewind.core.dag import Slot
from tradewind.core.states import DagRunType
from tradewind.core.timetables import next_slot
from tradewind.sdk.operators.branch import BaseBranchOperator


class LatestOnlyOperator(BaseBranchOperator):
    """Skips the direct children unless this run is the newest that the schedule asks for by now.

    A manual run, and the last run of a schedule that ends, always go on.
    """

    ui_color = "#e9ffdb"

    def choose_branch(self, context: Any) -> str | Iterable[str] | None:
        run = context["dag_run"]
        if run.run_type == DagRunType.MANUAL or self._is_newest(run):
            self.log.info("Latest, allowing execution to proceed.")
            return list(self.get_direct_relative_ids(upstream=False))
        self.log.info("Not latest execution, skipping downstream.")
        return []

    def _is_newest(self, run: Any) -> bool:
        from tradewind.sdk.serialize import serialize_timetable

        date = run.logical_date or run.run_after
        this = Slot(
            logical_date=date,
            interval_start=run.data_interval_start or date,
            interval_end=run.data_interval_end or date,
            run_after=run.run_after,
        )
        now = datetime.now(UTC)
        following = next_slot(
            serialize_timetable(self.dag),
            last=this,
            earliest=None,
            latest=None,
            catchup=True,
            now=now,
        )
        if following is None:
            return True
        begin = this.interval_start or date
        return bool(begin < now <= (following.interval_end or following.run_after))
